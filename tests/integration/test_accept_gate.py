"""Targets that have to accept on a real Asterisk: nobody hears the customer who has not said yes."""

from datetime import timedelta

import pytest

from hookflash import AcceptGate, Actor, Cause, Mode, Outcome, Stage
from tests.integration.switchboard import TalkingCall, ended, reaches, times_heard, to_phone
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

ASKED = AcceptGate()


async def test_a_key_declines_and_a_key_accepts(call: TalkingCall) -> None:
    first = await call.target(Behaviour.answers(), "target1")
    second = await call.target(Behaviour.answers(after=0.5), "target2")
    transfer = await call.transfer(Mode.COLD, to_phone("target1", accept=ASKED), to_phone("target2", accept=ASKED))
    await hear_exactly({first: {"accept"}, call.customer: {"music"}, call.agent: {"music"}})
    await first.press("2")
    await ended(first)
    await hear_exactly({second: {"accept"}, call.customer: {"music"}, call.agent: {"music"}})
    assert not call.customer.ever_heard() & {"target1", "target2", "accept"}
    await second.press("1")
    result = await transfer.wait()
    await hear_exactly({second: {"customer"}, call.customer: {"target2"}})
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.TARGET)
    assert [attempt.cause for attempt in result.attempts] == [Cause.DECLINED, None]
    declined, accepted = result.attempts
    assert declined.answered_at
    assert declined.accepted_at is None
    assert accepted.accepted_at
    assert accepted.answered_at
    assert accepted.accepted_at > accepted.answered_at
    assert first.ever_heard() == {"accept"}
    await ended(call.agent)
    await second.hang_up()


async def test_a_machine_and_somebody_who_says_nothing_leave_the_customer_with_the_agent(call: TalkingCall) -> None:
    machine = await call.target(Behaviour.answers(), "target1")
    silent = await call.target(Behaviour.answers(after=0.2), "target2")
    brief = AcceptGate(timeout=timedelta(seconds=2))
    listened = AcceptGate(detect_machine=True)
    targets = to_phone("target1", accept=listened), to_phone("target2", accept=brief)
    transfer = await call.transfer(Mode.WARM, *targets)
    await hear_exactly({machine: {"accept"}, call.customer: {"music"}, call.agent: {"music"}})
    await ended(machine, within=10)
    await hear_exactly({silent: {"accept"}, call.customer: {"music"}, call.agent: {"music"}})
    result = await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.ACCEPT_TIMEOUT)
    assert [attempt.cause for attempt in result.attempts] == [Cause.MACHINE, Cause.ACCEPT_TIMEOUT]
    await ended(silent)
    for phone in (machine, silent):
        assert phone.ever_heard() == {"accept"}
    assert not call.customer.ever_heard() & {"target1", "target2", "accept"}


async def test_two_are_asked_at_the_same_time_and_a_program_answers_for_them(call: TalkingCall) -> None:
    first = await call.target(Behaviour.answers(), "target1")
    second = await call.target(Behaviour.answers(), "target2")
    third = await call.target(Behaviour.answers(), "target3")
    targets = [to_phone(it.name, accept=ASKED, together=it is not first) for it in (first, second, third)]
    transfer = await call.transfer(Mode.WARM, *targets)
    asked = {phone: {"accept"} for phone in (first, second, third)}
    await hear_exactly({**asked, call.customer: {"music"}, call.agent: {"music"}})
    legs = {leg.name: leg.leg for leg in (await transfer.status()).legs}
    await transfer.decline(legs["target1"])
    await ended(first)
    await hear_exactly({second: {"accept"}, third: {"accept"}})
    await transfer.accept(legs["target3"])
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({third: {"agent"}, call.agent: {"target3"}, call.customer: {"music"}})
    await ended(second)
    assert not call.customer.ever_heard() & {"target1", "target2", "target3", "accept"}
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({third: {"customer"}, call.customer: {"target3"}})
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.AGENT)
    assert [attempt.cause for attempt in result.attempts] == [Cause.DECLINED, Cause.ANSWERED_ELSEWHERE, None]
    # Who has answered in vain is told so.
    assert second.ever_heard() == {"accept", "notice"}
    assert first.ever_heard() == {"accept"}
    await third.hang_up()


@pytest.mark.parametrize("mode", [Mode.CONSULT, Mode.WARM])
async def test_who_is_asked_when_the_agent_cancels_hears_a_notice(call: TalkingCall, mode: Mode) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(mode, to_phone("target1", accept=ASKED))
    await hear_exactly({target: {"accept"}, call.customer: {"music"}, call.agent: {"music"}})
    await transfer.cancel()
    assert (await transfer.wait()).outcome is Outcome.CANCELLED
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    await ended(target)
    assert target.ever_heard() == {"accept", "notice"}
    assert times_heard(target, "notice") == 1
    assert not (call.customer.ever_heard() | call.agent.ever_heard()) & {"target1", "accept", "notice"}


async def test_who_is_asked_hears_a_notice_when_somebody_else_is_rung(call: TalkingCall) -> None:
    first = await call.target(Behaviour.answers(), "target1")
    second = await call.target(Behaviour.answers(), "target2")
    transfer = await call.transfer(Mode.CONSULT, to_phone("target1", accept=ASKED))
    await hear_exactly({first: {"accept"}, call.customer: {"music"}, call.agent: {"music"}})
    await transfer.retarget(to_phone("target2"))
    await hear_exactly({second: {"agent"}, call.agent: {"target2"}, call.customer: {"music"}})
    await ended(first)
    assert first.ever_heard() == {"accept", "notice"}
    await transfer.complete()
    assert (await transfer.wait()).outcome is Outcome.CONSULTED
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    # The agent has talked with this one, and has said goodbye.
    await ended(second)
    assert second.ever_heard() == {"agent"}
