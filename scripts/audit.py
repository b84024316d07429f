#!/usr/bin/env python3
"""Ask the OSV database whether a dependency in `uv.lock`, of any extra or group, has a known vulnerability.

It is `uv audit` of the pinned uv. The database is asked over the network, since no package registry ships it; a copy of
it inside of a company is given by `--service-url`.

Exit codes: 0 none is known; 1 there are some, they are listed; 2 something else is wrong, such as the lock file; 3 the
database cannot be reached from here (why is the last line).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".tools" / "uv" / "bin" / "uv"
DATABASE = "https://api.osv.dev/"

UNREACHABLE = re.compile(r"error sending request for url|HTTP status server error")
"""How uv says that nobody answered, or nobody who could."""


def main() -> int:
    """Ask, and print what was said."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--service-url", default=DATABASE, metavar="URL", help="default: %(default)s")
    parser.add_argument(
        "--project", type=Path, default=ROOT, metavar="FOLDER", help="with the lock file; default: ours"
    )
    given = parser.parse_args()
    url: str = given.service_url
    command = [
        *(str(UV), "audit", "--frozen", "--preview-features", "audit-command"),
        *("--project", str(given.project), "--service-url", url),
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
