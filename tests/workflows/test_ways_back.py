"""What becomes of a customer for whom nobody is left: the agent again, another target, a promise, an apology."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from hookflash import (
    AcceptGate,
    Actor,
    AnotherTarget,
    Cause,
    Fallback,
    HandOff,
    Mode,
    Outcome,
    Policy,
    Recall,
    Retarget,
    Stage,
    Target,
)
from tests.workflows.engine import Engine, Running, listening
from tests.workflows.interrupting import InterruptedExchange, Moments
from tests.workflows.people import (
    causes,
    deadline,
    gone,
    hear,
    hears,
    journal,
    leg_of,
    met,
    person,
    refused,
    ring,
    stranded,
    tried,
    waits,
)
from tests.workflows.scenarios import LONG, SHORT
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

PAUSE = timedelta(seconds=1.5)
"""A pause that a test waits for, and that does not end while it looks at it."""

VOICEMAIL = HandOff(kind="voicemail", place="claims")
QUEUE = HandOff(kind="queue", place="claims")


def agents(transfer: Running) -> int:
    """Return how often the agent's phone was rung."""
    return sum(leg.name == "agent" for leg in map(transfer.engine.exchange.legs.get, transfer.target_legs) if leg)


_QUICK: dict[str, Any] = {"sticky_queue_schedule_to_start_timeout": timedelta(seconds=1)}  # as the real workers have it


# The agent again.


async def test_an_agent_who_declines_is_rung_again_after_a_pause_with_music(engine: Engine) -> None:
    transfer = await stranded(engine, Recall(attempts=2, pause=PAUSE), QUEUE)
    await ring(transfer, "agent")
    await hear(transfer, customer="ringback")
    first = leg_of(transfer, "agent")
    status = await waits(transfer, "recall")
    assert deadline(status, "recall").name == "Recall agent (20 s)"
    engine.exchange.hang_up(first.id)
    await hear(transfer, customer="music")
    status = await waits(transfer, "recall_pause")
    assert status.stage is Stage.RECALLING
    assert deadline(status, "recall_pause").name == "Pause before the agent is rung again (1.5 s)"
    await ring(transfer, "agent")
    await hear(transfer, customer="ringback")
    second = leg_of(transfer, "agent")
    engine.exchange.answer(second.id)
    result = await ends_soundly(transfer)
    await hear(transfer, customer="agent", agent="customer")
    assert (result.outcome, result.cause, result.ended_by) == (Outcome.RECALLED_AGENT, Cause.BUSY, Actor.ENGINE)
    assert tried(result.fallbacks) == ["recall", "RECALL"]
    assert second.id != first.id


async def test_an_agent_who_is_never_there_is_followed_by_the_next_fallback(engine: Engine) -> None:
    transfer = await stranded(engine, Recall(attempts=3, pause=SHORT / 4), QUEUE, recalled="busy")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.SENT_TO_QUEUE, Cause.BUSY, ("queue",))
    assert tried(result.fallbacks) == ["recall", "recall", "recall", "QUEUE"]
    assert agents(transfer) == 3
    times = [it.at for it in result.fallbacks]
    assert times == sorted(times)


async def test_a_customer_who_hangs_up_in_the_pause_ends_it(engine: Engine) -> None:
    transfer = await stranded(engine, Recall(attempts=3, pause=LONG), QUEUE, recalled="busy")
    await hear(transfer, customer="music")
    await waits(transfer, "recall_pause")
    engine.exchange.hang_up(transfer.request.customer.leg)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.CUSTOMER_LEFT, Cause.HUNG_UP)
    assert agents(transfer) == 1
    assert "RECALL" not in tried(result.fallbacks)


async def test_cancel_and_retarget_leave_a_pause_as_it_is(engine: Engine) -> None:
    transfer = await stranded(engine, Recall(attempts=2, pause=PAUSE), QUEUE)
    await ring(transfer, "agent")
    engine.exchange.hang_up(leg_of(transfer, "agent").id)
    before = deadline(await waits(transfer, "recall_pause"), "recall_pause")
    status = await transfer.do("cancel")
    assert deadline(status, "recall_pause") == before
    why = await refused(transfer.do("retarget", Retarget(target=person("Erik"))))
    assert "the customer is on the way back to the agent" in why
    await ring(transfer, "agent")
    engine.exchange.answer(leg_of(transfer, "agent").id)
    assert (await ends_soundly(transfer)).outcome is Outcome.RECALLED_AGENT


