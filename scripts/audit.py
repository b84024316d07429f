#!/usr/bin/env python3
"""Ask the OSV database whether a dependency in `uv.lock`, of any extra or group, has a known vulnerability.

It is `uv audit` of the pinned uv. The database is asked over the network, since no package registry ships it whole. A
copy of it inside of a company is given by `--service-url`, and one in files by `--database`, for places without a
network: a checkout of https://github.com/pypa/advisory-database, or what OSV exports. Where PyPI can be
reached and OSV cannot, `--pypi` takes what PyPI has of OSV beside each release: one or two requests for each package,
or `--pypi --direct` for those alone that the engine and its client name themselves.

Exit codes: 0 none is known; 1 there are some, they are listed; 2 something else is wrong, such as the lock file; 3 the
database cannot be reached from here, or the files are too old to clear anything (why is the last line); 4 none is
known, but PyPI says nothing of some packages, or was not asked of all (the last line names those that it is about).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from advisories import advisories, newest, serving
from pypi_advisories import UnreachableError, ask, direct, locked

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".tools" / "uv" / "bin" / "uv"
DATABASE = "https://api.osv.dev/"
PYPI = "https://pypi.org"

UNREACHABLE = re.compile(r"error sending request for url|HTTP status server error")
"""How uv says that nobody answered, or nobody who could."""

FRESH = timedelta(days=30)
"""How old the newest advisory in files may be; the databases named above get some on most days."""


def main() -> int:
    """Ask, and print what was said."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    database = parser.add_mutually_exclusive_group()
    database.add_argument("--service-url", default=DATABASE, metavar="URL", help="default: %(default)s")
    database.add_argument(
        "--database", type=Path, metavar="FOLDER", help="of advisories in files, instead of a service"
    )
    database.add_argument(
        "--pypi",
        nargs="?",
        const=PYPI,
        metavar="URL",
        help="ask PyPI, or a mirror that has its JSON API, instead of OSV",
    )
    parser.add_argument(
        "--direct", action="store_true", help="with --pypi: only what the engine and its client name themselves"
    )
    parser.add_argument(
        "--project", type=Path, default=ROOT, metavar="FOLDER", help="with the lock file; default: ours"
    )
    given = parser.parse_args()
    if given.direct and not given.pypi:
        parser.error("--direct: only with --pypi; the others are asked of everything at once")
    if given.pypi:
        return _ask_pypi(given.pypi.rstrip("/"), given.project, only_direct=given.direct)
    folder: Path | None = given.database
    if folder is None:
        return _ask(given.service_url, given.project)
    known = list(advisories(folder))
    if not known:
        parser.error(f"--database: there is no advisory in {folder}")
    with serving(known) as url:
        code = _ask(url, given.project)
    tended = newest(known)
    print(f"Of {len(known)} advisories in {folder} the newest is of {tended.date()}")
    if code == 0 and datetime.now(UTC) - tended > FRESH:
        print(f"{folder} cannot clear what we lock: its newest advisory is more than {FRESH.days} days old")
        return 3
    return code


def _ask_pypi(url: str, project: Path, *, only_direct: bool) -> int:
    try:
        packages = locked(project)
        asked = direct(project, packages) if only_direct else packages
    except (OSError, ValueError) as error:
        print(f"{project / 'uv.lock'} cannot be read: {error}")
        return 2
    try:
        told = ask(url, asked)
    except UnreachableError as error:
        print(f"{urlsplit(url).netloc} cannot be reached: {error}")
        return 3
    with serving(told.advisories) as service:
        code = _ask(service, project)
    if told.not_cleared:
        names = ", ".join(map(str, told.not_cleared))
        print(f"{urlsplit(url).netloc} says nothing of {len(told.not_cleared)} of {len(packages)} packages: {names}")
    if only_direct:
        names = ", ".join(map(str, asked))
        print(f"{urlsplit(url).netloc} was asked of {len(asked)} of {len(packages)} packages: {names}")
    return code or (4 if told.not_cleared or len(asked) < len(packages) else 0)


def _ask(url: str, project: Path) -> int:
    command = [
        *(str(UV), "audit", "--frozen", "--preview-features", "audit-command"),
        *("--project", str(project), "--service-url", url),
    ]
    # One that is not there at the second try is not there: everybody waits for the tests.
    environment = {"UV_HTTP_RETRIES": "1"} | os.environ
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stdout + done.stderr)
    if done.returncode not in (0, 1) and UNREACHABLE.search(done.stderr):
        cause = done.stderr.strip().splitlines()[-1].strip().removeprefix("cause: ")
        print(f"{urlsplit(url).netloc} cannot be reached: {cause}")
        return 3
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
