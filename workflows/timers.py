"""The running waits of a transfer as durable timers that an operator can read."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from temporalio import workflow

from workflows.core import Deadline, Timer


class Wait(NamedTuple):
    """A running timer."""

    timer: Timer
    text: str
    since: datetime
    until: datetime
    task: asyncio.Task[None]


class Timers:
    """Starts a timer when its deadline first appears, and cancels it when the deadline is not there any more."""

    def __init__(
        self,
        length: Callable[[Deadline], timedelta],
        describe: Callable[[Deadline, timedelta], str],
        fired: Callable[[Deadline], None],
        rest: Callable[[Deadline], timedelta],
    ) -> None:
        """Make the timers.

        Args:
            length: Returns how long a deadline is.
            describe: Returns the text for operators of a deadline of some length.
            fired: Is told when one is over.
            rest: Returns how much longer one that is over has to be, because what it is about began late.
        """
        self._length = length
        self._describe = describe
        self._fired = fired
        self._rest = rest
        self._running: dict[Deadline, Wait] = {}
        self._lapsed: list[Wait] = []

    @property
    def running(self) -> tuple[Wait, ...]:
        """The waits that run now."""
        return tuple(wait for wait in self._running.values() if not wait.task.done())

    def keep(self, deadlines: Iterable[Deadline]) -> None:
        """Let exactly these deadlines run."""
        wanted = tuple(deadlines)
        while self._lapsed:
            self._lapsed.pop().task.cancel()
        for deadline in [it for it in self._running if it not in wanted]:
            self._running.pop(deadline).task.cancel()
        for deadline in wanted:
            if deadline not in self._running:
                self._start(deadline, self._length(deadline))

    def lapse(self) -> None:
        """Let no wait count any more, of a workflow that is about to end: with it go its timers, and cost no event."""
        self._lapsed += self._running.values()
        self._running.clear()

    def extend(self, timer: Timer, remaining: timedelta) -> timedelta:
        """Let a wait run at least so long from now on. One that would end later anyway, or does not run, stays.

        Returns:
            The longest that such a wait takes now from beginning to end; nothing if none runs.
        """
        until = workflow.now() + remaining
        for deadline, wait in tuple(self._running.items()):
            if deadline.timer is timer and not wait.task.done() and wait.until < until:
                wait.task.cancel()
                self._start(deadline, remaining, wait.since)
        lengths = [wait.until - wait.since for wait in self.running if wait.timer is timer]
        return max(lengths, default=timedelta())

    def _start(self, deadline: Deadline, duration: timedelta, since: datetime | None = None) -> None:
        text, now = self._describe(deadline, duration), workflow.now()
        task = asyncio.create_task(self._wait(deadline, duration, text))
        self._running[deadline] = Wait(deadline.timer, text, since or now, now + duration, task)

    async def _wait(self, deadline: Deadline, duration: timedelta, text: str) -> None:
        await workflow.sleep(duration, summary=text)
        if deadline in self._running and (rest := self._rest(deadline)):
            await workflow.sleep(rest, summary=self._describe(deadline, rest))
        if deadline in self._running:
            self._fired(deadline)
