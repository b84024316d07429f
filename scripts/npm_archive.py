"""An archive of npm's registry, if it is the one that is known: by `npm` where there is one, else over HTTPS.

`npm` knows the proxies and the registry of its user; to do without it no Node.js is needed. `HOOKFLASH_NPM_REGISTRY`
names another registry for both.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from unpacking import UnavailableError

DEFAULT_REGISTRY = "https://registry.npmjs.org"
LARGEST = 32 * 1024 * 1024
"""Bytes of an archive, or of a file of it. The largest has 18 million."""
PATIENCE = 120
"""Seconds that `npm` is waited for."""


def unpack(package: str, version: str, sha512: str, files: Sequence[str], into: Path) -> None:
    """Take some files out of a package's archive, and nothing else.

    Args:
        package: Its name, as `@scope/name` or `name`.
        version: The one that is pinned.
        sha512: Of the archive, in base64 as npm's lock files have it.
        files: Paths inside of the package.
        into: The folder for them, which is made; they keep their last name.

    Raises:
        UnavailableError: It cannot be fetched, or is another one.
    """
    archive = _by_npm(f"{package}@{version}", into.parent) or _by_https(package, version)
    if base64.b64encode(hashlib.sha512(archive).digest()).decode() != sha512:
        raise UnavailableError(f"{package} {version}: it is not the archive that is known")
    into.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for name in files:
            member = tar.extractfile(f"package/{name}")
            if member is None:
                raise UnavailableError(f"{package} {version} has no {name}")
            (into / Path(name).name).write_bytes(member.read(LARGEST))


def _by_npm(spec: str, work: Path) -> bytes | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    registry = os.environ.get("HOOKFLASH_NPM_REGISTRY")
    options = [f"--registry={registry}"] if registry else []
    command = [npm, "pack", "--silent", "--ignore-scripts", f"--pack-destination={work}", *options, spec]
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return None
    packed = list(work.glob("*.tgz"))
    return packed[0].read_bytes() if done.returncode == 0 and packed else None


def _by_https(package: str, version: str) -> bytes:
    registry = os.environ.get("HOOKFLASH_NPM_REGISTRY") or DEFAULT_REGISTRY
    url = f"{registry.rstrip('/')}/{package}/-/{package.rpartition('/')[2]}-{version}.tgz"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            archive: bytes = answer.read(LARGEST)
    except OSError as error:
        raise UnavailableError(f"{url}: {error}") from error
    return archive
