"""However many waits there are, one timer runs: for the one that ends first, and named by it."""

import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer, Worker

from hookflash.converter import data_converter
from tests.support.polling import eventually
from tests.support.sandbox import proven_sandbox
from tests.workflows.engine import at_work
from tests.workflows.timing_probe import Keeper, Order, Seen
from workers.engine import STICKY_TIMEOUT

pytestmark = pytest.mark.timeout(60)

STARTED = EventType.EVENT_TYPE_TIMER_STARTED
FIRED = EventType.EVENT_TYPE_TIMER_FIRED
CANCELED = EventType.EVENT_TYPE_TIMER_CANCELED
FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED

LONG, LONGER, LONGEST = 300, 1800, 3600
"""Seconds of waits that end in no test."""

SOON = 3
"""Seconds of a wait that is still running when a worker has stopped, or an order has been carried out."""


@dataclass
class Keeping:
    """A workflow that waits as it is told."""

    client: Client
    handle: WorkflowHandle[Any, Seen]
    queue: str
    ordered: int = field(default=0)

    async def order(self, order: Order, *, done: bool = True) -> None:
        """Give an order, and wait until it has been carried out, if there is anybody to do it."""
        await self.handle.signal("order", order)
        self.ordered += 1
        if done:
            await self.seen()  # a query is answered after what came before it

    async def keep(self, **waits: float) -> None:
        await self.order(Order(keep={_plain(name): seconds for name, seconds in waits.items()}))

    async def seen(self) -> Seen:
        return await self.handle.query("seen", result_type=Seen)

    async def running(self) -> list[str]:
        return [it.text for it in (await self.seen()).running]

    async def fired(self, *waits: str) -> Seen:
        """Wait until these are over, in this order, and no others."""

        async def over() -> Seen | None:
            seen = await self.seen()
            return seen if len(seen.fired) >= len(waits) else None

        seen = await eventually(over, f"the end of {waits}")
        assert seen.fired == list(waits)
        return seen

    async def events(self) -> list[HistoryEvent]:
        return list((await self.handle.fetch_history()).events)

    async def happened(self) -> list[str]:
        """Return what became of timers, in order: ``start TEXT``, ``fire TEXT``, ``cancel TEXT``."""
        names: dict[str, str] = {}
        told: list[str] = []
        for event in await self.events():
            if event.event_type == STARTED:
                timer = event.timer_started_event_attributes.timer_id
                (names[timer],) = await self.client.data_converter.decode([event.user_metadata.summary], [str])
                told.append(f"start {names[timer]}")
            elif event.event_type == FIRED:
                told.append(f"fire {names[event.timer_fired_event_attributes.timer_id]}")
            elif event.event_type == CANCELED:
                told.append(f"cancel {names[event.timer_canceled_event_attributes.timer_id]}")
        return told

    async def until(self, count: int, kind: "EventType.ValueType") -> None:
        """Wait until there are so many events of a kind."""

        async def so_many() -> bool | None:
            return [it.event_type for it in await self.events()].count(kind) >= count or None

        await eventually(so_many, f"{count} events {EventType.Name(kind)}")

    def worker(self) -> Worker:
        return Worker(
            self.client,
            task_queue=self.queue,
            workflows=[Keeper],
            workflow_runner=proven_sandbox(),
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        )


def _plain(name: str) -> str:
    return "ring 2" if name == "ring_2" else name


@asynccontextmanager
async def _begun(client: Client) -> AsyncGenerator[Keeping]:
    """A workflow that nobody works on yet. It is ended and replayed afterwards."""
    queue = f"timers-{uuid.uuid4().hex[:8]}"
    handle = await client.start_workflow(Keeper.run, id=queue, task_queue=queue, task_timeout=timedelta(seconds=5))
    keeping = Keeping(client, handle, queue)
    yield keeping
    await handle.signal("order", Order(stop=True, lapse=True))
    async with at_work(keeping.worker()):
        await handle.result()
    replayer = Replayer(workflows=[Keeper], data_converter=data_converter, workflow_runner=proven_sandbox())
    await replayer.replay_workflow(await handle.fetch_history())


