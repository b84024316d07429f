#!/usr/bin/env python3
"""Unpack the programs that judge files below `deploy`: `promtool` and `docker-compose`, in `.tools/checkers`.

They are the programs themselves, from Debian, and read the files as they will be read when it counts; neither needs a
container engine. As `install_asterisk.py`, it needs no root and leaves the system alone. `unpacking.py` says what the
exit codes mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

from debian_archive import fetch, run
from unpacking import unpack_once

RECIPE = 1
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

PROGRAMS = {"promtool": "usr/bin/promtool", "docker-compose": "usr/libexec/docker/cli-plugins/docker-compose"}
"""Each package, and the one file of it that is wanted."""


def main() -> int:
    """Install the programs unless they are there."""
    return unpack_once(
        "checkers",
        "promtool and docker-compose are",
        RECIPE,
        build,
        lambda stamp: "; ".join(str(stamp[name]) for name in PROGRAMS),
        about=__doc__ or "",
    )


def build(work: Path) -> tuple[Path, dict[str, object]]:
    """Unpack the programs below `work`, without what they depend on: a C library is everywhere.

    Returns:
        Their folder, and what there is to note down about it.

    Raises:
        UnavailableError: if this machine or this network cannot have them.
    """
    fetch(work / "apt", ["env", f"--chdir={work}", "apt-get", "-qq", "download", *PROGRAMS])
    programs = work / "programs"
    programs.mkdir()
    for name, file in PROGRAMS.items():
        (package,) = work.glob(f"{name}_*.deb")
        run(["dpkg-deb", "-x", str(package), str(work / name)])
        (work / name / file).rename(programs / name)
    # Started once, with this machine's own C library: what does not run is no help.
    return programs, {
        "promtool": run([str(programs / "promtool"), "--version"]).partition(" (")[0],
        "docker-compose": run([str(programs / "docker-compose"), "version"]).strip(),
    }


if __name__ == "__main__":
    sys.exit(main())
