"""A real PostgreSQL that is killed, whose disk is full, and whose place a standby takes: what it said yes to is kept.

Without Temporal, whose server for PostgreSQL is not to be had here: somebody writes numbers, one transaction each.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.requirements import TOOLS
from tests.support.small_disk import SmallDisk, small_disk

pytestmark = [pytest.mark.postgresql, pytest.mark.small_disk]

PROGRAMS = TOOLS / "postgresql/bin"
AS_NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
"""It refuses to run as root; to itself it is somebody else then."""


@dataclass
class Server:
    """A server, with its socket in a folder outside of its disk."""

    data: Path
    socket: Path
    inside: Callable[[Sequence[str | Path]], list[str | Path]]
    """How to run something where the data is."""
    settings: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def program(self, name: str, *arguments: str | Path) -> str:
        """Run one of PostgreSQL's programs on the data, and return what it says."""
        command = self.inside([*AS_NOBODY, PROGRAMS / name, *arguments])
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = [it for name in ("listen_addresses=", *self.settings) for it in ("-c", name)]
        command = [*AS_NOBODY, PROGRAMS / "postgres", "-D", self.data, "-k", self.socket, *settings]
        self._process = subprocess.Popen(
            self.inside(command), cwd="/", start_new_session=True, stdout=subprocess.DEVNULL, stderr=self._log()
        )
        self.answers()

    def answers(self, within: float = 60) -> None:
        deadline = time.monotonic() + within
        while self.psql("select 1").returncode != 0:
            assert time.monotonic() < deadline, (self.socket / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """End it and all its processes at once. What it has not written is not written."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # it begins no other from here on
        whole = [self._process.pid, *children(self._process.pid)]
        for process in whole:
            os.kill(process, signal.SIGKILL)
        self._process.wait()
        # While one of them is left, the next server refuses to begin.
        deadline = time.monotonic() + 60
        while any(is_alive(it) for it in whole):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return (self.socket / "log").read_text()

    def psql(self, *statements: str) -> subprocess.CompletedProcess[str]:
        """Run statements one after another, each by itself; what each has said yes to is a line."""
        command = [PROGRAMS / "psql", "-h", self.socket, "-U", "temporal", "-d", "postgres", "-qAtX"]
        given = [it for statement in statements for it in ("-c", statement)]
        return subprocess.run([*command, *given], cwd="/", capture_output=True, text=True, check=False)

    def rows(self) -> set[int]:
        """Return the numbers that it knows."""
        return {int(it) for it in self.psql("select number from ledger").stdout.split()}

    def _log(self) -> int:
        return os.open(self.socket / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def stat(process: int) -> list[str]:
    """Return what the kernel tells of a process behind its name: its state, its parent and more. Empty: it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def children(process: int) -> list[int]:
    """Return the processes that a process has begun. PostgreSQL's are each in a group of its own."""
    everybody = [int(it.name) for it in Path("/proc").iterdir() if it.name.isdecimal()]
    return [it for it in everybody if stat(it)[1:2] == [str(process)]]


def is_alive(process: int) -> bool:
    return stat(process)[:1] not in ([], ["Z"], ["X"])


class Writer:
    """Writes numbers as fast as it can, and remembers those that were taken."""

    def __init__(self, server: Server) -> None:
        statements, self._taken = server.socket / "statements", server.socket / "taken"
        statements.write_text(
            "".join(
                f"insert into ledger values ({it}, repeat('x', 2000)) returning number;\n" for it in range(1, 50_000)
            )
        )
        command = [
            PROGRAMS / "psql",
            "-h",
            server.socket,
            "-U",
            "temporal",
            "-d",
            "postgres",
            "-qAtX",
            "-f",
            statements,
        ]
        with self._taken.open("wb") as taken:
            self._process = subprocess.Popen(command, cwd="/", stdout=taken, stderr=subprocess.DEVNULL)

    def taken(self) -> set[int]:
        """Return the numbers that the server has said yes to."""
        return {int(it) for it in re.findall(r"^(\d+)\n", self._taken.read_text(), re.MULTILINE)}

    def writes(self, more_than: int) -> None:
        """Wait until so many are taken."""
        deadline = time.monotonic() + 60
        while len(self.taken()) <= more_than:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self) -> set[int]:
        """Stop writing. What was taken by then is returned."""
        self._process.kill()
        self._process.wait()
        return self.taken()


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with tempfile.TemporaryDirectory(prefix="hookflash-") as folder, small_disk(Path(folder) / "disk", 160) as disk:
        yield disk


@pytest.fixture
def server(disk: SmallDisk) -> Iterator[Server]:
    """A server with an empty ledger. A socket's path has to be short."""
    server = new_server(disk, "first")
    server.program("initdb", "--username=temporal", "--auth=trust", "--no-sync", "--wal-segsize=1", "-D", server.data)
    server.start()
    try:
        assert server.psql("create table ledger(number int primary key, filler text)").returncode == 0
        yield server
    finally:
        server.stop()


def new_server(disk: SmallDisk, name: str, *settings: str) -> Server:
    """Return a server with data on the disk, and everything else beside it."""
    socket = disk.folder.parent / name
    socket.mkdir()
    small = ("min_wal_size=2MB", "max_wal_size=8MB", "shared_buffers=16MB")
    return Server(disk.folder / name, socket, disk.inside, (*small, *settings))


def test_who_is_killed_comes_back_with_all_that_was_taken(server: Server) -> None:
    writer = Writer(server)
    writer.writes(200)
    server.kill()
    taken = writer.end()
    server.start()
    assert taken <= server.rows()
    assert server.psql("insert into ledger values (0)").returncode == 0


def test_who_has_no_room_comes_back_by_itself_when_there_is_some(server: Server, disk: SmallDisk) -> None:
    writer = Writer(server)
    writer.writes(200)
    disk.fill()
    deadline = time.monotonic() + 60
    while "No space left on device" not in server.log:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    disk.fill()  # once more: it may have given up a file of its own
    assert server.psql("insert into ledger values (0, repeat('x', 100000))").returncode != 0
    taken = writer.end()
    disk.clear()
    if not server.running:  # as a container is: where its log had no room either, it has ended
        server.start()
    server.answers()
    assert taken <= server.rows()
    assert server.psql("insert into ledger values (0)").returncode == 0


def test_a_standby_that_takes_over_has_all_that_was_taken(server: Server, disk: SmallDisk) -> None:
    standby = new_server(disk, "second", "wal_retrieve_retry_interval=100ms")
    server.program("pg_basebackup", "-h", server.socket, "-U", "temporal", "-D", standby.data, "-R", "-X", "stream")
    standby.start()
    try:
        for setting in ("synchronous_standby_names = '*'", "synchronous_commit = on"):
            assert server.psql(f"alter system set {setting}").returncode == 0
        # Told by a reload, it may take the first numbers before all of its processes know that the standby has to.
        server.stop()
        server.start()
        writer = Writer(server)
        writer.writes(200)
        server.kill()
        taken = writer.end()
        assert standby.psql("insert into ledger values (0)").returncode != 0  # only reads until now
        standby.program("pg_ctl", "promote", "-D", standby.data)
        assert taken <= standby.rows()
        assert standby.psql("insert into ledger values (0)").returncode == 0
    finally:
        standby.stop()