@pytest.fixture
async def resting(client: Client) -> AsyncIterator[Keeping]:
    """A workflow that a test lets somebody work on now and then."""
    async with _begun(client) as keeping:
        yield keeping


@pytest.fixture
async def keeping(resting: Keeping) -> AsyncIterator[Keeping]:
    """A workflow that is worked on."""
    async with at_work(resting.worker()):
        yield resting


async def test_the_timer_that_runs_is_for_the_wait_that_ends_first_and_all_of_them_are_shown(keeping: Keeping) -> None:
    await keeping.keep(overall_limit=LONGEST, ring=60, hold_budget=LONG)
    assert await keeping.happened() == ["start Ring Bob (1 min)"]
    running = (await keeping.seen()).running
    assert {(it.text, it.until - it.since) for it in running} == {
        ("Ring Bob (1 min)", timedelta(minutes=1)),
        ("Customer waits, hold budget (5 min)", timedelta(minutes=5)),
        ("Whole transfer, overall limit (1 h)", timedelta(hours=1)),
    }


async def test_what_begins_or_goes_behind_the_first_costs_nothing(keeping: Keeping) -> None:
    await keeping.keep(ring=60)
    await keeping.keep(ring=60, overall_limit=LONGEST)
    await keeping.keep(ring=60, overall_limit=LONGEST, hold_budget=LONG)
    await keeping.keep(ring=60, hold_budget=LONG)
    await keeping.keep(ring=60)
    assert await keeping.running() == ["Ring Bob (1 min)"]
    assert await keeping.happened() == ["start Ring Bob (1 min)"]


async def test_a_wait_that_ends_earlier_takes_the_timer_over_and_gives_it_back(keeping: Keeping) -> None:
    await keeping.keep(hold_budget=60)
    begun = (await keeping.seen()).running[0]
    await keeping.keep(hold_budget=60, ring=20)
    await passed(begun.since + timedelta(seconds=0.6))
    await keeping.keep(hold_budget=60)
    *taken, last = await keeping.happened()
    budget = "Customer waits, hold budget (1 min"
    assert taken == [f"start {budget})", f"cancel {budget})", "start Ring Bob (20 s)", "cancel Ring Bob (20 s)"]
    assert re.fullmatch(re.escape(f"start {budget}") + r", 5\d s left\)", last)
    assert (await keeping.seen()).running == [begun], "neither its text nor its end has changed"
    started = [it for it in await keeping.events() if it.event_type == STARTED][-1]
    left = started.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    assert timedelta(0) <= _time(started) + left - begun.until < timedelta(seconds=1), "it is the rest of its time"


async def test_one_that_goes_and_one_that_comes_in_the_same_step_are_one_cancel_and_one_start(keeping: Keeping) -> None:
    await keeping.keep(ring=60, hold_budget=LONG)
    await keeping.keep(accept=15, hold_budget=LONG)
    assert await keeping.happened() == ["start Ring Bob (1 min)", "cancel Ring Bob (1 min)", "start Bob accepts (15 s)"]


async def test_several_orders_in_one_step_are_one_timer(resting: Keeping) -> None:
    for waits in ({"ring": 60}, {"accept": 15}, {"hold_budget": 20, "accept": 15}, {"hold_budget": 20}):
        await resting.order(Order(keep=dict[str, float](waits)), done=False)
    async with at_work(resting.worker()):
        await resting.seen()
    assert await resting.happened() == ["start Customer waits, hold budget (20 s)"]


async def test_waits_fire_one_after_another_and_none_before_its_end(keeping: Keeping) -> None:
    await keeping.keep(overall_limit=4, ring=1, hold_budget=2.5, consult_limit=LONG)
    ends = [it.until for it in sorted((await keeping.seen()).running, key=lambda it: it.until)]
    seen = await keeping.fired("ring", "hold_budget", "overall_limit")
    for end, fired in zip(ends, seen.fired_at, strict=False):
        assert timedelta(0) <= fired - end < timedelta(seconds=1.5)
    happened = await keeping.happened()
    assert [it.partition(" ")[0] for it in happened] == ["start", "fire"] * 3 + ["start"]
    assert happened[-1].startswith("start Agent and Bob talk, consult limit (5 min")


