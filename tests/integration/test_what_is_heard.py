"""What the whole engine plays to whom on a real Asterisk: heard by the one it is for, and once."""

import asyncio
from datetime import timedelta

import pytest

from hookflash import (
    AcceptGate,
    Actor,
    Cause,
    ConsultWarning,
    CustomerAudio,
    Mode,
    Outcome,
    Policy,
    Reminder,
    RunningTransfer,
    Stage,
    Target,
)
from tests.integration.switchboard import TalkingCall, ended, heard, nth_call, reaches, times_heard, to_phone
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import hear_exactly
from tests.rig.sip import address_uri
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

AT_ONCE = 2.0
"""Seconds in which a voice comes on a busy machine; on an idle one it takes a tenth of a second."""
GREETED = Target(address="pjsip:target1", on_join="hookflash-join")


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_is_played_in_a_long_consultation(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    customer, agent = call.customer, call.agent
    policy = Policy(
        hold_announcement="hookflash-hold",
        hold_reminder=Reminder(announcement="hookflash-reminder", every=timedelta(seconds=5)),
        # Four seconds after the consultation has begun.
        consult_limit=timedelta(minutes=1),
        consult_warning=ConsultWarning(announcement="hookflash-warning", before=timedelta(seconds=56)),
    )
    transfer = await call.transfer(Mode.WARM, GREETED, policy=policy)
    ringing = await target.incoming()
    announced = await heard(customer, "hold")
    await hear_exactly({customer: {"music"}, agent: {"ringback"}})
    since = now()
    ringing.answer()
    await hear_exactly({target: {"agent", "join"}, agent: {"target1"}})
    await hear_exactly({target: {"agent"}, agent: {"target1"}, customer: {"music"}})
    await hear_exactly({target: {"agent"}, agent: {"target1", "warning"}}, within=10)
    reminded = await heard(customer, "reminder")
    again = await heard(customer, "reminder", reminded + 3)
    await hear_exactly({customer: {"music"}, agent: {"target1"}, target: {"agent"}})
    consulted = now()
    await transfer.complete()
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({customer: {"target1"}, target: {"customer"}})
    # The first reminder counts from the beginning of the wait, and each of the others from the one before it.
    assert reminded - announced > 4
    assert again - reminded > 4
    assert customer.ever_heard(announced, consulted) == {"hold", "music", "reminder"}
    assert agent.ever_heard(since, consulted) - {"ringback"} == {"target1", "warning"}
    assert target.ever_heard(until=consulted) == {"agent", "join"}
    assert customer.longest_silence(announced) < 1
    played = {"hold": customer, "join": target, "warning": agent}
    assert {sound: times_heard(phone, sound) for sound, phone in played.items()} == dict.fromkeys(played, 1)
    assert times_heard(customer, "reminder") == 2
    await target.hang_up()


async def test_a_customer_hears_music_until_a_cold_target_answers(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.COLD, GREETED, policy=Policy(customer_audio=CustomerAudio.MUSIC))
    ringing = await target.incoming()
    await ringing.until("ringing")
    await hear_exactly({call.customer: {"music"}, call.agent: {"music"}})
    since = now()
    ringing.answer()
    # Joined at once, and greeted by an announcement that the customer does not hear.
    await hear_exactly({target: {"customer", "join"}, call.customer: {"target1"}})
    assert await heard(target, "customer") - ringing.at["answered"] < AT_ONCE
    result = await transfer.wait()
    await hear_exactly({target: {"customer"}, call.customer: {"target1"}})
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.TARGET)
    assert call.customer.ever_heard(since) == {"music", "target1"}
    assert call.customer.longest_silence(since) < 1
    assert times_heard(target, "join") == 1
    await target.hang_up()


@pytest.mark.parametrize("asked", [True, False], ids=["who is asked to accept", "who answers just then"])
async def test_a_target_whom_the_customer_has_left_is_told_so(call: TalkingCall, asked: bool) -> None:
    target = await call.target(Behaviour.rings())
    gate = AcceptGate() if asked else None
    transfer = await call.transfer(Mode.COLD, to_phone("target1", accept=gate))
    ringing = await target.incoming()
    await ringing.until("ringing")
    await hear_exactly({call.customer: {"ringback"}})
    if asked:
        ringing.answer()
        await hear_exactly({target: {"accept"}})
    await call.customer.hang_up()
    if not asked:
        ringing.answer()  # before the engine can have heard of it
    left = now()
    result = await transfer.wait()
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CUSTOMER_LEFT, Actor.CUSTOMER, ())
    await ringing.until("ended", within=10)
    assert ringing.ended_by == "there"
    assert ringing.at["ended"] - left < 1 + 2 * AT_ONCE, "the recording takes a second"
    # Asterisk may report the answer before the end of the customer's call, which takes it longer.
    # In between the target is alone, and may be on hold for a moment.
    heard_until_then = {"accept"} if asked else {"customer", "music"}
    assert times_heard(target, "notice") == 1
    assert target.ever_heard() - heard_until_then == {"notice"}
    await ended(call.agent)


