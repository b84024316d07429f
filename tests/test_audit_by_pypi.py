"""The audit by what PyPI says beside each release, asked of a server that answers as PyPI does."""

import json
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import NOBODY
from tests.test_dependencies import audit, project

ECDSA: dict[str, Any] = {
    "info": {"name": "ecdsa", "version": "0.19.2"},
    "vulnerabilities": [
        {
            "aliases": ["CVE-2024-23342", "GHSA-wj6h-64fc-37mp"],
            "details": "python-ecdsa has been found to be subject to a Minerva timing attack on the P-256 curve.",
            "fixed_in": [],
            "id": "PYSEC-2026-1325",
            "link": "https://osv.dev/vulnerability/PYSEC-2026-1325",
            "source": "osv",
            "summary": None,
            "withdrawn": None,
        },
        {
            "aliases": ["CVE-2024-23342", "PYSEC-2026-1325"],
            "details": "python-ecdsa has been found to be subject to a Minerva timing attack on the P-256 curve.",
            "fixed_in": [],
            "id": "GHSA-wj6h-64fc-37mp",
            "link": "https://osv.dev/vulnerability/GHSA-wj6h-64fc-37mp",
            "source": "osv",
            "summary": None,
            "withdrawn": None,
        },
    ],
}
"""What https://pypi.org/pypi/ecdsa/json said on 2026-11-22, less the files, the releases and half of the details."""

[_KNOWN, _] = ECDSA["vulnerabilities"]

FINE: dict[str, Any] = ECDSA | {"vulnerabilities": []}


SIX = """
[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://pypi.org/simple" }
"""
"""Another package of a lock file."""