async def test_what_ends_in_the_same_millisecond_is_one_timer_and_fires_in_its_order(keeping: Keeping) -> None:
    await keeping.keep(overall_limit=0.3, accept=0.3004, ring=0.3, hold_budget=0.2999)
    await keeping.fired("hold_budget", "overall_limit", "ring", "accept")
    (started,) = [it for it in await keeping.events() if it.event_type == STARTED]
    assert (await keeping.happened())[1:] == ["fire Customer waits, hold budget (300 ms)"]
    assert started.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() == timedelta(seconds=0.2999)


async def test_what_ended_while_nobody_worked_is_over_at_once_in_the_order_of_the_ends(resting: Keeping) -> None:
    async with at_work(resting.worker()):
        await resting.keep(overall_limit=SOON + 0.6, hold_budget=SOON + 0.3, ring=SOON, consult_limit=LONG)
        last = sorted(it.until for it in (await resting.seen()).running)[-2]
    await resting.until(1, FIRED)
    await passed(last)
    async with at_work(resting.worker()):
        await resting.fired("ring", "hold_budget", "overall_limit")
        happened = await resting.happened()
    assert [it.partition(" (")[0] for it in happened] == [
        "start Ring Bob",
        "fire Ring Bob",
        "start Agent and Bob talk, consult limit",
    ]


async def test_what_goes_in_the_moment_in_which_its_time_is_up_is_not_over(resting: Keeping) -> None:
    async with at_work(resting.worker()):
        await resting.keep(ring=SOON, hold_budget=LONG)
    await resting.until(1, FIRED)
    await resting.order(Order(keep={"hold_budget": LONG}), done=False)
    async with at_work(resting.worker()):
        assert await resting.running() == ["Customer waits, hold budget (5 min)"]
        assert (await resting.seen()).fired == []
        happened = await resting.happened()
    assert [it.partition(" (")[0] for it in happened] == [
        "start Ring Bob",
        "fire Ring Bob",
        "start Customer waits, hold budget",
    ]


async def test_what_is_over_when_its_turn_comes_needs_no_timer(resting: Keeping) -> None:
    """The first one goes in the moment in which its time is up, and the next has had its time too."""
    async with at_work(resting.worker()):
        await resting.keep(ring=SOON, hold_budget=SOON + 0.1)
        last = max(it.until for it in (await resting.seen()).running)
    await resting.until(1, FIRED)
    await passed(last)
    await resting.order(Order(keep={"hold_budget": SOON + 0.1}), done=False)
    async with at_work(resting.worker()):
        await resting.fired("hold_budget")
    assert await resting.happened() == ["start Ring Bob (3 s)", "fire Ring Bob (3 s)"]


async def test_a_wait_that_began_late_gets_its_time_back_and_lets_others_go_first(keeping: Keeping) -> None:
    await keeping.order(Order(keep={"ring": 0.5, "hold_budget": 2.5, "overall_limit": LONG}, late={"ring": 3}))
    began = (await keeping.seen()).running[0]
    await keeping.fired("hold_budget")
    ring = (await keeping.seen()).running[0]
    assert (ring.text, ring.since) == (began.text, began.since)
    assert timedelta(seconds=3) <= ring.until - began.until < timedelta(seconds=5)
    seen = await keeping.fired("hold_budget", "ring")
    assert seen.fired_at[1] >= ring.until
    starts = [it for it in await keeping.happened() if it.startswith("start")]
    assert [it.partition(" (")[0] for it in starts] == [
        "start Ring Bob",
        "start Customer waits, hold budget",
        "start Ring Bob",
        "start Whole transfer, overall limit",
    ]
    assert re.fullmatch(r"start Ring Bob \(500 ms, (\d+ ms|[123](\.\d)? s) left\)", starts[2])


