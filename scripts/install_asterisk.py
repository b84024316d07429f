#!/usr/bin/env python3
"""Unpack a real Asterisk below `.tools/asterisk`, without root and without touching the system's packages.

Debian's current releases carry Asterisk 22, but the stable ones a developer has often do not. So apt resolves and
downloads against a private root of its own (`debian_archive.py`), `dpkg-deb -x` unpacks, no maintainer script runs, and
Asterisk is started through the dynamic loader that came with it. `unpacking.py` says what the exit codes mean.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from debian_archive import fetch, run
from unpacking import UnavailableError, unpack_once

RECIPE = 2
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

# base-files brings the /lib and /lib64 links that the loader's path relies on. SIPp is a second SIP stack for the
# tests' phones, and tshark reads what went over the wire.
PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "base-files", "sip-tester", "tshark")
OLDEST_MAJOR = 22
# What a running Asterisk and the two tools read; everything else in the packages (manuals, locales, tools) goes.
KEPT = (
    "lib",
    "lib64",
    "usr/bin/sipp",
    "usr/bin/tshark",
    "usr/lib64",
    "usr/lib/x86_64-linux-gnu",
    "usr/sbin/asterisk",
    "usr/share/asterisk",
)
# Unpacked as dependencies, large, and opened by no module of Asterisk.
DROPPED_LIBRARIES = ("perl", "perl-base", "gconv", "dri", "guile", "systemd")


def main() -> int:
    """Install Asterisk unless the right one is already there."""
    return unpack_once(
        "asterisk",
        "Asterisk is",
        RECIPE,
        build,
        lambda stamp: f"Asterisk {stamp['version']} from {stamp['suite']}",
        about=__doc__ or "",
    )


def build(work: Path) -> tuple[Path, dict[str, object]]:
    """Unpack the packages and all they depend on below `work`.

    Returns:
        Their root, and what there is to note down about it.

    Raises:
        UnavailableError: if this machine or this network cannot have it.
    """
    apt, root = work / "apt", work / "root"
    suite = fetch(apt, ["apt-get", "-qq", "-y", "install", "--download-only", *PACKAGES])
    unpack(apt / "var/cache/apt/archives", root)
    trim(root)
    return root, {"suite": suite, "version": version_of(root)}


def unpack(archives: Path, root: Path) -> None:
    """Unpack every downloaded package into `root`, deleting each as soon as it is done."""
    root.mkdir()
    # The links of a merged /usr must stand before any package lays a real /lib beside them.
    packages = sorted(archives.glob("*.deb"), key=lambda path: (not path.name.startswith("base-files_"), path.name))
    for package in packages:
        run(["dpkg-deb", "-x", str(package), str(root)])
        package.unlink()


def trim(root: Path) -> None:
    """Delete what a running Asterisk never reads."""
    kept = {Path(name) for name in KEPT}
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        for name in [*folders, *files]:
            path = here / name
            if path in kept:
                if name in folders:
                    folders.remove(name)
            elif not any(path in keep.parents for keep in kept):
                if name in folders:
                    folders.remove(name)
                discard(root / path)
    for name in DROPPED_LIBRARIES:
        discard(root / "usr/lib/x86_64-linux-gnu" / name)


def discard(path: Path) -> None:
    """Delete a file, a link or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def version_of(root: Path) -> str:
    """Start the unpacked program once; return its version."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    said = run([str(loader), "--library-path", str(libraries), str(root / "usr/sbin/asterisk"), "-V"])
    found = re.match(r"Asterisk (\d+)(\S*)", said)
    if found is None or int(found[1]) < OLDEST_MAJOR:
        raise UnavailableError(f"the archive has {said.strip() or 'an unknown version'}, not Asterisk {OLDEST_MAJOR}")
    return found[1] + found[2]


if __name__ == "__main__":
    sys.exit(main())
