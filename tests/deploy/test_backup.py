"""The commands below "Backup" on docs/operations.md, as they stand there, on a real PostgreSQL with both databases."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.composition import services
from tests.deploy.test_operations_page import section
from tests.support.requirements import TOOLS

pytestmark = pytest.mark.postgresql

DATABASES = ("temporal", "temporal_visibility")
SAVE, RESTORE = re.findall(r"```sh\n(.*?)```", section("Backup"), re.DOTALL)
NOBODY = 65534
"""Whom root runs the server as: it refuses to run as root."""
COMPOSE = """\
#!/bin/sh
# What is run in the container of postgresql is run here. Nothing else has to start or stop.
[ "$2" = exec ] || exit 0
[ "$3 $4" = "-T postgresql" ] || exit 1
shift 4
exec "$@"
"""


@dataclass
class Database:
    """A server that runs, with the socket in a folder of its own."""

    folder: Path
    environment: dict[str, str]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run commands as a person does, and stop at the first that fails."""
        command = ["sh", "-euc", script]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def do(self, script: str) -> str:
        """Run commands that have to work, and return what they say."""
        done = self.run(script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def everywhere(self, statements: str) -> None:
        """Run statements in both databases."""
        for name in DATABASES:
            self.do(
                f"psql --quiet --set ON_ERROR_STOP=1 --username temporal --dbname {name} <<'END'\n{statements}\nEND"
            )

    def content(self) -> list[str]:
        """Return all that both have, schema and rows, as statements."""
        told = "".join(self.do(f"pg_dump --username temporal --inserts {name}") for name in DATABASES)
        # Those with a backslash have a word of chance in them, another one each time.
        return [line for line in told.splitlines() if not line.startswith("\\")]


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    """The server of this module."""
    folder = Path(tempfile.mkdtemp(prefix="hookflash-backup-"))  # a socket's path has to be short
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    os.chown(folder, user, -1)
    # PostgreSQL refuses to be root, and whoever it is instead may not be allowed to read the checkout.
    programs = shutil.copytree(TOOLS / "postgresql", folder / "postgresql") / "bin"
    (folder / "bin").mkdir()
    (folder / "bin/docker").write_text(COMPOSE)
    (folder / "bin/docker").chmod(0o755)
    path = f"{folder / 'bin'}:{programs}:/usr/bin:/bin"
    database = Database(folder, {"PATH": path, "PGHOST": str(folder), "LC_ALL": "C.UTF-8"})
    initdb = [programs / "initdb", "--username=temporal", "--auth=trust", "--no-sync", f"--pgdata={folder / 'data'}"]
    run = [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses="]
    try:
        subprocess.run(initdb, cwd=folder, user=user, env=database.environment, capture_output=True, check=True)
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(run, cwd=folder, user=user, env=database.environment, stdout=log, stderr=log) as process,
        ):
            try:
                deadline = time.monotonic() + 60
                while database.run("pg_isready --quiet").returncode != 0:
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                yield database
            finally:
                process.send_signal(signal.SIGINT)  # at once, whoever is connected
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def saved(server: Database) -> list[str]:
    """What was in both databases when they were saved."""
    assert services()["postgresql"]["environment"]["POSTGRES_USER"] == "temporal"
    for name in DATABASES:
        server.do(f"dropdb --username temporal --if-exists {name} --maintenance-db postgres")
        server.do(f"createdb --username temporal {name} --maintenance-db postgres")
    server.everywhere("""
        create table executions(id int primary key, state bytea);
        insert into executions select it, decode(md5(it::text), 'hex') from generate_series(1, 1000) it;
        create table versions(version text);
        insert into versions values ('1.18');
    """)
    server.do(SAVE)
    return server.content()


def go_on(server: Database) -> None:
    server.everywhere("""
        update executions set state = '' where id < 100;
        delete from executions where id > 900;
        insert into executions values (2000, '');
    """)


def test_it_comes_back_over_what_has_gone_on(server: Database, saved: list[str]) -> None:
    go_on(server)
    assert server.content() != saved
    server.do(RESTORE)
    assert server.content() == saved


def test_it_comes_back_over_a_newer_schema_and_is_no_mixture(server: Database, saved: list[str]) -> None:
    go_on(server)
    server.everywhere("""
        create table nexus(id int primary key);
        create view open as select id from executions;
        alter table versions add column at timestamp;
    """)
    server.do(RESTORE)
    assert server.content() == saved


def test_it_comes_back_into_a_new_volume(server: Database, saved: list[str]) -> None:
    for name in DATABASES:
        server.do(f"dropdb --username temporal {name} --maintenance-db postgres")
    # The image makes one of the name of its user.
    server.do("createdb --username temporal temporal --maintenance-db postgres")
    server.do(RESTORE)
    assert server.content() == saved


def test_nothing_is_changed_while_somebody_is_connected(server: Database, saved: list[str]) -> None:
    go_on(server)
    now = server.content()
    assert now != saved
    command = ["psql", "--quiet", "--username", "temporal", "--dbname", "temporal"]
    with subprocess.Popen(
        command, env=server.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as connected:
        assert connected.stdin is not None
        assert connected.stdout is not None
        connected.stdin.write("\\echo here\n")
        connected.stdin.flush()
        assert connected.stdout.readline() == "here\n"
        refused = server.run(RESTORE)
        connected.stdin.close()
    assert refused.returncode != 0
    assert 'database "temporal" is being accessed by other users' in refused.stderr
    assert server.content() == now
