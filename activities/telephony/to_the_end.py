"""Work that is not left half done when the time for the whole arrangement is up."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Note and dial in one go, even if the time for the whole arrangement is up between the two.

    With the note alone nobody would be rung, now or later, and everybody would wait for the leg's deadline. Each
    request has a limit of its own.

    Raises:
        asyncio.CancelledError: Once it is over, if somebody has cancelled it meanwhile.
        Exception: What the work raised, if nobody has.
    """
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if not cancelled:
        return task.result()
    if not task.cancelled():
        task.exception()  # whatever it was, the next look shows it
    raise asyncio.CancelledError
