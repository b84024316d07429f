"""Waiting for the thing itself instead of for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T | None]], what: str, within: float = 10.0, *, every: float = 0.02
) -> T:
    """Look until something is there, and return it.

    Args:
        look: Returns what is looked for, or None.
        what: What is waited for, for the error.
        within: Seconds after which it is an error.
        every: Seconds between two looks, where a look costs something.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while True:
        found = await look()
        if found is not None:
            return found
        if loop.time() > until:
            raise AssertionError(f"{what} did not come about within {within} s")
        await asyncio.sleep(every)
