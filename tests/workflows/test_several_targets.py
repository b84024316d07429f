"""Several phones that ring at the same time, as a contact centre sees them: one of them gets the call."""

import pytest

from hookflash import Actor, Cause, Mode, Outcome, Retarget, Stage
from tests.workflows.engine import Engine
from tests.workflows.people import (
    asked,
    at,
    causes,
    gone,
    has,
    hear,
    leg_of,
    met,
    person,
    ring,
)
from tests.workflows.scenarios import SHORT
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

BOTH = (person("Bob"), person("Dora", together=True))

AT_ONCE = 2.0
"""Seconds in which a phone stops on a busy machine; on an idle one it takes a tenth of a second."""


async def test_the_first_who_answers_gets_the_call_and_the_other_phone_stops(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, *BOTH)
    await ring(transfer, "Bob", "Dora")
    await hear(transfer, customer="ringback", agent="music")
    await has(transfer, "screening", "Bob", "Dora")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    result = await ends_soundly(transfer)
    await hear(transfer, customer="Dora", Dora="customer")
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.TARGET)
    assert causes(result) == ["Bob answered_elsewhere", "Dora"]
    bob, dora = result.attempts
    assert bob.answered_at is None
    assert bob.accepted_at is None
    assert bob.evidence.q850 == 26, "the phone shows no missed call"
    assert bob.dialled_at == dora.dialled_at
    assert dora.accepted_at == dora.answered_at is not None
    assert met(transfer, "Bob") == set()


async def test_in_a_warm_transfer_the_first_who_answers_talks_to_the_agent_in_private(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, *BOTH)
    await ring(transfer, "Bob", "Dora")
    await hear(transfer, customer="music", agent="ringback")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    assert not leg_of(transfer, "Dora").live
    await transfer.do("complete")
    assert causes(await ends_soundly(transfer)) == ["Bob", "Dora answered_elsewhere"]
    assert met(transfer, "Dora") == set()


async def test_in_a_consultation_the_first_who_answers_advises(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.CONSULT, *BOTH)
    await ring(transfer, "Bob", "Dora")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await hear(transfer, customer="music", agent="Dora", Dora="agent")
    engine.exchange.hang_up(leg_of(transfer, "Dora").id)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.customer_with) == (Outcome.CONSULTED, ("agent",))
    assert causes(result) == ["Bob answered_elsewhere", "Dora hung_up"]


async def test_of_two_who_answer_at_the_same_instant_one_is_told_that_it_is_not_needed(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, *BOTH)
    await ring(transfer, "Bob", "Dora")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await hear(transfer, customer="Bob", Bob="customer", Dora="announcement")
    result = await ends_soundly(transfer)
    await gone(transfer, "Dora")
    await hear(transfer, customer="Bob", Bob="customer")
    assert causes(result) == ["Bob", "Dora answered_elsewhere"]
    assert result.attempts[1].answered_at is not None
    assert result.attempts[1].accepted_at is None
    assert met(transfer, "Dora") == set()


async def test_one_who_is_busy_does_not_stop_the_other(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, person("Bob", "busy"), person("Dora", together=True))
    await ring(transfer, "Dora")
    await has(transfer, "screening", "Dora")
    await hear(transfer, customer="ringback", agent="music")
    assert (await transfer.status()).stage is Stage.RINGING
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    assert causes(await ends_soundly(transfer)) == ["Bob busy", "Dora"]


async def test_when_all_of_a_group_fail_the_next_group_rings_and_at_last_the_agent_has_the_customer(
    engine: Engine,
) -> None:
    transfer = await engine.transfer(
        Mode.COLD,
        person("Bob", "busy"),
        person("Dora", "decline", together=True),
        person("Erik", "busy"),
        person("Fay", ring_timeout=SHORT, together=True),
    )
    result = await ends_soundly(transfer)
    await hear(transfer, customer="agent", agent="customer")
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER)
    assert causes(result) == ["Bob busy", "Dora declined", "Erik busy", "Fay no_answer"]
    bob, dora, erik, fay = result.attempts
    assert bob.dialled_at == dora.dialled_at
    assert erik.dialled_at == fay.dialled_at
    assert bob.ended_at
    assert dora.ended_at
    assert erik.dialled_at
    assert erik.dialled_at >= max(bob.ended_at, dora.ended_at)


async def test_when_the_time_of_all_is_up_at_once_each_is_no_answer(engine: Engine) -> None:
    group = [it.model_copy(update={"ring_timeout": SHORT}) for it in BOTH]
    result = await ends_soundly(await engine.transfer(Mode.WARM, *group))
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER)
    assert causes(result) == ["Bob no_answer", "Dora no_answer"]


