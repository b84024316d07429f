"""Assertions about who hears whom: polled window by window, never after a fixed sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from tests.rig.call import Call
from tests.rig.phone import WINDOW, Phone
from tests.rig.tones import Heard

POLL = 0.05

Listener = Phone | Call
"""A phone, or one of the several calls that a phone has at the same time."""

Expectation = Collection[str] | None
"""The names of all sounds a phone shall hear; None for no media at all."""


def _fulfils(heard: Heard, expected: Expectation) -> bool:
    if expected is None:
        return heard.no_media
    return heard.steady and not heard.strange and heard.sounds == frozenset(expected)


async def hear_exactly(expected: Mapping[Listener, Expectation], within: float = 3.0) -> None:
    """Wait until every listener hears exactly what it should, all in the same 400 ms.

    Args:
        expected: for each of them the names of all sounds it shall hear; None for no media at all.
        within: seconds until they must.

    Raises:
        AssertionError: if it does not happen; it says what each heard instead.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(WINDOW)  # nothing that was heard before this call counts
    while True:
        now = loop.time()
        heard = {listener: listener.heard(now - WINDOW, now) for listener in expected}
        if all(_fulfils(heard[listener], expected[listener]) for listener in expected):
            return
        if now > began + within:
            break
        await asyncio.sleep(POLL)
    lines: list[str] = []
    for listener, wanted in expected.items():
        ought = "no media" if wanted is None else " + ".join(sorted(wanted)) or "silence"
        name, call = (listener.name, listener.call) if isinstance(listener, Phone) else (listener.owner, listener)
        lines.append(f"{name} should hear {ought}, heard {heard[listener]}; {call or 'no call'}")
    raise AssertionError(f"not within {within} s:\n  " + "\n  ".join(lines))


async def hears_exactly(phone: Phone, expected: Expectation, within: float = 3.0) -> None:
    """Wait until one phone hears exactly these sounds: see `hear_exactly`."""
    await hear_exactly({phone: expected}, within)
