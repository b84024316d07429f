"""The running waits of a transfer as durable timers that an operator can read."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from temporalio import workflow

from workflows.core import Deadline


class Wait(NamedTuple):
    """A running timer."""

    text: str
    until: datetime
    task: asyncio.Task[None]


class Timers:
    """Starts a timer when its deadline first appears, and cancels it when the deadline is not there any more."""

    def __init__(
        self, describe: Callable[[Deadline], tuple[timedelta, str]], fired: Callable[[Deadline], None]
    ) -> None:
        """Make the timers.

        Args:
            describe: Returns how long a deadline is, and its text for operators.
            fired: Is told when one is over.
        """
        self._describe = describe
        self._fired = fired
        self._running: dict[Deadline, Wait] = {}

    @property
    def running(self) -> tuple[Wait, ...]:
        """The waits that run now."""
        return tuple(wait for wait in self._running.values() if not wait.task.done())

    def keep(self, deadlines: Iterable[Deadline]) -> None:
        """Let exactly these deadlines run."""
        wanted = tuple(deadlines)
        for deadline in [it for it in self._running if it not in wanted]:
            self._running.pop(deadline).task.cancel()
        for deadline in wanted:
            if deadline not in self._running:
                duration, text = self._describe(deadline)
                task = asyncio.create_task(self._wait(deadline, duration, text))
                self._running[deadline] = Wait(text, workflow.now() + duration, task)

    async def _wait(self, deadline: Deadline, duration: timedelta, text: str) -> None:
        await workflow.sleep(duration, summary=text)
        self._fired(deadline)
