"""What some tests need of the machine, and what becomes of them where it cannot be had.

A test marked with one of `MARKERS` is skipped there, and the last lines of the run say why.
With `HOOKFLASH_REQUIRE=all`, as in CI, it fails instead: a run that left out half of its tests must not be green.
"""

import os
from collections import Counter
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from scripts.install_chromium import find_chromium
from tests.support import small_disk

TOOLS = Path(__file__).resolve().parents[2] / ".tools"
UNPACKED = ("asterisk", "checkers", "mermaid", "postgresql", "twilio_api")
"""What an install script unpacks below `.tools`, in a folder of this name."""

MARKERS = ("browser", "small_disk", *UNPACKED)

_LEFT_OUT = "left out"
"""Name under which a report carries the reason, from whichever process ran the test."""


@cache
def chromium() -> str | None:
    """The path of a Chromium that runs."""
    return find_chromium()


@cache
def missing(marker: str) -> str | None:
    """Why tests with this marker cannot run here, None when they can."""
    if marker in UNPACKED and not (TOOLS / marker / "installed.json").is_file():
        return _noted(marker)
    if marker == "browser" and chromium() is None:
        return _noted("chromium")
    if marker == "small_disk":
        return small_disk.unavailable()
    return None


def _noted(tool: str) -> str:
    """The reason that the install script left, or that it was not run."""
    note = TOOLS / f"{tool}.unavailable"
    return note.read_text().strip() if note.is_file() else f"no {tool} here yet; run: make setup-tests"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips or fails what cannot run here, before any of its fixtures tries in vain."""
    for marker in MARKERS:
        reason = missing(marker) if item.get_closest_marker(marker) else None
        if reason is None:
            continue
        if os.environ.get("HOOKFLASH_REQUIRE") == "all":
            pytest.fail(f"HOOKFLASH_REQUIRE=all, and {reason}", pytrace=False)
        leave_out(item, marker, reason)


def leave_out(item: pytest.Item, what: str, reason: str) -> NoReturn:
    """Skips a test, and has the last lines of the run say so.

    Args:
        item: The test.
        what: What is left out.
        reason: Why.
    """
    item.user_properties.append((_LEFT_OUT, f"{what} ({reason})"))
    pytest.skip(reason)


# The outermost wrapper, because pytest prints its own list of skips and failures after this hook's yield.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Says what was left out and why, right above the summary line."""
    yield
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    properties = [it for report in skipped for it in report.user_properties]
    for reason, count in Counter(str(value) for name, value in properties if name == _LEFT_OUT).items():
        terminalreporter.write_line(f"left out: {count} x {reason}", yellow=True)
