"""The waits of a transfer, and the one durable timer behind them: operators read in its name which wait ends first."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from temporalio import workflow

from workflows.core import Deadline, Timer

_TOGETHER = timedelta(milliseconds=1)
"""What ends so soon after a moment ends in it: the server counts in milliseconds, and has no timer for less."""


class Wait(NamedTuple):
    """A wait that has begun."""

    timer: Timer
    text: str
    length: timedelta
    """How long it was to be when its end was last set: what its text says."""
    since: datetime
    until: datetime
    over: bool = False


class _Alarm(NamedTuple):
    """The timer that runs, and the wait that it is for."""

    deadline: Deadline
    wait: Wait
    task: asyncio.Task[None]


class Timers:
    """Knows of each deadline from when it first appears until it is not there any more, and has one timer run.

    That is for the wait that ends first. If that changes, it is cancelled, and one for the rest of another's time takes
    its place. Whoever is told that waits are over says what is to run from then on.
    """

    def __init__(
        self,
        length: Callable[[Deadline], timedelta],
        describe: Callable[[Deadline, timedelta, timedelta], str],
        fired: Callable[[Deadline], None],
        rest: Callable[[Deadline], timedelta],
    ) -> None:
        """Make the timers.

        Args:
            length: Returns how long a deadline is.
            describe: Returns the text for operators of a deadline of some length of which some time is left.
            fired: Is told when one is over, and sees to it that ``keep`` or ``lapse`` is called.
            rest: Returns how much longer one that is over has to be, because what it is about began late.
        """
        self._length = length
        self._describe = describe
        self._fired = fired
        self._rest = rest
        self._waits: dict[Deadline, Wait] = {}
        self._alarm: _Alarm | None = None
        self._last: asyncio.Task[None] | None = None
        """That of the last alarm, which may be over."""

    @property
    def running(self) -> tuple[Wait, ...]:
        """The waits that run now."""
        return tuple(wait for _, wait in self._running())

    def keep(self, deadlines: Iterable[Deadline]) -> None:
        """Let exactly these deadlines run."""
        wanted = tuple(deadlines)
        for deadline in [it for it in self._waits if it not in wanted]:
            del self._waits[deadline]
        for deadline in wanted:
            if deadline not in self._waits:
                self._begin(deadline, self._length(deadline))
        self._set()

    def raise_if_broken(self) -> None:
        """Raise what a mistake in our own code raised as a wait ended: no other wait would end after it."""
        if (last := self._last) is not None and last.done() and not last.cancelled() and (error := last.exception()):
            raise error

    def lapse(self) -> None:
        """Let no wait count any more, of a workflow that is about to end: its timer goes with it, for no event.

        A timer that is left over says nothing, and is cancelled by the next ``keep``.
        """
        self._waits.clear()

    def extend(self, timer: Timer, remaining: timedelta) -> timedelta:
        """Let a wait run at least so long from now on. One that would end later anyway, or does not run, stays.

        Returns:
            The longest that such a wait takes now from beginning to end; nothing if none runs.
        """
        until = workflow.now() + remaining
        for deadline, wait in self._running():
            if deadline.timer is timer and wait.until < until:
                self._begin(deadline, remaining, wait.since)
        self._set()
        lengths = [wait.until - wait.since for wait in self.running if wait.timer is timer]
        return max(lengths, default=timedelta())

    def _running(self) -> list[tuple[Deadline, Wait]]:
        return [(deadline, wait) for deadline, wait in self._waits.items() if not wait.over]

    def _begin(self, deadline: Deadline, length: timedelta, since: datetime | None = None) -> None:
        text, now = self._describe(deadline, length, length), workflow.now()
        self._waits[deadline] = Wait(deadline.timer, text, length, since or now, now + length)

    def _set(self) -> None:
        """Let the one timer be for the wait that ends first. One that ends in the same moment keeps it."""
        first = min(self._running(), key=_end, default=None)
        if (alarm := self._alarm) is not None:
            stays = self._waits.get(alarm.deadline) == alarm.wait
            if first is not None and stays and alarm.wait.until == first[1].until:
                return
            alarm.task.cancel()
        self._last = asyncio.create_task(self._wait(*first)) if first else None
        self._alarm = _Alarm(*first, self._last) if first and self._last else None

    async def _wait(self, deadline: Deadline, wait: Wait) -> None:
        left = wait.until - workflow.now()
        if left > _TOGETHER:
            await workflow.sleep(left, summary=self._describe(deadline, wait.length, left))
        self._alarm = None
        self._end_until(max(wait.until, workflow.now()) + _TOGETHER)

    def _end_until(self, moment: datetime) -> None:
        """End what runs until this moment at most, in the order of the ends, unless some time is to be given back."""
        ended = False
        for deadline, wait in sorted(self._running(), key=_end):
            if wait.until > moment:
                break
            if rest := self._rest(deadline):
                self._waits[deadline] = wait._replace(until=workflow.now() + rest)
            else:
                self._waits[deadline], ended = wait._replace(over=True), True
                self._fired(deadline)
        if not ended:
            self._set()


def _end(running: tuple[Deadline, Wait]) -> datetime:
    return running[1].until
