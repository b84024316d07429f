"""No password and no key is in the repository. What only looks like one is in `.secrets.baseline`, judged."""

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / ".secrets.baseline"
MADE_BY_PROGRAMS = ("uv.lock", "tests/replay/histories/", "docs/schemas/", BASELINE.name)
"""Hashes, ids and base64 all over; nobody types a password there."""
ONLY_MOVED = 3
"""Exit code of the hook: what is known stands in another line now."""
PARTS = 2
"""In which the files are looked at, side by side: one process takes most of a minute for all of them."""


class Look(NamedTuple):
    """What came of looking at some files."""

    status: int
    printed: str


def looking_at(files: list[str], baseline: Path) -> subprocess.Popen[str]:
    """Have files looked at, and what is new in them printed."""
    hook = Path(sys.executable).with_name("detect-secrets-hook")
    # It corrects the numbers of lines in what it is given, so it is given a copy.
    known = shutil.copy(BASELINE, baseline)
    # Other tests may be measuring tenths of a second meanwhile: they come first.
    command = ["nice", "-n", "10", hook, "--baseline", known, *files]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end_of(hook: subprocess.Popen[str]) -> Look:
    """Wait for the end of it."""
    printed, _ = hook.communicate()
    return Look(hook.returncode, printed)


@pytest.mark.timeout(300)
def test_no_file_has_a_secret(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout of git, so nobody can say which files are in the repository")
    files = [it for it in listed.stdout.splitlines() if not it.startswith(MADE_BY_PROGRAMS)]
    # Each file is judged by itself, and what is known of it is in every copy of the baseline.
    hooks = [looking_at(files[part::PARTS], tmp_path / f"baseline-{part}") for part in range(PARTS)]
    looks = [end_of(hook) for hook in hooks]
    assert all(look.status in {0, ONLY_MOVED} for look in looks), "\n".join(look.printed for look in looks)


def test_a_new_one_is_found(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text(f'password = "{sha256(b"as random as a password").hexdigest()}"\n')
    found = end_of(looking_at([str(file)], tmp_path / "baseline"))
    assert found.status == 1, found.printed
    assert "Secret Keyword" in found.printed


def test_what_is_known_was_judged() -> None:
    results = json.loads(BASELINE.read_text())["results"]
    unjudged = [name for name, found in results.items() if any(it.get("is_secret") is not False for it in found)]
    assert unjudged == []
