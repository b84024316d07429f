"""Where the simulated exchange takes its time from: the event loop, or a clock that a test turns by hand."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Timer(Protocol):
    """Something that will happen, unless it is cancelled first."""

    def cancel(self) -> None:
        """Forget it. Does nothing when it has happened already."""
        ...


class Clock(Protocol):
    """A source of time in seconds. Its zero means nothing."""

    def now(self) -> float:
        """Return the time; it never goes back."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back once, so many seconds from now."""
        ...

    async def sleep(self, delay: float) -> None:
        """Wait for so many seconds."""
        ...


class AsyncioClock:
    """The running event loop's own time."""

    def now(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back from the running loop."""
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, delay: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(delay)


@dataclass(order=True)
class _Due:
    """A timer of the virtual clock. Equal times fire in the order in which they were set."""

    at: float
    number: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """Time that stands still until a test advances it; every run is then the same."""

    def __init__(self) -> None:
        self._now = 0.0
        self._count = 0
        self._due: list[_Due] = []

    def now(self) -> float:
        """Return the seconds by which it has been advanced in all."""
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back from within the ``advance`` that reaches that time."""
        self._count += 1
        due = _Due(self._now + max(0.0, delay), self._count, callback)
        heapq.heappush(self._due, due)
        return due

    async def sleep(self, delay: float) -> None:
        """Wait until somebody has advanced the clock far enough."""
        over = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, lambda: None if over.done() else over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()

    def advance(self, seconds: float) -> None:
        """Let time pass; what falls due happens in order, each thing at its own time."""
        until = self._now + seconds
        while self._due and self._due[0].at <= until:
            due = heapq.heappop(self._due)
            if not due.cancelled:
                self._now = due.at
                due.callback()
        self._now = until
