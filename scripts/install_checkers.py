#!/usr/bin/env python3
"""Unpack the programs that judge files below `deploy`: `promtool` and `docker-compose`, in `.tools/checkers`.

They are the programs themselves, from Debian, and read the files as they will be read when it counts; neither needs a
container engine. As `install_asterisk.py`, whose means these are, it needs no root and leaves the system alone.

Exit codes: 0 they are there; 3 they cannot be had on this machine (why is in `.tools/checkers.unavailable`, too).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from install_asterisk import (
    DEFAULT_MIRROR,
    STAMP,
    SUITES,
    UnavailableError,
    check_machine,
    private_apt,
    read_stamp,
    run,
)

RECIPE = 1
"""Raise it whenever what is unpacked changes: an installation by another recipe is replaced."""

PROGRAMS = {"promtool": "usr/bin/promtool", "docker-compose": "usr/libexec/docker/cli-plugins/docker-compose"}
"""Each package, and the one file of it that is wanted."""


def main() -> int:
    """Install the programs unless they are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).resolve().parents[1] / ".tools" / "checkers"
    parser.add_argument("--into", type=Path, default=default, metavar="FOLDER", help="default: %(default)s")
    target: Path = parser.parse_args().into.absolute()
    excuse = target.with_name(f"{target.name}.unavailable")

    stamp = read_stamp(target)
    if stamp.get("recipe") != RECIPE:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            stamp = install(target, os.environ.get("HOOKFLASH_DEBIAN_MIRROR") or DEFAULT_MIRROR)
        except UnavailableError as unavailable:
            reason = f"promtool and docker-compose are unavailable: {unavailable}"
            excuse.write_text(reason + "\n", encoding="utf-8")
            print(reason)
            return 3
    excuse.unlink(missing_ok=True)
    print("; ".join(str(stamp[name]) for name in PROGRAMS))
    return 0


def install(target: Path, mirror: str) -> dict[str, object]:
    """Build in a folder beside `target` and rename it at the very end, so that no half of it is ever seen.

    Raises:
        UnavailableError: if this machine or this network cannot have them.
    """
    keyring = check_machine()
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.building-", dir=target.parent) as building:
        work = Path(building)
        download(work, f"[signed-by={keyring}] {mirror}")
        programs = work / "programs"
        programs.mkdir()
        for name, file in PROGRAMS.items():
            (package,) = work.glob(f"{name}_*.deb")
            run(["dpkg-deb", "-x", str(package), str(work / name)])
            (work / name / file).rename(programs / name)
        stamp: dict[str, object] = {"recipe": RECIPE}
        # Started once, with this machine's own C library: what does not run is no help.
        stamp["promtool"] = run([str(programs / "promtool"), "--version"]).partition(" (")[0]
        stamp["docker-compose"] = run([str(programs / "docker-compose"), "version"]).strip()
        (programs / STAMP).write_text(json.dumps(stamp) + "\n", encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        programs.rename(target)
    return stamp


def download(work: Path, archive: str) -> None:
    """Download the packages into `work`, without what they depend on: a C library is everywhere.

    Raises:
        UnavailableError: if no suite has them.
    """
    reason = ""
    for suite in SUITES:
        environment = private_apt(work / suite, f"deb {archive} {suite} main\n")
        try:
            run(["apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update"], environment)
            run(["env", f"--chdir={work}", "apt-get", "-qq", "download", *PROGRAMS], environment)
        except UnavailableError as unavailable:
            reason = str(unavailable)
        else:
            return
    raise UnavailableError(reason)


if __name__ == "__main__":
    sys.exit(main())
