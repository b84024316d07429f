"""A workflow that waits as it is told, and consumes as a transfer does. The sandbox needs it in a module of its own."""

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel
from temporalio import workflow

from workflows.core import Deadline, Timer
from workflows.timers import Timers
from workflows.wording import timer_text


class Order(BaseModel):
    """What the waits are to be from now on."""

    keep: dict[str, float] | None = None
    """Exactly these, by name, with their seconds; None: those of before."""
    extend: dict[str, float] = {}
    late: dict[str, float] = {}
    """How much longer a wait has to be that is over."""
    breaks: bool = False
    """Whether the next wait that ends meets a mistake in the code, once."""
    lapse: bool = False
    stop: bool = False


class Shown(BaseModel):
    """A wait as operators see it."""

    text: str
    since: datetime
    until: datetime


class Seen(BaseModel):
    """What the waits are, and which are over."""

    running: list[Shown]
    fired: list[str]
    fired_at: list[datetime]
    extended: list[float]


class _Fired(NamedTuple):
    wait: str


@workflow.defn
class Keeper:
    """Keeps waits, and leaves out those that are over."""

    def __init__(self) -> None:
        self._inbox: deque[Order | _Fired] = deque()
        self._seconds: dict[str, float] = {}
        self._late: dict[str, float] = {}
        self._stopped = self._lapsed = self._breaks = False
        self._timers = Timers(
            lambda deadline: timedelta(seconds=self._seconds[_name(deadline)]),
            lambda deadline, length, left: timer_text(deadline, "Bob", length, left),
            lambda deadline: self._inbox.append(_Fired(_name(deadline))),
            self._rest,
        )
        self._seen = Seen(running=[], fired=[], fired_at=[], extended=[])

    @workflow.run
    async def run(self) -> Seen:
        while not self._stopped:
            await workflow.wait_condition(self._something_new)
            while self._inbox:
                self._consume(self._inbox.popleft())
            if self._lapsed:
                self._timers.lapse()
            else:
                self._timers.keep(_deadline(name) for name in self._seconds)
        return self._seen

    @workflow.signal
    def order(self, order: Order) -> None:
        self._inbox.append(order)

    @workflow.query
    def seen(self) -> Seen:
        running = [Shown(text=it.text, since=it.since, until=it.until) for it in self._timers.running]
        return self._seen.model_copy(update={"running": running})

    def _something_new(self) -> bool:
        self._timers.raise_if_broken()
        return bool(self._inbox)

    def _rest(self, deadline: Deadline) -> timedelta:
        if self._breaks:
            raise RuntimeError("a mistake")
        return timedelta(seconds=self._late.pop(_name(deadline), 0))

    def _consume(self, news: Order | _Fired) -> None:
        if isinstance(news, _Fired):
            if self._seconds.pop(news.wait, None) is not None:  # what is not there any more changes nothing
                self._seen.fired.append(news.wait)
                self._seen.fired_at.append(workflow.now())
            return
        self._seconds = self._seconds if news.keep is None else dict(news.keep)
        self._late |= news.late
        self._breaks = news.breaks
        self._lapsed, self._stopped = news.lapse, news.stop
        if news.extend:
            self._timers.keep(_deadline(name) for name in self._seconds)
        for name, seconds in news.extend.items():
            length = self._timers.extend(_deadline(name).timer, timedelta(seconds=seconds))
            self._seen.extended.append(length.total_seconds())


def _deadline(name: str) -> Deadline:
    timer, _, number = name.partition(" ")
    return Deadline(Timer(timer), int(number or 1))


def _name(deadline: Deadline) -> str:
    return deadline.timer.value + (f" {deadline.number}" if deadline.number > 1 else "")
