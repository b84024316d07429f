"""However many waits there are, one timer runs: for the one that ends first, and named by it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from tests.support.polling import eventually
from tests.workflows.engine import at_work
from tests.workflows.keeping import FIRED, STARTED, Keeping, begun_keeper
from tests.workflows.timing_probe import Order

pytestmark = pytest.mark.timeout(60)

FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED

LONG, LONGER, LONGEST = 300, 1800, 3600
"""Seconds of waits that end in no test."""

SOON = 3
"""Seconds of a wait that is still running when a worker has stopped, or an order has been carried out."""


@pytest.fixture
async def resting(client: Client) -> AsyncIterator[Keeping]:
    """A workflow that a test lets somebody work on now and then."""
    async with begun_keeper(client) as keeping:
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
        failed = [it for it in await resting.events() if it.event_type == FAILED]  # it is tried again at once
    assert {it.workflow_task_failed_event_attributes.failure.message for it in failed} == {"a mistake"}


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
