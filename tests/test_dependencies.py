"""No dependency that we lock has a known vulnerability; and the audit that says so does find one."""

import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.prometheus import free_address
from tests.support.requirements import leave_out

AUDIT = Path(__file__).resolve().parent.parent / "scripts" / "audit.py"

ADVISORY: dict[str, Any] = {
    "id": "PYSEC-2018-28",
    "aliases": ["CVE-2018-18074"],
    "modified": "2023-11-08T04:00:28Z",
    "summary": "Requests sends an HTTP Authorization header to an http URI upon a redirect",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "requests"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.20.0"}]}],
        }
    ],
}
"""What OSV has about old versions of requests, as its format is (https://ossf.github.io/osv-schema/)."""


class StandIn(BaseHTTPRequestHandler):
    """OSV with a single advisory."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known = {"vulns": [{"id": ADVISORY["id"], "modified": ADVISORY["modified"]}]}
        self._answer({"results": [known if _is_old_requests(query) else {} for query in asked["queries"]]})

    def do_GET(self) -> None:
        assert self.path.endswith(f"/vulns/{ADVISORY['id']}"), self.path
        self._answer(ADVISORY)

    def log_message(self, format: str, *args: object) -> None:
        pass  # nobody reads it

    def _answer(self, body: object) -> None:
        told = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


def _is_old_requests(query: dict[str, Any]) -> bool:
    return query["package"]["name"] == "requests" and query["version"] in ("2.19.0", "2.19.1")


@contextmanager
def stand_in() -> Generator[str]:
    """Run the stand-in, and give its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def audit(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, AUDIT, *arguments], capture_output=True, text=True, check=False)


def project(folder: Path, requests: str) -> Path:
    """Make a project that has locked a version of requests."""
    (folder / "pyproject.toml").write_text(f"""\
[project]
name = "victim"
version = "0"
requires-python = ">=3.11"
dependencies = ["requests=={requests}"]
""")
    (folder / "uv.lock").write_text(f"""\
version = 1
requires-python = ">=3.11"

[[package]]
name = "requests"
version = "{requests}"
source = {{ registry = "https://pypi.org/simple" }}

[[package]]
name = "victim"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "requests" }}]

[package.metadata]
requires-dist = [{{ name = "requests", specifier = "=={requests}" }}]
""")
    return folder


def test_no_locked_dependency_has_a_known_vulnerability(request: pytest.FixtureRequest) -> None:
    """Where the database cannot be reached this is left out, also in CI: a closed network is no fault of a change."""
    done = audit()
    if done.returncode == 3:
        leave_out(request.node, "audit of the dependencies", done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout


def test_a_known_vulnerability_is_named(tmp_path: Path) -> None:
    with stand_in() as url:
        done = audit("--project", str(project(tmp_path, "2.19.0")), "--service-url", url)
    assert done.returncode == 1, done.stdout
    assert "requests 2.19.0" in done.stdout
    assert ADVISORY["id"] in done.stdout


def test_a_version_without_one_is_fine(tmp_path: Path) -> None:
    with stand_in() as url:
        done = audit("--project", str(project(tmp_path, "2.32.5")), "--service-url", url)
    assert done.returncode == 0, done.stdout


def test_our_own_lock_file_is_read_whole() -> None:
    locked: list[dict[str, Any]] = tomllib.loads((AUDIT.parent.parent / "uv.lock").read_text())["package"]
    foreign = [it for it in locked if "registry" in it["source"]]
    with stand_in() as url:
        done = audit("--service-url", url)
    assert done.returncode == 0, done.stdout
    assert f" in {len(foreign)} packages" in done.stdout


def test_a_database_out_of_reach_is_said_and_is_not_taken_for_a_clean_bill(tmp_path: Path) -> None:
    address = free_address()
    done = audit("--project", str(project(tmp_path, "2.19.0")), "--service-url", f"http://{address}/")
    assert done.returncode == 3, done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{address} cannot be reached: ")


def test_a_lock_file_that_cannot_be_read_is_an_error_and_no_closed_network(tmp_path: Path) -> None:
    (project(tmp_path, "2.19.0") / "uv.lock").write_text("no lock file")
    with stand_in() as url:
        done = audit("--project", str(tmp_path), "--service-url", url)
    assert done.returncode == 2, done.stdout
