"""One timer does what a timer for each wait would do: the same waits are over, in the same order, at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows import timers
from workflows.core import Deadline, Timer
from workflows.timers import Timers, Wait

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TENTH = timedelta(seconds=0.1)
MILLISECOND = timedelta(milliseconds=1)
NAMES = tuple(Deadline(timer, number) for timer in (Timer.RING, Timer.ACCEPT, Timer.HOLD_BUDGET) for number in (1, 2))


@dataclass
class Server:
    """Has a clock that a test turns, and timers that end when they should, or a little off."""

    off_by: timedelta = timedelta()
    now: datetime = NOON
    running: dict[asyncio.Future[None], datetime] = field(default_factory=dict[asyncio.Future[None], datetime])
    started: list[timedelta] = field(default_factory=list[timedelta])
    named: str = ""
    """What the last timer is for."""
    most: int = 0

    async def sleep(self, duration: timedelta, *, summary: str) -> None:
        """Take the place of ``workflow.sleep``."""
        assert duration > timedelta(0)
        over = asyncio.get_running_loop().create_future()
        self.running[over] = self.now + duration + self.off_by
        self.started.append(duration)
        self.named = summary
        self.most = max(self.most, len(self.running))
        try:
            await over
        finally:
            self.running.pop(over, None)

    async def turn_to(self, moment: datetime, afterwards: Callable[[], None]) -> None:
        """Turn the clock, and do something after each timer that has ended: what a workflow does with it."""
        await _settle()
        while self.running and (first := min(self.running.values())) <= moment:
            self.now = first
            for over in [it for it, end in self.running.items() if end == first]:
                del self.running[over]
                over.set_result(None)
            await _settle()
            afterwards()
            await _settle()
        self.now = moment


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@dataclass
class Separate:
    """What it is to be like: every wait by itself."""

    ends: dict[Deadline, datetime] = field(default_factory=dict[Deadline, datetime])
    over: set[Deadline] = field(default_factory=set[Deadline])

    def keep(self, wanted: list[Deadline], lengths: dict[Deadline, timedelta], now: datetime) -> None:
        self.over &= set(wanted)
        self.ends = {it: end for it, end in self.ends.items() if it in wanted}
        for it in wanted:
            if it not in self.ends and it not in self.over:
                self.ends[it] = now + lengths[it]

    def lapse(self) -> None:
        self.ends.clear()
        self.over.clear()

    def extend(self, timer: Timer, until: datetime) -> None:
        self.ends |= {it: until for it, end in self.ends.items() if it.timer is timer and end < until}

    def over_by(self, moment: datetime) -> list[tuple[Deadline, datetime]]:
        due = sorted(((it, end) for it, end in self.ends.items() if end <= moment), key=lambda it: it[1])
        for it, _ in due:
            del self.ends[it]
            self.over.add(it)
        return due


@dataclass
class Trial:
    """Both, side by side."""

    server: Server
    lengths: dict[Deadline, timedelta] = field(default_factory=dict[Deadline, timedelta])
    late: dict[Deadline, timedelta] = field(default_factory=dict[Deadline, timedelta])
    wanted: list[Deadline] | None = field(default_factory=list[Deadline])
    """None: the end was near, and waits have lapsed."""
    fired: list[tuple[Deadline, datetime]] = field(default_factory=list[tuple[Deadline, datetime]])
    _timed: Wait | None = None

    def __post_init__(self) -> None:
        self.timers = Timers(
            lambda it: self.lengths[it],
            lambda it, _length, _left: _text(it),
            lambda it: self.fired.append((it, self.server.now)),
            lambda it: self.late.pop(it, timedelta()),
        )

    async def keep(self, lengths: dict[Deadline, timedelta]) -> None:
        self.lengths, self.wanted = self.lengths | lengths, list(lengths)
        self._again()
        await _settle()

    async def turn(self, by: timedelta) -> None:
        """Let time pass. Only when a wait is over does a workflow say what is to run now."""
        told = len(self.fired)

        def consume() -> None:
            nonlocal told
            if len(self.fired) > told:
                told = len(self.fired)
                self._again()

        await self.server.turn_to(self.server.now + by, consume)

    def lapse(self) -> None:
        self.wanted = None
        self.timers.lapse()

    def timed(self) -> Wait | None:
        """Return the wait that the timer is for which runs now; None: there is none."""
        if self.server.running:
            self._timed = next((it for it in self.timers.running if it.text == self.server.named), self._timed)
        return self._timed if self.server.running else None

    def _again(self) -> None:
        if self.wanted is not None:
            self.timers.keep(self.wanted)


def _text(deadline: Deadline) -> str:
    return f"{deadline.timer} {deadline.number}"


def on_server(trial: Callable[[Trial], Awaitable[None]], off_by: timedelta = timedelta()) -> Trial:
    """Try something on a server of its own."""

    async def tried() -> Trial:
        made = Trial(Server(off_by))
        stand_in = SimpleNamespace(now=lambda: made.server.now, sleep=made.server.sleep)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(timers, "workflow", stand_in)
            await trial(made)
            made.timers.keep(())
            await _settle()
        assert not made.server.running
        assert made.server.most <= 1
        return made

    return asyncio.run(tried())


class Keep(NamedTuple):
    waits: dict[Deadline, timedelta]


class Extend(NamedTuple):
    deadline: Deadline
    remaining: timedelta


class Turn(NamedTuple):
    by: timedelta


class Lapse(NamedTuple):
    pass


Step = Keep | Extend | Turn | Lapse

_TENTHS = st.integers(1, 40).map(lambda it: it * TENTH)
_STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Keep, st.dictionaries(st.sampled_from(NAMES), _TENTHS, max_size=5)),
    st.builds(Extend, st.sampled_from(NAMES), _TENTHS),
    st.builds(Turn, _TENTHS),
    st.just(Lapse()),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_STEPS, max_size=25))
def test_it_is_as_if_each_wait_had_a_timer(steps: list[Step]) -> None:
    separate = Separate()
    expected: list[tuple[Deadline, datetime]] = []

    async def both(trial: Trial) -> None:
        for step in [*steps, Turn(timedelta(seconds=10))]:
            count, timed = len(trial.server.started), trial.timed()
            match step:
                case Keep(waits):
                    await trial.keep(waits)
                    separate.keep(list(waits), trial.lengths, trial.server.now)
                case Extend(deadline, remaining) if trial.wanted is not None:
                    trial.timers.extend(deadline.timer, remaining)
                    separate.extend(deadline.timer, trial.server.now + remaining)
                    await _settle()
                case Extend():
                    continue  # nothing runs that could be
                case Turn(by):
                    await trial.turn(by)
                    expected.extend(separate.over_by(trial.server.now))
                case Lapse():
                    trial.lapse()
                    separate.lapse()
            ends = {it.text: it.until for it in trial.timers.running}
            assert ends == {_text(it): end for it, end in separate.ends.items()}
            if trial.wanted is None:
                assert len(trial.server.started) == count or isinstance(step, Turn)
                continue
            first = min(ends.values(), default=None)
            assert list(trial.server.running.values()) == ([first] if first else [])
            if first and not isinstance(step, Turn):
                stays = timed is not None and timed in trial.timers.running and timed.until == first
                assert len(trial.server.started) - count == (0 if stays else 1)

    assert on_server(both).fired == expected


@pytest.mark.parametrize("off_by", [-MILLISECOND * 0.9, timedelta(), MILLISECOND * 0.4, MILLISECOND * 3, TENTH])
def test_a_server_that_rounds_or_is_late_makes_no_further_timer(off_by: timedelta) -> None:
    """What ends within a millisecond of a wait that is over is over with it; no timer is as short as that."""
    ring, accept, budget = NAMES[0], NAMES[2], NAMES[4]

    async def three(trial: Trial) -> None:
        await trial.keep({ring: TENTH, accept: TENTH + MILLISECOND * 0.5, budget: 20 * TENTH})
        await trial.turn(5 * TENTH)

    tried = on_server(three, off_by)
    assert [it for it, _ in tried.fired] == [ring, accept]
    assert len(tried.server.started) == 2, "one for both, and one for the budget"
    assert min(tried.server.started) >= MILLISECOND


def test_what_ends_more_than_a_millisecond_later_is_not_over_yet() -> None:
    ring, accept = NAMES[0], NAMES[2]

    async def two(trial: Trial) -> None:
        await trial.keep({ring: TENTH, accept: TENTH + 5 * MILLISECOND})
        await trial.turn(TENTH)
        assert [it for it, _ in trial.fired] == [ring]
        await trial.turn(5 * MILLISECOND)
        assert [it for it, _ in trial.fired] == [ring, accept]

    assert on_server(two).server.started == [TENTH, 5 * MILLISECOND]


def test_what_is_over_when_its_turn_comes_needs_no_timer() -> None:
    ring, accept, budget = NAMES[0], NAMES[2], NAMES[4]

    async def late(trial: Trial) -> None:
        await trial.keep({ring: 2 * TENTH, accept: 3 * TENTH, budget: 9 * TENTH})
        await trial.turn(4 * TENTH)
        assert trial.fired == []
        await trial.keep({accept: 3 * TENTH, budget: 9 * TENTH})
        assert trial.fired == [(accept, NOON + 4 * TENTH)]
        await trial.keep({budget: 9 * TENTH})

    assert on_server(late, off_by=3 * TENTH).server.started == [2 * TENTH, 5 * TENTH]


@pytest.mark.parametrize("off_by", [timedelta(), MILLISECOND * 30])
def test_a_wait_that_gets_time_back_is_over_once_and_not_before_its_new_end(off_by: timedelta) -> None:
    """A timer that was late is not made up for: what is given back counts from then."""
    ring, budget = NAMES[0], NAMES[4]

    async def late(trial: Trial) -> None:
        trial.late[ring] = 3 * TENTH
        await trial.keep({ring: 5 * TENTH, budget: 6 * TENTH})
        await trial.turn(TENTH * 20)

    tried = on_server(late, off_by)
    assert tried.fired == [(budget, NOON + 6 * TENTH + off_by), (ring, NOON + 8 * TENTH + 2 * off_by)]
    assert tried.server.started == [5 * TENTH, TENTH - off_by, 2 * TENTH]
