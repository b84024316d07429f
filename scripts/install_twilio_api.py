#!/usr/bin/env python3
"""Unpack Twilio's OpenAPI descriptions, which judge the provider's requests, in `.tools/twilio_api`.

They come with Twilio's own `@twilio/cli-core` (MIT), from npm's registry: the archive is fetched over HTTPS, compared
with its known hash, and nothing but the descriptions is taken out of it. No Node.js is needed.

Exit codes: 0 they are there; 3 they cannot be had on this machine (why is in `.tools/twilio_api.unavailable`, too).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

STAMP = "installed.json"
RECIPE = 1
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

DEFAULT_REGISTRY = "https://registry.npmjs.org"
ARCHIVE = "@twilio/cli-core/-/cli-core-9.0.0.tgz"
SHA512 = "FPHm5gXAUwM2oATmQi3AGYPFz4Urg5G5/vDkpUu5WqNuwueQaS93HwXjdX1OM+miuq0LMimdfbXDTLEp4Nsjfg=="
FOLDER = "package/src/services/twilio-api"
FILES = ("twilio_api_v2010.json", "twilio_sync_v1.json")
LARGEST = 20 * 1024 * 1024
"""Bytes of a file. The larger one has two million."""


class UnavailableError(Exception):
    """It cannot be had here; the message says why."""


def main() -> int:
    """Install the descriptions unless they are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).resolve().parents[1] / ".tools" / "twilio_api"
    parser.add_argument("--into", type=Path, default=default, metavar="FOLDER", help="default: %(default)s")
    target: Path = parser.parse_args().into.absolute()
    excuse = target.with_name(f"{target.name}.unavailable")
    stamp = target / STAMP
    if not stamp.is_file() or json.loads(stamp.read_text(encoding="utf-8")).get("recipe") != RECIPE:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            install(target, os.environ.get("HOOKFLASH_NPM_REGISTRY") or DEFAULT_REGISTRY)
        except UnavailableError as unavailable:
            reason = f"Twilio's OpenAPI descriptions are unavailable: {unavailable}"
            excuse.write_text(reason + "\n", encoding="utf-8")
            print(reason)
            return 3
    excuse.unlink(missing_ok=True)
    print(f"Twilio's OpenAPI descriptions: {ARCHIVE.rpartition('/')[2]}")
    return 0


def install(target: Path, registry: str) -> None:
    """Build in a folder beside `target` and rename it at the very end, so that no half of it is ever seen.

    Raises:
        UnavailableError: They cannot be had.
    """
    archive = download(f"{registry.rstrip('/')}/{ARCHIVE}")
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.building-", dir=target.parent) as building:
        work = Path(building) / "descriptions"
        work.mkdir()
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for name in FILES:
                member = tar.extractfile(f"{FOLDER}/{name}")
                if member is None:
                    raise UnavailableError(f"{ARCHIVE} has no {name}")
                (work / name).write_bytes(member.read(LARGEST))
        (work / STAMP).write_text(json.dumps({"recipe": RECIPE, "archive": ARCHIVE}) + "\n", encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)


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
