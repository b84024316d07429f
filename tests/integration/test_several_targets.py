"""Several phones ring at the same time on a real Asterisk: one of them gets the customer, and every other one stops."""

import pytest

from hookflash import Actor, Cause, Mode, Outcome
from tests.integration.switchboard import TalkingCall, heard, to_phone
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone

pytestmark = pytest.mark.asterisk

AT_ONCE = 2.0
"""Seconds in which a phone stops, or a voice comes, on a busy machine; on an idle one it takes a tenth of a second."""

NAMES = ("target1", "target2", "target3")
ALL = (to_phone("target1"), to_phone("target2", together=True), to_phone("target3", together=True))


async def plug_in(call: TalkingCall) -> list[Phone]:
    """Plug in three phones that ring."""
    return [await call.target(Behaviour.rings(), name) for name in NAMES]


async def ring(phones: list[Phone]) -> list[Call]:
    """Wait until every phone rings."""
    calls = [await phone.incoming() for phone in phones]
    for it in calls:
        await it.until("ringing")
    return calls


def reasons(call: Call) -> list[str]:
    """Return the reasons (RFC 3326) that a phone was given for the end of its ringing."""
    return [reason for request in call.received if request.method == "CANCEL" for reason in request.all("Reason")]


async def test_the_first_who_answers_gets_the_customer_and_the_others_learn_of_it(call: TalkingCall) -> None:
    phones = await plug_in(call)
    transfer = await call.transfer(Mode.COLD, *ALL)
    first, second, third = await ring(phones)
    await hear_exactly({call.customer: {"ringback"}, call.agent: {"music"}})
    second.answer()
    result = await transfer.wait()
    phone = phones[1]
    await hear_exactly({call.customer: {"target2"}, phone: {"customer"}})
    assert await heard(phone, "customer") - second.at["answered"] < AT_ONCE
    assert await heard(call.customer, "target2") - second.at["answered"] < AT_ONCE
    for late in (first, third):
        assert await late.until("cancelled") - second.at["answered"] < AT_ONCE
        assert any(reason.startswith("Q.850") and "cause=26" in reason for reason in reasons(late))
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CONNECTED, Actor.TARGET, ("target",))
    elsewhere = Cause.ANSWERED_ELSEWHERE
    assert [attempt.cause for attempt in result.attempts] == [elsewhere, None, elsewhere]
    assert [bool(attempt.answered_at) for attempt in result.attempts] == [False, True, False]
    await phone.hang_up()


async def test_when_none_of_them_takes_the_call_the_customer_is_back(call: TalkingCall) -> None:
    await call.target(Behaviour.busy(), "target1")
    other = await call.target(Behaviour.declines(after=0.3), "target2")
    last = await call.target(Behaviour.rings(), "target3")
    transfer = await call.transfer(Mode.WARM, ALL[0], ALL[1], to_phone("target3", ring_timeout=2))
    ringing = await last.incoming()
    assert ringing.at["invite"] > other.calls[-1].at["refused"], "the third does not belong to the group"
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    result = await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER)
    assert [attempt.cause for attempt in result.attempts] == [Cause.BUSY, Cause.DECLINED, Cause.NO_ANSWER]
    assert [attempt.evidence.sip_status for attempt in result.attempts[:2]] == [486, 603]


async def test_a_customer_who_leaves_stops_every_phone(call: TalkingCall) -> None:
    phones = await plug_in(call)
    transfer = await call.transfer(Mode.COLD, *ALL)
    ringing = await ring(phones)
    left = call.customer.active_call
    await call.customer.hang_up()
    for it in ringing:
        assert await it.until("cancelled") - left.at["ended"] < AT_ONCE
        assert not any("cause=26" in reason for reason in reasons(it)), "nobody has answered elsewhere"
    result = await transfer.wait()
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CUSTOMER_LEFT, Actor.CUSTOMER, ())
