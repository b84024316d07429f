#!/usr/bin/env python3
"""Unpack Twilio's OpenAPI descriptions, which judge the provider's requests, in `.tools/twilio_api`.

They come with Twilio's own `@twilio/cli-core` (MIT), from npm's registry: the archive is fetched over HTTPS, compared
with its known hash, and nothing but the descriptions is taken out of it. No Node.js is needed.
`unpacking.py` says what the exit codes mean.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from pathlib import Path

from unpacking import UnavailableError, unpack_once

RECIPE = 1
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

DEFAULT_REGISTRY = "https://registry.npmjs.org"
ARCHIVE = "@twilio/cli-core/-/cli-core-9.0.0.tgz"
SHA512 = "FPHm5gXAUwM2oATmQi3AGYPFz4Urg5G5/vDkpUu5WqNuwueQaS93HwXjdX1OM+miuq0LMimdfbXDTLEp4Nsjfg=="
FOLDER = "package/src/services/twilio-api"
FILES = ("twilio_api_v2010.json", "twilio_sync_v1.json")
LARGEST = 20 * 1024 * 1024
"""Bytes of a file. The larger one has two million."""


def main() -> int:
    """Install the descriptions unless they are there."""
    return unpack_once(
        "twilio_api",
        "Twilio's OpenAPI descriptions are",
        RECIPE,
        build,
        lambda _: f"Twilio's OpenAPI descriptions: {ARCHIVE.rpartition('/')[2]}",
        about=__doc__ or "",
    )


def build(work: Path) -> tuple[Path, dict[str, object]]:
    """Unpack the descriptions below `work`.

    Returns:
        Their folder, and what there is to note down about it.

    Raises:
        UnavailableError: They cannot be had.
    """
    registry = os.environ.get("HOOKFLASH_NPM_REGISTRY") or DEFAULT_REGISTRY
    archive = download(f"{registry.rstrip('/')}/{ARCHIVE}")
    descriptions = work / "descriptions"
    descriptions.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for name in FILES:
            member = tar.extractfile(f"{FOLDER}/{name}")
            if member is None:
                raise UnavailableError(f"{ARCHIVE} has no {name}")
            (descriptions / name).write_bytes(member.read(LARGEST))
    return descriptions, {"archive": ARCHIVE}


def download(url: str) -> bytes:
    """Return the archive, if it is the one that is known.

    Raises:
        UnavailableError: It cannot be fetched, or is another one.
    """
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            archive: bytes = answer.read(LARGEST)
    except OSError as error:
        raise UnavailableError(f"{url}: {error}") from error
    if base64.b64encode(hashlib.sha512(archive).digest()).decode() != SHA512:
        raise UnavailableError(f"{url}: it is not the archive that is known")
    return archive


if __name__ == "__main__":
    sys.exit(main())
