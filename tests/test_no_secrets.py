"""No password and no key is in the repository. What only looks like one is in `.secrets.baseline`, judged."""

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / ".secrets.baseline"
MADE_BY_PROGRAMS = ("uv.lock", "tests/replay/histories/", "docs/schemas/", BASELINE.name)
"""Hashes, ids and base64 all over; nobody types a password there."""
ONLY_MOVED = 3
"""Exit code of the hook: what is known stands in another line now."""


def looked_at(files: list[str], baseline: Path) -> subprocess.CompletedProcess[str]:
    """Have files looked at, and what is new in them printed."""
    hook = Path(sys.executable).with_name("detect-secrets-hook")
    # It corrects the numbers of lines in what it is given, so it is given a copy.
    known = shutil.copy(BASELINE, baseline)
    command = [hook, "--baseline", known, *files]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.timeout(300)
def test_no_file_has_a_secret(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout of git, so nobody can say which files are in the repository")
    files = [it for it in listed.stdout.splitlines() if not it.startswith(MADE_BY_PROGRAMS)]
    done = looked_at(files, tmp_path / "baseline")
    assert done.returncode in {0, ONLY_MOVED}, done.stdout


def test_a_new_one_is_found(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text(f'password = "{sha256(b"as random as a password").hexdigest()}"\n')
    done = looked_at([str(file)], tmp_path / "baseline")
    assert done.returncode == 1, done.stdout
    assert "Secret Keyword" in done.stdout


def test_what_is_known_was_judged() -> None:
    results = json.loads(BASELINE.read_text())["results"]
    unjudged = [name for name, found in results.items() if any(it.get("is_secret") is not False for it in found)]
    assert unjudged == []
