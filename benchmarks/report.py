"""Writes `docs/performance.md`: a section for each benchmark between markers, so that one can be measured anew."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.rows import Row, median, percentile

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/performance.md"
RAW = ROOT / ".artifacts/benchmarks"
"""Where every sample goes."""

HEAD = """\
# Performance

Written by `python -m benchmarks` (`make benchmarks`), a section for each benchmark. What is compared was measured in
turns, in one run, on the machine and at the time that the section names. A figure alone says how quick that machine
was; the ratios say how quick the engine is. *p99* of less than a hundred samples is the largest of them. *Asked* was
set before anything was measured, in the unit of the line or, with an *x*, in medians of the reference.
"""
COLUMNS = ("what", "unit", "n", "median", "p99", "reference", "its median", "its p99", "ratio", "asked", "reached")


def write(
    name: str, title: str, about: str, machine: str, rows: Sequence[Row], page: Path = PAGE, raw: Path = RAW
) -> None:
    """Put a benchmark's section onto the page, in the place of the one it had, and its samples into a file.

    Args:
        name: Of the benchmark.
        title: Heading of its section.
        about: What is measured, and how.
        machine: On what, when, by which command.
        rows: What was measured; those without a sample are left out.
        page: The page.
        raw: Folder for the samples.
    """
    measured = [row for row in rows if row.samples]
    raw.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "rows": [asdict(row) | {"reached": row.reached} for row in measured]}
    (raw / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = "\n".join([begin, f"## {title}", "", about.strip(), "", *table(measured), "", f"*{machine}*", end])
    text = page.read_text(encoding="utf-8") if page.is_file() else HEAD
    there = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    there_already = there.search(text) is not None
    text = there.sub(lambda _: section, text) if there_already else f"{text.rstrip()}\n\n{section}\n"
    page.write_text(text, encoding="utf-8")


def table(rows: Sequence[Row]) -> list[str]:
    """Return rows as lines of a Markdown table."""
    return [_line(COLUMNS), _line("---" for _ in COLUMNS), *(_line(_cells(row)) for row in rows)]


def _cells(row: Row) -> Iterable[str]:
    yield from (row.name, row.unit, str(len(row.samples)), *_figures(row.samples))
    yield from (row.against, *_figures(row.reference))
    yield "" if row.ratio is None else f"{row.ratio:.2f}"
    yield str(row.asked or "")
    yield "" if row.reached is None else ("yes" if row.reached else "**no**")


def _figures(samples: Sequence[float]) -> tuple[str, str]:
    return (_figure(median(samples)), _figure(percentile(samples, 99))) if samples else ("", "")


def _figure(value: float) -> str:
    """Return a number with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
