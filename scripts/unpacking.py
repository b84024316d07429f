"""A folder below `.tools` that an install script fills: whole or not at all, and with the reason beside it if not.

Exit codes of such a script: 0 it is there; 3 it cannot be had on this machine (one line says why, and the same line is
left in `.tools/NAME.unavailable` for the tests to give as their reason to skip); anything else is a fault of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

STAMP = "installed.json"
"""In such a folder: what was noted down about it."""
EXIT_UNAVAILABLE = 3
ABANDONED_SECONDS = 3600


class UnavailableError(Exception):
    """It cannot be had on this machine; the message is the one-line reason."""


def unpack_once(
    name: str,
    subject: str,
    recipe: int,
    build: Callable[[Path], tuple[Path, dict[str, object]]],
    describe: Callable[[Mapping[str, object]], str],
    *,
    about: str,
) -> int:
    """Fill a folder, unless the right content is there already.

    Args:
        name: The folder's, below `.tools`.
        subject: What it is that is unavailable, with its verb: "Asterisk is".
        recipe: What is there by another one is replaced.
        build: Makes the content below the folder it is given, and returns where it is and what to note down about it.
        describe: Says what is there by what was noted down.
        about: The script's docstring.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    default = Path(__file__).resolve().parents[1] / ".tools" / name
    parser.add_argument("--into", type=Path, default=default, metavar="FOLDER", help="default: %(default)s")
    target: Path = parser.parse_args().into.absolute()
    excuse = target.with_name(f"{target.name}.unavailable")
    stamp, took = _read_stamp(target), ""
    if stamp.get("recipe") != recipe:
        target.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        try:
            stamp = _replace(target, recipe, build)
        except UnavailableError as unavailable:
            reason = f"{subject} unavailable: {unavailable}"
            excuse.write_text(reason + "\n", encoding="utf-8")
            print(reason)
            return EXIT_UNAVAILABLE
        took = f" in {time.monotonic() - started:.0f} s"
    excuse.unlink(missing_ok=True)
    print(f"{describe(stamp)}{took}")
    return 0


def _read_stamp(target: Path) -> dict[str, object]:
    """Return what an earlier run noted down about `target`; empty when there is nothing usable."""
    try:
        return json.loads((target / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _replace(target: Path, recipe: int, build: Callable[[Path], tuple[Path, dict[str, object]]]) -> dict[str, object]:
    """Build in a folder beside `target` and rename it at the very end, so that no half of it is ever seen."""
    prefix = f"{target.name}.building-"
    for abandoned in target.parent.glob(f"{prefix}*"):  # by a run that was killed
        if time.time() - abandoned.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as building:
        work = Path(building)
        built, noted = build(work)
        stamp = {"recipe": recipe, **noted}
        (built / STAMP).write_text(json.dumps(stamp) + "\n", encoding="utf-8")
        if target.exists():
            target.rename(work / "replaced")
        built.rename(target)
    return stamp
