"""``python -m benchmarks [name …]``: measures and writes ``docs/performance.md``."""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from benchmarks import report
from benchmarks.machine import describe
from benchmarks.options import Options
from benchmarks.rows import Row

NAMES = (
    *("cost", "overhead", "recovery", "dead_air", "time_to_ring", "throughput", "saturation", "scale", "reconcile"),
    *("rush", "growth"),
)
"""Modules of this package, in the order in which they are run."""


class Benchmark(Protocol):
    """What such a module has."""

    TITLE: str
    ABOUT: str
    run: Callable[[Options], Coroutine[Any, Any, list[Row]]]


def main(arguments: list[str] | None = None) -> int:
    """Run benchmarks and return the exit code: 0 also if something was not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures, and writes a page about it.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of: {', '.join(NAMES)} (default: all of them)")
    parser.add_argument("--samples", type=int, help="samples of each row (default: each benchmark's own)")
    parser.add_argument("--size", type=int, help="transfers that are open at once, for `scale`, `reconcile` and `rush`")
    parser.add_argument("--share", type=float, default=1.0, help="part of the times that are waited for, for trials")
    parser.add_argument("--note", default="", help="what else one has to know of this run, for the page")
    parser.add_argument("--page", type=Path, default=report.PAGE, help="the page to write (default: %(default)s)")
    given = parser.parse_args(arguments)
    names: list[str] = given.names or list(NAMES)
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    options = Options(given.samples, given.size, given.page.parent / "images", given.share)
    for name in names:
        measure(name, options, given.page, note=given.note)
    return 0


def measure(name: str, options: Options, page: Path, raw: Path = report.RAW, note: str = "") -> list[Row]:
    """Run one benchmark, write its section, and say what was found."""
    module = cast("Benchmark", import_module(f"benchmarks.{name}"))
    given = {"--samples": options.samples, "--size": options.size}
    command = " ".join(["python -m benchmarks", name, *(f"{key} {it}" for key, it in given.items() if it)])
    machine, began = describe(command, note), time.monotonic()
    rows = asyncio.run(module.run(options))
    report.write(name, module.TITLE, module.ABOUT, machine, rows, page, raw)
    sys.stdout.write("\n".join([f"{module.TITLE} ({time.monotonic() - began:.0f} s)", *report.table(rows), "", ""]))
    return rows


if __name__ == "__main__":
    sys.exit(main())