async def test_the_customers_number_is_shown_or_ours_where_the_carrier_refuses_it(call: TalkingCall) -> None:
    await call.office.calls.set_variables(call.customer_leg, {"CALLERID(num)": "+4930123456"})
    target = await call.target(Behaviour.refuses(403, after=0.3))
    policy = Policy(caller_id_of="customer", caller_id="+14155550100", caller_id_fallback="+14155550199")
    transfer = await call.transfer(Mode.WARM, "target1", policy=policy)
    first = await nth_call(target, 1)
    target.behaviour = Behaviour.answers()
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    refused, taken = target.calls
    assert refused is first
    assert numbers(refused) == {"+4930123456"}
    assert numbers(taken) == {"+14155550199"}
    await transfer.cancel()
    result = await transfer.wait()
    assert [it.cause for it in result.attempts] == [Cause.CALLER_ID_REFUSED, Cause.AGENT_CANCELLED]
    assert result.attempts[0].evidence.sip_status == 403


MISSING = "hookflash-not-there"


async def test_who_is_asked_by_a_recording_that_is_missing_hears_a_tone_and_can_accept(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.COLD, to_phone("target1", accept=AcceptGate(prompt=MISSING)))
    await reaches(transfer, Stage.SCREENING)
    first = await heard(target, "asking")
    await heard(target, "asking", first + 1)
    await target.press("1")
    result = await transfer.wait()
    await hear_exactly({target: {"customer"}, call.customer: {"target1"}})
    assert result.outcome is Outcome.CONNECTED
    assert target.ever_heard() == {"asking", "customer"}
    await says_once(transfer, f"target1 could not hear the recording {MISSING}")
    await target.hang_up()


async def test_after_the_question_a_tone_is_heard_until_it_is_answered(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.COLD, to_phone("target1", accept=AcceptGate(prompt="hookflash-notice")))
    asked = await heard(target, "notice")
    assert await heard(target, "asking", asked) > asked + 0.5
    assert times_heard(target, "notice") == 1
    await target.press("2")
    result = await transfer.wait()
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.DECLINED)
    await hear_exactly({call.agent: {"customer"}, call.customer: {"agent"}})


async def test_recordings_that_are_missing_are_noticed_and_leave_nobody_in_silence(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    customer, agent = call.customer, call.agent
    policy = Policy(
        hold_announcement=MISSING,
        hold_music="no-such-class",
        consult_limit=timedelta(minutes=1),
        consult_warning=ConsultWarning(announcement=f"{MISSING}-2", before=timedelta(seconds=59)),
    )
    greeted = Target(address="pjsip:target1", name="Claims desk", on_join=f"{MISSING}-3")
    transfer = await call.transfer(Mode.WARM, greeted, policy=policy)
    # Asterisk plays the class ``default`` in place of one that it does not know.
    await heard(customer, "music")
    since = now()
    await reaches(transfer, Stage.CONSULTING)
    await says_once(transfer, f"customer could not hear the recording {MISSING}:")
    await says_once(transfer, f"agent could not hear the recording {MISSING}-2:")
    await says_once(transfer, f"Claims desk could not hear the recording {MISSING}-3:")
    await hear_exactly({customer: {"music"}, agent: {"target1"}, target: {"agent"}})
    assert customer.longest_silence(since) < 1
    await transfer.complete()
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({customer: {"target1"}, target: {"customer"}})
    await target.hang_up()


@pytest.mark.parametrize(("asked_for", "tenant", "heard"), [(None, "musical", "harp"), ("default", "musical", "music")])
async def test_who_waits_hears_the_music_of_the_request_or_of_the_tenant(
    call: TalkingCall, asked_for: str | None, tenant: str, heard: str
) -> None:
    await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1", policy=Policy(hold_music=asked_for), tenant=tenant)
    await hear_exactly({call.customer: {heard}, call.agent: {"ringback"}})
    await transfer.cancel()
    await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})


async def says_once(transfer: RunningTransfer, text: str) -> None:
    """Wait until a line of the journal begins with this, and see that it is one."""

    async def lines() -> list[str] | None:
        return [it.text for it in (await transfer.status()).journal if it.text.startswith(text)] or None

    assert len(await eventually(lines, f"{text!r} in the journal")) == 1


def numbers(call: Call) -> set[str]:
    """Return every number by which an INVITE says who calls (RFC 3261 20.20, RFC 3325)."""
    said = call.invite.all("From") + call.invite.all("P-Asserted-Identity")
    assert len(said) == 2, said
    return {address_uri(it).removeprefix("sip:").partition("@")[0] for it in said}