async def test_an_engine_that_restarts_in_the_pause_goes_on_with_it(client: Client) -> None:
    engine = Engine(client, InterruptedExchange(Moments()))
    async with engine.worker(**_QUICK), listening(engine):
        transfer = await stranded(engine, Recall(attempts=2, pause=PAUSE), QUEUE)
        await ring(transfer, "agent")
        engine.exchange.hang_up(leg_of(transfer, "agent").id)
        await hear(transfer, customer="music")
        await waits(transfer, "recall_pause")
    engine.exchange.lose_listener()
    assert hears(transfer) == {"customer": {"music"}}
    async with engine.worker(**_QUICK), listening(engine):
        await ring(transfer, "agent")
        engine.exchange.answer(leg_of(transfer, "agent").id)
        result = await ends_soundly(transfer)
    assert result.outcome is Outcome.RECALLED_AGENT
    assert tried(result.fallbacks) == ["recall", "RECALL"]
    assert agents(transfer) == 2
    assert engine.exchange.violations == ()


async def test_a_customer_who_hangs_up_in_the_pause_while_the_engine_is_away_is_not_called_for(client: Client) -> None:
    engine = Engine(client, InterruptedExchange(Moments()))
    async with engine.worker(**_QUICK), listening(engine):
        transfer = await stranded(engine, Recall(attempts=2, pause=PAUSE), QUEUE, recalled="busy")
        await waits(transfer, "recall_pause")
    engine.exchange.lose_listener()
    engine.exchange.hang_up(transfer.request.customer.leg)
    async with engine.worker(**_QUICK), listening(engine):
        result = await ends_soundly(transfer)
    assert result.outcome is Outcome.CUSTOMER_LEFT
    assert agents(transfer) == 1


async def test_an_agent_without_an_address_is_not_recalled(engine: Engine) -> None:
    request = engine.request(
        Mode.BLIND, person("Bob", "busy"), policy=Policy(fallbacks=(Recall(attempts=3), QUEUE)), tenant="bold"
    )
    agent = request.agent.model_copy(update={"address": None})
    result = await ends_soundly(await engine.start(request.model_copy(update={"agent": agent})))
    assert result.outcome is Outcome.SENT_TO_QUEUE
    assert tried(result.fallbacks) == ["QUEUE"]


# Somebody else.


def another(name: str, script: str = "ring", **more: Any) -> AnotherTarget:  # noqa: ANN401
    return AnotherTarget(target=person(name, script, **more))


async def test_another_target_takes_the_customer(engine: Engine) -> None:
    transfer = await stranded(engine, Recall(), another("Sue"), VOICEMAIL, recalled="busy")
    await ring(transfer, "Sue")
    await hear(transfer, customer="ringback")
    status = await waits(transfer, "ring")
    assert status.stage is Stage.RINGING
    assert deadline(status, "ring").name.startswith("Ring Sue")
    engine.exchange.answer(leg_of(transfer, "Sue").id)
    result = await ends_soundly(transfer)
    await hear(transfer, customer="Sue", Sue="customer")
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.CONNECTED, None, ("target",))
    assert causes(result) == ["Bob busy", "Sue"]
    assert tried(result.fallbacks) == ["recall", "TARGET"]


async def test_another_target_that_does_not_answer_is_followed_by_the_next_fallback(engine: Engine) -> None:
    transfer = await stranded(engine, another("Sue", ring_timeout=SHORT), another("Tom", "busy"), VOICEMAIL)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.SENT_TO_VOICEMAIL, Cause.BUSY)
    assert causes(result) == ["Bob busy", "Sue no_answer", "Tom busy"]
    assert tried(result.fallbacks) == ["target", "target", "VOICEMAIL"]


async def test_another_target_is_asked_to_accept_where_it_has_to(engine: Engine) -> None:
    sue, tom = another("Sue", "answer=50ms", accept=AcceptGate()), another("Tom", accept=AcceptGate())
    transfer = await stranded(engine, sue, tom, VOICEMAIL)
    await hear(transfer, customer="music", Sue="announcement")
    engine.exchange.press(leg_of(transfer, "Sue").id, "2")
    await ring(transfer, "Tom")
    await hear(transfer, customer="ringback")
    engine.exchange.answer(leg_of(transfer, "Tom").id)
    await hear(transfer, customer="music", Tom="announcement")
    engine.exchange.press(leg_of(transfer, "Tom").id, "1")
    result = await ends_soundly(transfer)
    assert causes(result) == ["Bob busy", "Sue declined", "Tom"]
    assert tried(result.fallbacks) == ["target", "TARGET"]
    assert met(transfer, "Sue") == set()


