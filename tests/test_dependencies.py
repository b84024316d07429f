"""No dependency that we lock has a known vulnerability; and the audit that says so does find one."""

import json
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.advisories import concerns, serving
from tests.support.ports import NOBODY
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


def audit(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, AUDIT, *arguments], capture_output=True, text=True, check=False)


def project(folder: Path, locked: str, *, of: str = "requests") -> Path:
    """Make a project that has locked a version of a package."""
    (folder / "pyproject.toml").write_text(f"""\
[project]
name = "victim"
version = "0"
requires-python = ">=3.11"
dependencies = ["{of}=={locked}"]
""")
    (folder / "uv.lock").write_text(f"""\
version = 1
requires-python = ">=3.11"

[[package]]
name = "{of}"
version = "{locked}"
source = {{ registry = "https://pypi.org/simple" }}

[[package]]
name = "victim"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "{of}" }}]

[package.metadata]
requires-dist = [{{ name = "{of}", specifier = "=={locked}" }}]
""")
    return folder


def test_no_locked_dependency_has_a_known_vulnerability(request: pytest.FixtureRequest) -> None:
    """Where the database cannot be reached this is left out, also in CI: a closed network is no fault of a change."""
    done = audit()
    if done.returncode == 3:
        leave_out(request.node, "audit of the dependencies", done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout


def test_nothing_that_we_name_ourselves_has_a_known_vulnerability(request: pytest.FixtureRequest) -> None:
    """PyPI is asked, in a handful of requests, of what the engine and its client depend upon directly."""
    done = audit("--pypi", "--direct")
    if done.returncode == 3:
        leave_out(request.node, "audit of the direct dependencies", done.stdout.splitlines()[-1])
    assert done.returncode == 4, done.stdout  # it was not asked of what those need in turn
    assert " says nothing of " not in done.stdout
    asked = done.stdout.splitlines()[-1]
    assert all(it in asked for it in ("aiohttp", "cryptography", "opentelemetry-sdk", "pydantic", "temporalio")), asked


def test_a_known_vulnerability_is_named(tmp_path: Path) -> None:
    with serving([ADVISORY]) as url:
        done = audit("--project", str(project(tmp_path, "2.19.0")), "--service-url", url)
    assert done.returncode == 1, done.stdout
    assert "requests 2.19.0" in done.stdout
    assert ADVISORY["id"] in done.stdout


def test_a_version_without_one_is_fine(tmp_path: Path) -> None:
    with serving([ADVISORY]) as url:
        done = audit("--project", str(project(tmp_path, "2.32.5")), "--service-url", url)
    assert done.returncode == 0, done.stdout


def test_our_own_lock_file_is_read_whole() -> None:
    locked: list[dict[str, Any]] = tomllib.loads((AUDIT.parent.parent / "uv.lock").read_text())["package"]
    foreign = [it for it in locked if "registry" in it["source"]]
    with serving([ADVISORY]) as url:
        done = audit("--service-url", url)
    assert done.returncode == 0, done.stdout
    assert f" in {len(foreign)} packages" in done.stdout


def test_a_database_out_of_reach_is_said_and_is_not_taken_for_a_clean_bill(tmp_path: Path) -> None:
    address = NOBODY
    done = audit("--project", str(project(tmp_path, "2.19.0")), "--service-url", f"http://{address}/")
    assert done.returncode == 3, done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{address} cannot be reached: ")


def test_a_lock_file_that_cannot_be_read_is_an_error_and_no_closed_network(tmp_path: Path) -> None:
    (project(tmp_path, "2.19.0") / "uv.lock").write_text("no lock file")
    with serving([ADVISORY]) as url:
        done = audit("--project", str(tmp_path), "--service-url", url)
    assert done.returncode == 2, done.stdout


def database(folder: Path, **fields: str) -> str:
    """Make a folder like a checkout of the Python community's database, with one advisory, which was changed today."""
    known = ADVISORY | {"modified": datetime.now(UTC).isoformat()} | fields
    (folder / "vulns" / "requests").mkdir(parents=True)
    (folder / "vulns" / "requests" / f"{known['id']}.yaml").write_text(yaml.safe_dump(known))
    (folder / "LICENSE.yaml").write_text("something else")
    return str(folder)


def test_advisories_in_files_do_without_a_network(tmp_path: Path) -> None:
    known = database(tmp_path / "database")
    done = audit("--project", str(project(tmp_path, "2.19.0")), "--database", known)
    assert done.returncode == 1, done.stdout
    assert "requests 2.19.0" in done.stdout
    done = audit("--project", str(project(tmp_path, "2.20.0")), "--database", known)
    assert done.returncode == 0, done.stdout + done.stderr


def test_advisories_as_osv_exports_them_are_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "PYSEC-2018-28.json").write_text(json.dumps(ADVISORY))
    done = audit("--project", str(project(tmp_path, "2.19.0")), "--database", str(tmp_path))
    assert done.returncode == 1, done.stdout
    assert ADVISORY["id"] in done.stdout


def test_old_files_are_not_taken_for_a_clean_bill_and_still_name_what_they_know(tmp_path: Path) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    known = database(tmp_path / "database", modified=long_ago)
    done = audit("--project", str(project(tmp_path, "2.20.0")), "--database", known)
    assert done.returncode == 3, done.stdout
    assert done.stdout.splitlines()[-1].endswith("its newest advisory is more than 30 days old")
    done = audit("--project", str(project(tmp_path, "2.19.0")), "--database", known)
    assert done.returncode == 1, done.stdout


def test_a_folder_without_advisories_is_an_error(tmp_path: Path) -> None:
    done = audit("--project", str(project(tmp_path, "2.19.0")), "--database", str(tmp_path))
    assert done.returncode == 2
    assert "--database: there is no advisory in" in done.stderr


def _range(*events: dict[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}


@pytest.mark.parametrize(
    ("affected", "versions"),
    [
        ({"versions": ["1.0", "1.10"]}, {"1.0": True, "1.1": False, "1.10": True}),
        (_range({"introduced": "0"}, {"fixed": "2.0"}), {"0.1a1": True, "2.0rc1": True, "2.0": False, "10.0": False}),
        (_range({"introduced": "1.5"}), {"1.4": False, "1.5": True, "99": True}),
        (_range({"introduced": "1.0"}, {"last_affected": "1.9"}), {"0.9": False, "1.9": True, "1.10": False}),
        (
            _range({"introduced": "2.0"}, {"fixed": "2.3"}, {"introduced": "0"}, {"fixed": "1.4"}),
            {"1.3": True, "1.4": False, "2.2": True, "2.3": False},
        ),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, {"1.0": False}),
    ],
)
def test_a_version_is_found_as_the_format_says(affected: dict[str, Any], versions: dict[str, bool]) -> None:
    package = {"ecosystem": "PyPI", "name": "Some.Package"}
    advisory: dict[str, Any] = {"affected": [{"package": package} | affected]}
    assert {it: concerns(advisory, "some-package", it) for it in versions} == versions


def test_what_is_withdrawn_or_about_something_else_concerns_nobody() -> None:
    assert concerns(ADVISORY, "requests", "2.19.0")
    assert not concerns(ADVISORY, "requests-extra", "2.19.0")
    assert not concerns(ADVISORY | {"withdrawn": "2024-01-01T00:00:00Z"}, "requests", "2.19.0")
    [affected] = ADVISORY["affected"]
    elsewhere = affected | {"package": {"ecosystem": "npm", "name": "requests"}}
    assert not concerns(ADVISORY | {"affected": [elsewhere]}, "requests", "2.19.0")