@contextmanager
def pypi(answers: dict[str, dict[str, Any] | str]) -> Generator[str]:
    """Answer with these, by path, and 404 to all else."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass  # nobody reads it

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def audited(
    folder: Path, answers: dict[str, dict[str, Any] | str], *, locked: str = "0.19.2"
) -> subprocess.CompletedProcess[str]:
    with pypi(answers) as url:
        return audit("--project", str(project(folder, locked, of="ecdsa")), "--pypi", url)


def test_what_is_known_of_the_locked_version_is_named(tmp_path: Path) -> None:
    done = audited(tmp_path, {"/pypi/ecdsa/0.19.2/json": ECDSA})
    assert done.returncode == 1, done.stdout
    assert "ecdsa 0.19.2" in done.stdout
    assert "PYSEC-2026-1325" in done.stdout


def test_the_version_that_repairs_it_is_named(tmp_path: Path) -> None:
    repaired = ECDSA | {"vulnerabilities": [_KNOWN | {"fixed_in": ["0.20.1"]}]}
    done = audited(tmp_path, {"/pypi/ecdsa/0.19.2/json": repaired})
    assert done.returncode == 1, done.stdout
    assert "0.20.1" in done.stdout


def test_an_index_that_has_only_the_newest_release_is_asked_for_that(tmp_path: Path) -> None:
    done = audited(tmp_path, {"/pypi/ecdsa/json": ECDSA})
    assert done.returncode == 1, done.stdout
    assert "PYSEC-2026-1325" in done.stdout
    done = audited(tmp_path, {"/pypi/ecdsa/json": FINE})
    assert done.returncode == 0, done.stdout


def test_another_version_says_nothing_of_ours(tmp_path: Path) -> None:
    for newest in (ECDSA, FINE):
        done = audited(tmp_path, {"/pypi/ecdsa/json": newest}, locked="0.19.1")
        assert done.returncode == 4, done.stdout
        assert done.stdout.splitlines()[-1].endswith(" says nothing of 1 of 1 packages: ecdsa 0.19.1")


def test_the_locked_version_is_what_counts_where_both_are_known(tmp_path: Path) -> None:
    newest = ECDSA | {"info": {"name": "ecdsa", "version": "0.20"}}
    done = audited(tmp_path, {"/pypi/ecdsa/0.19.2/json": FINE, "/pypi/ecdsa/json": newest})
    assert done.returncode == 0, done.stdout


def test_an_index_without_advisories_clears_nothing(tmp_path: Path) -> None:
    done = audited(tmp_path, {"/pypi/ecdsa/0.19.2/json": {"info": ECDSA["info"]}})
    assert done.returncode == 4, done.stdout
    assert done.stdout.splitlines()[-1].endswith("ecdsa 0.19.2")


@pytest.mark.parametrize(
    "answer",
    [{}, {"info": None}, {"info": {"version": "newest"}}, ECDSA | {"vulnerabilities": [{"id": "PYSEC-2026-1325"}]}],
)
def test_an_answer_that_is_none_of_pypis_is_no_finding(tmp_path: Path, answer: dict[str, Any]) -> None:
    done = audited(tmp_path, {"/pypi/ecdsa/json": answer})
    assert done.returncode == 3, done.stdout + done.stderr
    assert " cannot be reached: an answer is not as PyPI's are: " in done.stdout.splitlines()[-1]


def test_what_was_withdrawn_concerns_nobody(tmp_path: Path) -> None:
    withdrawn = ECDSA | {"vulnerabilities": [_KNOWN | {"withdrawn": "2026-11-20T12:00:00Z"}]}
    done = audited(tmp_path, {"/pypi/ecdsa/0.19.2/json": withdrawn})
    assert done.returncode == 0, done.stdout


def test_what_is_known_of_one_is_not_hidden_by_what_is_not_of_another(tmp_path: Path) -> None:
    lock = project(tmp_path, "0.19.2", of="ecdsa") / "uv.lock"
    lock.write_text(
        lock.read_text().replace(
            'dependencies = [{ name = "ecdsa" }]', 'dependencies = [{ name = "ecdsa" }, { name = "six" }]'
        )
        + SIX
    )
    with pypi({"/pypi/ecdsa/json": ECDSA}) as url:
        done = audit("--project", str(tmp_path), "--pypi", url)
    assert done.returncode == 1, done.stdout
    assert "PYSEC-2026-1325" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(" says nothing of 1 of 2 packages: six 1.17.0")


def test_only_what_the_project_names_itself_is_asked_if_that_is_wanted(tmp_path: Path) -> None:
    lock = project(tmp_path, "0.19.2", of="ecdsa") / "uv.lock"
    lock.write_text(lock.read_text() + SIX)
    for answer, code in ((FINE, 4), (ECDSA, 1)):
        with pypi({"/pypi/ecdsa/json": answer, "/pypi/six/json": ECDSA}) as url:
            done = audit("--project", str(tmp_path), "--pypi", url, "--direct")
        assert done.returncode == code, done.stdout
        assert done.stdout.splitlines()[-1].endswith(" was asked of 1 of 2 packages: ecdsa 0.19.2")


def test_others_are_asked_of_everything(tmp_path: Path) -> None:
    done = audit("--project", str(project(tmp_path, "0.19.2", of="ecdsa")), "--direct")
    assert done.returncode == 2
    assert "--direct: only with --pypi" in done.stderr


def test_nobody_there_and_a_page_instead_of_an_answer_are_out_of_reach(tmp_path: Path) -> None:
    address = NOBODY
    done = audit("--project", str(project(tmp_path, "0.19.2", of="ecdsa")), "--pypi", f"http://{address}")
    assert done.returncode == 3, done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{address} cannot be reached: ")
    done = audited(tmp_path, {"/pypi/ecdsa/0.19.2/json": "<html>please log in</html>"})
    assert done.returncode == 3, done.stdout


def test_a_lock_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (project(tmp_path, "0.19.2", of="ecdsa") / "uv.lock").write_text("no lock file")
    done = audit("--project", str(tmp_path), "--pypi", f"http://{NOBODY}")
    assert done.returncode == 2, done.stdout
    assert "uv.lock cannot be read" in done.stdout
