"""The programs that scripts/install_asterisk.py has unpacked: how to start one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

INSTALLED: Final = Path(__file__).resolve().parents[2] / ".tools" / "asterisk"
"""The root they were unpacked below."""


def command(program: str, *arguments: str, installed: Path = INSTALLED) -> list[str]:
    """Return what starts a program through the dynamic loader that came with it, whatever this machine's own is.

    Args:
        program: its path below the root, such as `usr/bin/tshark`.
        arguments: what it is told.
        installed: the root.
    """
    return [
        str(installed / "usr/lib64/ld-linux-x86-64.so.2"),
        "--library-path",
        str(installed / "usr/lib/x86_64-linux-gnu"),
        str(installed / program),
        *arguments,
    ]