async def test_a_customer_who_leaves_stops_all_phones_and_who_has_answered_is_told(engine: Engine) -> None:
    transfer = await engine.transfer(
        Mode.COLD, asked("Bob", "answer=0ms"), asked("Dora", together=True), asked("Erik", together=True)
    )
    await ring(transfer, "Dora", "Erik")
    await hear(transfer, customer="ringback", agent="music", Bob="announcement")
    await transfer.reaches(Stage.SCREENING)
    engine.exchange.hang_up(transfer.request.customer.leg)
    await ring(transfer)
    await hear(transfer, Bob="announcement")
    result = await ends_soundly(transfer)
    left = at(transfer, "customer hangs up")
    assert at(transfer, "hang up Dora") - left < AT_ONCE
    assert at(transfer, "hang up Erik") - left < AT_ONCE
    assert at(transfer, "say farewell to Bob") - left < AT_ONCE
    assert (result.outcome, result.customer_with) == (Outcome.CUSTOMER_LEFT, ())
    assert set(causes(result)) == {"Bob customer_left", "Dora customer_left", "Erik customer_left"}
    await gone(transfer, "Bob")


async def test_cancel_stops_all_phones_and_gives_the_customer_back(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, *BOTH)
    await ring(transfer, "Bob", "Dora")
    await transfer.do("cancel")
    result = await ends_soundly(transfer)
    assert causes(result) == ["Bob agent_cancelled", "Dora agent_cancelled"]
    assert (result.outcome, transfer.live().keys()) == (
        Outcome.CANCELLED,
        {transfer.request.customer.leg, transfer.request.agent.leg},
    )
    await hear(transfer, customer="agent", agent="customer")


@pytest.mark.parametrize("how", ["complete", "hang up"])
async def test_the_phones_ring_on_when_the_agent_leaves(engine: Engine, how: str) -> None:
    transfer = await engine.transfer(Mode.WARM, *BOTH)
    await ring(transfer, "Bob", "Dora")
    if how == "complete":
        await transfer.do("complete")
    else:
        engine.exchange.hang_up(transfer.request.agent.leg)
    await hear(transfer, customer="ringback")
    await ring(transfer, "Bob", "Dora")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.TARGET)
    assert causes(result) == ["Bob answered_elsewhere", "Dora"]


async def test_an_agent_who_has_left_is_recalled_when_all_of_them_fail(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, *BOTH)
    await ring(transfer, "Bob", "Dora")
    engine.exchange.hang_up(transfer.request.agent.leg)
    await hear(transfer, customer="ringback")
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    engine.exchange.hang_up(leg_of(transfer, "Dora").id)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.RECALLED_AGENT, Cause.DECLINED)


async def test_a_retarget_stops_all_of_them_and_the_rest_of_the_list_stays_behind_it(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, *BOTH, person("Erik"))
    await ring(transfer, "Bob", "Dora")
    await transfer.do("retarget", Retarget(target=person("Fay", "decline")))
    await ring(transfer, "Erik")
    engine.exchange.answer(leg_of(transfer, "Erik").id)
    result = await ends_soundly(transfer)
    assert causes(result) == ["Bob retargeted", "Dora retargeted", "Fay declined", "Erik"]


async def test_conference_lets_the_first_who_answers_into_a_call_of_three(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, *BOTH)
    await ring(transfer, "Bob", "Dora")
    await transfer.do("conference")
    await hear(transfer, customer="agent", agent="customer")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await hear(transfer, customer="agent,Dora", agent="customer,Dora", Dora="customer,agent")
    await transfer.do("cancel")
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_who_must_not_be_rung_is_left_out_of_a_group_and_recorded(engine: Engine) -> None:
    transfer = await engine.transfer(
        Mode.COLD, person("Forbidden", "answer=0ms"), person("Dora", together=True), person("Erik", together=True)
    )
    await ring(transfer, "Dora", "Erik")
    engine.exchange.answer(leg_of(transfer, "Erik").id)
    assert causes(await ends_soundly(transfer)) == [
        "Forbidden destination_denied",
        "Dora answered_elsewhere",
        "Erik",
    ]
    alone = await engine.transfer(Mode.COLD, person("Dora"), person("Forbidden", "answer=0ms", together=True))
    await ring(alone, "Dora")
    await has(alone, "ringing", "Dora")  # nobody rings beside it: the provider may join it by itself
    engine.exchange.answer(leg_of(alone, "Dora").id)
    assert (await ends_soundly(alone)).outcome is Outcome.CONNECTED


async def test_an_agent_who_leaves_before_anybody_was_dialled_costs_no_target_its_turn(engine: Engine) -> None:
    request = engine.request(Mode.WARM, *BOTH)
    engine.exchange.hang_up(request.agent.leg)
    transfer = await engine.start(request)
    await ring(transfer, "Bob", "Dora")
    await hear(transfer, customer="ringback")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    assert causes(await ends_soundly(transfer)) == ["Bob", "Dora answered_elsewhere"]