async def test_another_target_is_not_rung_while_the_agent_is_there(engine: Engine) -> None:
    policy = Policy(fallbacks=(another("Sue", "answer=0ms"), VOICEMAIL))
    transfer = await engine.transfer(Mode.COLD, person("Bob", "busy"), policy=policy)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.fallbacks) == (Outcome.RETURNED_TO_AGENT, ())
    assert causes(result) == ["Bob busy"]


async def test_a_denied_one_is_left_out_and_recorded(engine: Engine) -> None:
    outside = AnotherTarget(target=Target(address="tel:0190", name="Forbidden"))
    transfer = await stranded(engine, outside, another("Tom", "answer=50ms"), VOICEMAIL)
    result = await ends_soundly(transfer)
    assert result.outcome is Outcome.CONNECTED
    assert sorted(causes(result)) == ["Bob busy", "Forbidden destination_denied", "Tom"]
    assert tried(result.fallbacks) == ["TARGET"]
    assert "Forbidden must not be rung: destination_denied" in journal(await transfer.status())
    assert not [leg for leg in engine.exchange.legs.values() if leg.name == "Forbidden"]


async def test_a_fallback_alone_does_not_make_a_transfer_possible(engine: Engine) -> None:
    policy = Policy(fallbacks=(another("Sue", "answer=0ms"), VOICEMAIL))
    result = await ends_soundly(await engine.transfer(Mode.COLD, person("Forbidden"), policy=policy))
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.DESTINATION_DENIED)
    assert causes(result) == ["Forbidden destination_denied"]


async def test_a_customer_who_hangs_up_stops_the_other_target_s_phone(engine: Engine) -> None:
    transfer = await stranded(engine, another("Sue"), VOICEMAIL)
    await ring(transfer, "Sue")
    engine.exchange.hang_up(transfer.request.customer.leg)
    result = await ends_soundly(transfer)
    await gone(transfer, "Sue")
    assert (result.outcome, tried(result.fallbacks)) == (Outcome.CUSTOMER_LEFT, ["target"])
    assert causes(result) == ["Bob busy", "Sue customer_left"]


async def test_cancel_goes_on_to_the_next_fallback(engine: Engine) -> None:
    transfer = await stranded(engine, another("Sue"), VOICEMAIL)
    await ring(transfer, "Sue")
    await transfer.do("cancel")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.SENT_TO_VOICEMAIL, Cause.AGENT_CANCELLED)
    assert causes(result) == ["Bob busy", "Sue agent_cancelled"]
    assert tried(result.fallbacks) == ["target", "VOICEMAIL"]


async def test_a_retarget_takes_the_place_of_the_other_target_and_is_none_of_the_fallbacks(engine: Engine) -> None:
    transfer = await stranded(engine, another("Sue"), VOICEMAIL)
    await ring(transfer, "Sue")
    await transfer.do("retarget", Retarget(target=person("Erik")))
    await ring(transfer, "Erik")
    engine.exchange.answer(leg_of(transfer, "Erik").id)
    result = await ends_soundly(transfer)
    assert causes(result) == ["Bob busy", "Sue retargeted", "Erik"]
    assert tried(result.fallbacks) == ["target"], "the supervisor did not take the customer"


async def test_all_who_are_stranded_at_once_get_their_own_way_back(engine: Engine) -> None:
    ways: list[tuple[Fallback, ...]] = [(Recall(), QUEUE), (another("Sue", "answer=0ms"), QUEUE), (VOICEMAIL,)]
    transfers = [await stranded(engine, *way, recalled="answer=0ms") for way in ways]
    results = await asyncio.gather(*(ends_soundly(it) for it in transfers))
    assert [it.outcome for it in results] == [Outcome.RECALLED_AGENT, Outcome.CONNECTED, Outcome.SENT_TO_VOICEMAIL]


async def test_a_blind_transfer_says_in_its_journal_who_allowed_it(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.BLIND, Target(address="sim:bob?answer=50ms"), tenant="bold")
    await ends_soundly(transfer)
    assert "blind is allowed: policy of tenant bold, no reason given" in journal(await transfer.status())
    denied = await engine.transfer(Mode.BLIND, Target(address="sim:bob?answer=50ms"))
    await ends_soundly(denied)
    assert any(it.startswith("blind is denied: policy of tenant default") for it in journal(await denied.status()))
