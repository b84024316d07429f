#!/usr/bin/env python3
"""Unpack Mermaid, which judges the diagrams that `hookflash show` makes for tickets, in `.tools/mermaid`.

It is Mermaid itself (MIT), from npm's registry: the build for browsers and its licence, by the archive's known hash. A
browser runs it in the tests. `unpacking.py` says what the exit codes mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

import npm_archive
from unpacking import unpack_once

RECIPE = 1
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

VERSION = "11.16.0"
SHA512 = "Zvm3kbstgdpvIJPPItlL7fppIZ3kibvc1oZIGxdvk9t6UFz6flv+Jw7FtRGKwfcI8OckmH04LqG6LlS6X4B1pA=="
FILES = ("dist/mermaid.min.js", "LICENSE")


def main() -> int:
    """Install Mermaid unless it is there."""
    return unpack_once(
        "mermaid", "Mermaid is", RECIPE, build, lambda stamp: f"Mermaid {stamp['version']}", about=__doc__ or ""
    )


def build(work: Path) -> tuple[Path, dict[str, object]]:
    """Unpack Mermaid below `work`.

    Returns:
        Its folder, and what there is to note down about it.

    Raises:
        UnavailableError: It cannot be had.
    """
    npm_archive.unpack("mermaid", VERSION, SHA512, FILES, work / "mermaid")
    return work / "mermaid", {"version": VERSION}


if __name__ == "__main__":
    sys.exit(main())