async def test_an_extended_wait_lets_the_next_one_go_first_and_is_over_at_its_new_end(keeping: Keeping) -> None:
    await keeping.keep(hold_budget=60, consult_limit=120)
    await keeping.order(Order(extend={"hold_budget": LONGER}))
    assert sorted(await keeping.running()) == [
        "Agent and Bob talk, consult limit (2 min)",
        "Customer waits, hold budget (30 min)",
    ]
    happened = await keeping.happened()
    assert happened[:2] == ["start Customer waits, hold budget (1 min)", "cancel Customer waits, hold budget (1 min)"]
    assert [it.partition(" (")[0] for it in happened[2:]] == ["start Agent and Bob talk, consult limit"]
    await keeping.order(Order(extend={"hold_budget": LONGEST}))
    await keeping.order(Order(extend={"hold_budget": 1, "consult_limit": 1, "ring": 1}))
    seen = await keeping.seen()
    assert [round(it, -1) for it in seen.extended] == [LONGER, LONGEST, LONGEST, 120, 0]
    assert await keeping.happened() == happened, "what ends later anyway, and what does not run, has no timer"


async def test_a_wait_that_is_extended_in_the_step_in_which_it_begins_is_one_timer(keeping: Keeping) -> None:
    await keeping.order(Order(keep={"hold_budget": 20}, extend={"hold_budget": 60}))
    assert await keeping.happened() == ["start Customer waits, hold budget (1 min)"]


async def test_an_end_takes_the_timer_along_and_a_wait_that_would_be_over_is_not(keeping: Keeping) -> None:
    await keeping.keep(ring=SOON, hold_budget=LONG)
    await keeping.order(Order(lapse=True))
    assert await keeping.running() == []
    await keeping.until(1, FIRED)
    assert (await keeping.seen()).fired == []
    assert await keeping.happened() == ["start Ring Bob (3 s)", "fire Ring Bob (3 s)"]


async def test_an_end_that_fails_lets_waits_begin_again(keeping: Keeping) -> None:
    await keeping.keep(ring=60, hold_budget=LONG)
    await keeping.order(Order(lapse=True))
    await keeping.keep(retry=0.5)
    await keeping.fired("retry")
    assert await keeping.happened() == [
        "start Ring Bob (1 min)",
        "cancel Ring Bob (1 min)",
        "start Try the provider again, failure 1 (500 ms)",
        "fire Try the provider again, failure 1 (500 ms)",
    ]


async def test_a_mistake_in_the_code_suspends_the_workflow_and_no_wait_is_lost_in_silence(resting: Keeping) -> None:
    """Without the one timer nothing would ever end. An operator sees it, and another build goes on."""
    async with at_work(resting.worker()):
        await resting.order(Order(keep={"ring": 0.5, "hold_budget": LONG}, breaks=True), done=False)
        await resting.until(1, FAILED)
        (failed,) = [it for it in await resting.events() if it.event_type == FAILED]
    assert failed.workflow_task_failed_event_attributes.failure.message == "a mistake"


async def test_where_nothing_waits_there_is_no_timer(keeping: Keeping) -> None:
    await keeping.keep()
    assert await keeping.happened() == []
    await keeping.keep(ring=60)
    await keeping.keep()
    assert await keeping.running() == []
    assert await keeping.happened() == ["start Ring Bob (1 min)", "cancel Ring Bob (1 min)"]


async def test_of_two_that_end_together_the_one_that_stays_gives_its_name(keeping: Keeping) -> None:
    await keeping.keep(ring=60, ring_2=60)
    await keeping.keep(ring=60)
    assert await keeping.happened() == ["start Ring Bob (1 min)"]
    await keeping.keep(ring=60, accept=60)
    await keeping.keep(accept=60)
    assert (await keeping.happened())[1:] == ["cancel Ring Bob (1 min)", "start Bob accepts (1 min)"]


async def passed(moment: datetime) -> None:
    """Wait until a moment is over, by the clock that this process shares with the server."""

    async def over() -> bool | None:
        return datetime.now(UTC) > moment or None

    await eventually(over, f"{moment}")


def _time(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(UTC)
