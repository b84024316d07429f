#!/usr/bin/env python3
"""Unpack Twilio's OpenAPI descriptions, which judge the provider's requests, in `.tools/twilio_api`.

They come with Twilio's own `@twilio/cli-core` (MIT), from npm's registry, by the archive's known hash, and nothing but
the descriptions is taken out of it. No Node.js is needed. `unpacking.py` says what the exit codes mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

import npm_archive
from unpacking import unpack_once

RECIPE = 1
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

PACKAGE, VERSION = "@twilio/cli-core", "9.0.0"
SHA512 = "FPHm5gXAUwM2oATmQi3AGYPFz4Urg5G5/vDkpUu5WqNuwueQaS93HwXjdX1OM+miuq0LMimdfbXDTLEp4Nsjfg=="
FOLDER = "src/services/twilio-api"
FILES = tuple(f"{FOLDER}/{name}" for name in ("twilio_api_v2010.json", "twilio_sync_v1.json"))


def main() -> int:
    """Install the descriptions unless they are there."""
    return unpack_once(
        "twilio_api",
        "Twilio's OpenAPI descriptions are",
        RECIPE,
        build,
        lambda _: f"Twilio's OpenAPI descriptions: cli-core-{VERSION}.tgz",
        about=__doc__ or "",
    )


def build(work: Path) -> tuple[Path, dict[str, object]]:
    """Unpack the descriptions below `work`.

    Returns:
        Their folder, and what there is to note down about it.

    Raises:
        UnavailableError: They cannot be had.
    """
    npm_archive.unpack(PACKAGE, VERSION, SHA512, FILES, work / "descriptions")
    return work / "descriptions", {"archive": f"{PACKAGE}-{VERSION}"}


if __name__ == "__main__":
    sys.exit(main())
