"""The overall limit in every stage, and what is repeated or announced in long waits: at their real length.

The server skips the time in which nothing happens; phones and announcements are as quick as ever.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import pytest
from temporalio.testing import WorkflowEnvironment

from hookflash import (
    AcceptGate,
    Cause,
    HandOff,
    Hold,
    Mode,
    Outcome,
    Party,
    Policy,
    Recall,
    Stage,
    TransferResult,
    WhenUnanswered,
)
from hookflash.policy import ConsultWarning, Reminder
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.people import asked, hear, journal, leg_of, person, ring, tried, waits
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

HOUR = timedelta(hours=1)
LIMIT = timedelta(minutes=30)
QUEUE = HandOff(kind="queue", place="claims")
PATIENT = Policy(hold_budget=HOUR, consult_limit=HOUR, overall_limit=LIMIT, fallbacks=(QUEUE,))
QUIET = person("Bob", ring_timeout=HOUR)


async def _ringing(engine: Engine, mode: Mode) -> Running:
    transfer = await engine.transfer(mode, QUIET, policy=PATIENT, tenant="bold")
    await ring(transfer, "Bob")
    return transfer


async def _several(engine: Engine) -> Running:
    transfer = await engine.transfer(
        Mode.WARM, QUIET, person("Dora", together=True, ring_timeout=HOUR), person("Erik"), policy=PATIENT
    )
    await ring(transfer, "Bob", "Dora")
    return transfer


async def _screening(engine: Engine) -> Running:
    gate = AcceptGate(timeout=HOUR)
    transfer = await engine.transfer(Mode.COLD, person("Bob", "answer=0ms", accept=gate), policy=PATIENT)
    await transfer.reaches(Stage.SCREENING)
    return transfer


async def _talking(engine: Engine, mode: Mode, commands: tuple[tuple[str, Hold | None], ...] = ()) -> Running:
    transfer = await engine.transfer(mode, person("Bob", "answer=0ms"), policy=PATIENT)
    await transfer.reaches(Stage.CONSULTING)
    for command, body in commands:
        await transfer.do(command, body)
    return transfer


async def _deciding(engine: Engine) -> Running:
    policy = PATIENT.model_copy(update={"when_unanswered": WhenUnanswered.WAIT})
    return await engine.transfer(Mode.WARM, person("Bob", "busy"), policy=policy)


class Limited(NamedTuple):
    """A transfer that has got stuck in a stage."""

    begin: Callable[[Engine], Awaitable[Running]]
    stage: Stage
    outcome: Outcome
    cause: Cause | None = Cause.OVERALL_LIMIT


_THREE, _ASIDE, _PARK = ("conference", None), ("hold", Hold(party=Party.AGENT)), ("hold", Hold(party=Party.TARGET))


def _rung(mode: Mode, outcome: Outcome) -> Limited:
    return Limited(partial(_ringing, mode=mode), Stage.RINGING, outcome)


def _in_talk(stage: Stage, outcome: Outcome, *commands: tuple[str, Hold | None], mode: Mode = Mode.WARM) -> Limited:
    cause = None if outcome is Outcome.CONNECTED else Cause.OVERALL_LIMIT
    return Limited(partial(_talking, mode=mode, commands=commands), stage, outcome, cause)


STUCK = {
    "warm, ringing": _rung(Mode.WARM, Outcome.RETURNED_TO_AGENT),
    "cold, ringing": _rung(Mode.COLD, Outcome.RETURNED_TO_AGENT),
    "blind, ringing": _rung(Mode.BLIND, Outcome.SENT_TO_QUEUE),
    "several ringing": Limited(_several, Stage.RINGING, Outcome.RETURNED_TO_AGENT),
    "screening": Limited(_screening, Stage.SCREENING, Outcome.RETURNED_TO_AGENT),
    "consulting": _in_talk(Stage.CONSULTING, Outcome.RETURNED_TO_AGENT),
    "swapped": _in_talk(Stage.SWAPPED, Outcome.RETURNED_TO_AGENT, ("swap", None)),
    "all three": _in_talk(Stage.THREE_WAY, Outcome.CONNECTED, _THREE),
    "introduced": _in_talk(Stage.INTRODUCED, Outcome.CONNECTED, _THREE, _ASIDE),
    "parked": _in_talk(Stage.PARKED, Outcome.RETURNED_TO_AGENT, _PARK),
    "deciding": Limited(_deciding, Stage.DECIDING, Outcome.RETURNED_TO_AGENT),
    "consultation": _in_talk(Stage.CONSULTING, Outcome.CONSULTED, mode=Mode.CONSULT),
}


@pytest.mark.parametrize("stuck", STUCK.values(), ids=STUCK)
async def test_a_transfer_that_got_stuck_ends_at_its_overall_limit(
    skipping: WorkflowEnvironment, stuck: Limited
) -> None:
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await stuck.begin(engine)
            await transfer.reaches(stuck.stage)
        await skipping.fast_forward(transfer.handle, LIMIT + timedelta(seconds=10))
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == (stuck.outcome, stuck.cause)
        assert timedelta(0) <= result.ended_at - result.started_at - LIMIT < timedelta(seconds=10)


async def test_the_fallbacks_take_their_time_when_the_overall_limit_is_over(skipping: WorkflowEnvironment) -> None:
    recall = Recall(attempts=2, pause=timedelta(minutes=20))
    policy = PATIENT.model_copy(update={"fallbacks": (recall, QUEUE)})
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.BLIND, QUIET, policy=policy, recalled="busy", tenant="bold")
            await ring(transfer, "Bob")
        await skipping.fast_forward(transfer.handle, LIMIT + timedelta(minutes=1))
        with skipping.with_time_skipping_disabled():
            await waits(transfer, "recall_pause")
            await hear(transfer, customer="music")
        await skipping.fast_forward(transfer.handle, timedelta(minutes=20))
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == (Outcome.SENT_TO_QUEUE, Cause.OVERALL_LIMIT)
        assert tried(result.fallbacks) == ["recall", "recall", "QUEUE"]
        assert timedelta(minutes=20) <= result.ended_at - result.started_at - LIMIT < timedelta(minutes=22)


# What a customer is told in a long wait.

EVERY = timedelta(seconds=30)
REMINDED = Policy(hold_reminder=Reminder(announcement="still-here", every=EVERY), hold_budget=HOUR)


def announcements(transfer: Running, name: str = "customer") -> int:
    """Return how many announcements were begun to somebody."""
    mine = [it for it in transfer.engine.exchange.timeline if it.call == transfer.request.customer.leg]
    return sum(it.because == f"announce to {name}" for it in mine)


async def _announced(transfer: Running, count: int, name: str = "customer") -> None:
    async def so_often() -> bool | None:
        return announcements(transfer, name) == count or None

    await eventually(so_often, f"announcement {count}, there were {announcements(transfer, name)}")


async def _over(transfer: Running) -> TransferResult:
    transfer.engine.exchange.hang_up(transfer.request.customer.leg)
    return await ends_soundly(transfer)


async def test_a_customer_who_waits_is_reminded_again_and_again(skipping: WorkflowEnvironment) -> None:
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.WARM, QUIET, policy=REMINDED)
            await hear(transfer, customer="music", agent="ringback")
            status = await waits(transfer, "ring", "reminder", "hold_budget", "overall_limit")
            assert "Customer waits, reminder 1 (30 s)" in [it.name for it in status.deadlines]
        assert announcements(transfer) == 0
        for count in (1, 2, 3):
            await skipping.fast_forward(transfer.handle, EVERY + timedelta(seconds=1))
            with skipping.with_time_skipping_disabled():
                await _announced(transfer, count)
                await hear(transfer, customer="announcement", agent="ringback")
                await hear(transfer, customer="music", agent="ringback")
        with skipping.with_time_skipping_disabled():
            assert "time is up: reminder" in journal(await transfer.status())
            assert (await _over(transfer)).outcome is Outcome.CUSTOMER_LEFT


async def test_a_customer_who_hears_ringback_is_reminded_over_it(skipping: WorkflowEnvironment) -> None:
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.COLD, QUIET, policy=REMINDED)
            await hear(transfer, customer="ringback", agent="music")
        await skipping.fast_forward(transfer.handle, EVERY + timedelta(seconds=1))
        with skipping.with_time_skipping_disabled():
            await hear(transfer, customer="announcement", agent="music")
            await hear(transfer, customer="ringback", agent="music")
            engine.exchange.answer(leg_of(transfer, "Bob").id)
            assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
            assert announcements(transfer) == 1


async def test_nobody_is_reminded_who_talks(skipping: WorkflowEnvironment) -> None:
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.WARM, QUIET, policy=REMINDED)
            await hear(transfer, customer="music", agent="ringback")
            await transfer.do("unhold")
            await hear(transfer, customer="agent", agent="customer")
            await waits(transfer, "ring", "overall_limit")
        await skipping.fast_forward(transfer.handle, 4 * EVERY)
        assert announcements(transfer) == 0
        with skipping.with_time_skipping_disabled():
            await transfer.do("hold")
            await hear(transfer, customer="music", agent="ringback")
            assert announcements(transfer) == 0, "the wait has only begun"
        await skipping.fast_forward(transfer.handle, EVERY + timedelta(seconds=1))
        with skipping.with_time_skipping_disabled():
            await _announced(transfer, 1)
            await _over(transfer)


async def test_the_agent_alone_is_warned_before_a_consultation_is_over(skipping: WorkflowEnvironment) -> None:
    policy = Policy(
        consult_limit=timedelta(minutes=5),
        consult_warning=ConsultWarning(announcement="beep", before=timedelta(seconds=30)),
        hold_budget=HOUR,
    )
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"), policy=policy)
            await transfer.reaches(Stage.CONSULTING)
            await hear(transfer, customer="music", agent="Bob", Bob="agent")
            assert announcements(transfer, "agent") == 0
        await skipping.fast_forward(transfer.handle, timedelta(minutes=4, seconds=31))
        with skipping.with_time_skipping_disabled():
            await hear(transfer, customer="music", agent="announcement", Bob="agent")
            await hear(transfer, customer="music", agent="Bob", Bob="agent")
            await waits(transfer, "consult_limit", "hold_budget", "overall_limit")
        await skipping.fast_forward(transfer.handle, timedelta(seconds=30))
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.CONSULT_LIMIT)
        assert [announcements(transfer, it) for it in ("agent", "customer", "Bob")] == [1, 0, 0]
        warned = [it for it in journal(await transfer.status()) if it == "time is up: consult warning"]
        assert len(warned) == 1


async def test_the_second_consultation_is_warned_of_as_well(skipping: WorkflowEnvironment) -> None:
    policy = Policy.model_validate(
        {
            "consult_limit": "PT1M",
            "consult_warning": {"announcement": "beep", "before": "PT30S"},
            "when_unanswered": "wait",
        }
    )
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"), policy=policy)
            await transfer.reaches(Stage.CONSULTING)
        await skipping.fast_forward(transfer.handle, timedelta(seconds=31))
        with skipping.with_time_skipping_disabled():
            await _announced(transfer, 1, "agent")
            await hear(transfer, customer="music", agent="Bob", Bob="agent")
            engine.exchange.hang_up(leg_of(transfer, "Bob").id)
            await transfer.reaches(Stage.DECIDING)
            await transfer.do("retarget", {"target": {"address": "sim:dora?answer=0ms", "name": "Dora"}})
            await transfer.reaches(Stage.CONSULTING)
        assert announcements(transfer, "agent") == 1
        await skipping.fast_forward(transfer.handle, timedelta(seconds=31))
        with skipping.with_time_skipping_disabled():
            await _announced(transfer, 2, "agent")
            await transfer.do("cancel")
            assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_a_gate_that_is_still_open_at_the_limit_is_closed_with_a_notice(skipping: WorkflowEnvironment) -> None:
    """Who has answered and is asked when time is up is released without ever having met the customer."""
    gates = asked("Bob", "answer=0ms", timeout=HOUR), asked("Dora", together=True, timeout=HOUR)
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.COLD, *gates, policy=PATIENT)
            await transfer.reaches(Stage.SCREENING)
        await skipping.fast_forward(transfer.handle, LIMIT + timedelta(seconds=5))
        result = await asyncio.wait_for(ends_soundly(transfer), 20)
        assert result.outcome is Outcome.RETURNED_TO_AGENT
        assert {it.cause for it in result.attempts} <= {Cause.OVERALL_LIMIT, Cause.NO_ANSWER}
