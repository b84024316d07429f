"""The transfer key of an agent's own phone, on a real Asterisk: who hears whom, and what the phone is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from temporalio.client import Client

from hookflash import Cause, Mode, Outcome, TransferClient, TransferResult
from hookflash.names import transfer_id
from tests.integration.switchboard import ENGINE_APP, Office, TalkingCall, ended
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone, PhoneRack
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

TRYING, OK, DECLINED = 100, 200, 603

Connect = Callable[[str], Awaitable[TalkingCall]]


@pytest.fixture
async def connect(engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack) -> AsyncIterator[Connect]:
    """Give what connects a customer with an agent of a tenant, whose phone's transfer key is the engine's."""
    office = Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP))
    calls: list[TalkingCall] = []

    async def connected(tenant: str) -> TalkingCall:
        calls.append(await office.call({"PJSIP_TRANSFER_HANDLING()": "ari-only", "HOOKFLASH_TENANT": tenant}))
        return calls[-1]

    yield connected
    for call in calls:
        await call.hang_up()


@pytest.fixture
async def desk(connect: Connect) -> TalkingCall:
    """Give a customer and an agent of the tenant `desk`, who talk."""
    return await connect("desk")


async def told(call: Call, *statuses: int) -> None:
    """Wait until a phone was told exactly this of the transfer it has asked for."""

    async def so() -> bool | None:
        assert call.told == list(statuses)[: len(call.told)], f"told {call.told}"
        return True if call.told == list(statuses) else None

    await eventually(so, f"{statuses} at {call}")


async def result_of(call: TalkingCall) -> TransferResult:
    """Return the result of the call's last transfer, waiting for it if need be."""
    return await TransferClient(call.office.client).wait(transfer_id("asterisk", call.customer_leg))


async def nothing_was_started(call: TalkingCall) -> None:
    """See that no transfer of this call was ever begun, and that customer and agent talk."""
    started = call.office.client.list_workflows(f"WorkflowId = '{transfer_id('asterisk', call.customer_leg)}'")
    assert [it.id async for it in started] == []
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})


async def test_the_destination_answers(desk: TalkingCall) -> None:
    target = await desk.target(Behaviour.rings())
    phone = desk.agent.active_call
    assert await phone.transfer("target1") == 202
    ringing = await target.incoming()
    # Its own leg stays until somebody else has the customer: if nobody takes the call, there is a person to go back to.
    await hear_exactly({desk.customer: {"ringback"}, desk.agent: {"music"}})
    await told(phone, TRYING)
    ringing.answer()
    await hear_exactly({desk.customer: {"target1"}, target: {"customer"}})
    await ended(desk.agent)
    await told(phone, TRYING, OK)
    result = await result_of(desk)
    assert (result.mode, result.outcome) == (Mode.COLD, Outcome.CONNECTED)
    await target.hang_up()
    await ended(desk.customer, within=1.5)


async def test_a_phone_that_hangs_up_at_once_leaves_the_customer_to_the_destination(desk: TalkingCall) -> None:
    target = await desk.target(Behaviour.rings())
    await desk.agent.active_call.transfer("target1")
    ringing = await target.incoming()
    await desk.agent.hang_up()
    await hear_exactly({desk.customer: {"ringback"}})
    ringing.answer()
    await hear_exactly({desk.customer: {"target1"}, target: {"customer"}})
    assert (await result_of(desk)).outcome is Outcome.CONNECTED
    await target.hang_up()


async def test_a_phone_that_hangs_up_before_anything_was_done_loses_nobody(desk: TalkingCall) -> None:
    target = await desk.target(Behaviour.answers(after=0.5))
    phone = desk.agent.active_call
    await asyncio.gather(phone.transfer("target1"), phone.hang_up())
    await hear_exactly({desk.customer: {"target1"}, target: {"customer"}})
    assert (await result_of(desk)).outcome is Outcome.CONNECTED
    await target.hang_up()


async def test_a_phone_that_has_hung_up_is_called_back_when_the_destination_is_busy(desk: TalkingCall) -> None:
    target = await desk.target(Behaviour.rings())
    await desk.agent.active_call.transfer("target1")
    ringing = await target.incoming()
    await desk.agent.hang_up()
    await hear_exactly({desk.customer: {"ringback"}})
    ringing.refuse(486)
    await hear_exactly({desk.customer: {"agent"}, desk.agent: {"customer"}})
    assert (await result_of(desk)).outcome is Outcome.RECALLED_AGENT


async def in_vain(desk: TalkingCall, to: str) -> TransferResult:
    """Ask for somebody by the transfer key, and see that the phone is told no and the two talk again."""
    phone = desk.agent.active_call
    await phone.transfer(to)
    await told(phone, TRYING, DECLINED)
    await hear_exactly({desk.customer: {"agent"}, desk.agent: {"customer"}})
    return await result_of(desk)


async def test_a_busy_destination_gives_the_customer_back_and_the_phone_may_try_again(desk: TalkingCall) -> None:
    await desk.target(Behaviour.busy(), "target1")
    second = await desk.target(Behaviour.answers(), "target2")
    result = await in_vain(desk, "target1")
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.BUSY)
    # 7001 is an entry of the tenant's directory.
    phone = desk.agent.active_call
    await phone.transfer("7001")
    await hear_exactly({desk.customer: {"target2"}, second: {"customer"}})
    await ended(desk.agent)
    await told(phone, TRYING, DECLINED, TRYING, OK)
    await second.hang_up()


async def test_a_destination_that_the_policy_denies_is_never_rung(desk: TalkingCall) -> None:
    denied = await desk.target(Behaviour.answers(), "target3")
    result = await in_vain(desk, "target3")
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.DESTINATION_DENIED)
    assert denied.calls == []


async def test_a_phone_that_the_node_does_not_know_gives_the_customer_back(desk: TalkingCall) -> None:
    assert (await in_vain(desk, "no-such-phone")).cause is Cause.INVALID_DESTINATION


@pytest.mark.parametrize(
    "refer_to",
    [
        "<sip:127.0.0.1>",
        "<sip:target1%40elsewhere@127.0.0.1>",
        "<sip:target1%0d%0aX-Evil%3a1@127.0.0.1>",
        "<sip:target1%26PJSIP%2ftarget2@127.0.0.1>",
        "<sip:target1;phone-context=1@127.0.0.1>",
        "<sip:target1@127.0.0.1?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    ],
    ids=["no user", "an address in it", "a header in it", "a dial string in it", "a parameter", "an unknown call"],
)
async def test_what_is_no_destination_is_declined(desk: TalkingCall, refer_to: str) -> None:
    target = await desk.target(Behaviour.answers())
    phone = desk.agent.active_call
    assert await phone.transfer(refer_to) == 202
    await told(phone, TRYING, DECLINED)
    await nothing_was_started(desk)
    assert target.calls == []


@pytest.mark.parametrize("refer_to", ["<nonsense>", "<sip:>"])
async def test_what_is_no_sip_address_is_refused_by_asterisk(desk: TalkingCall, refer_to: str) -> None:
    phone = desk.agent.active_call
    assert await phone.transfer(refer_to) == 400
    assert phone.told == []
    await nothing_was_started(desk)


async def test_a_tenant_may_do_without_the_key(connect: Connect) -> None:
    call = await connect("locked")
    phone = call.agent.active_call
    await phone.transfer("target1")
    await told(phone, TRYING, DECLINED)
    await nothing_was_started(call)


async def test_a_repeated_request_is_one_transfer_and_another_one_rings_somebody_else(desk: TalkingCall) -> None:
    first = await desk.target(Behaviour.rings(), "target1")
    second = await desk.target(Behaviour.answers(), "target2")
    phone = desk.agent.active_call
    await phone.transfer("target1")
    ringing = await first.incoming()
    await told(phone, TRYING)
    await phone.transfer("target1")
    await hear_exactly({desk.customer: {"ringback"}, desk.agent: {"music"}})
    assert first.calls == [ringing]
    await phone.transfer("target2")
    await ringing.until("cancelled")
    await hear_exactly({desk.customer: {"target2"}, second: {"customer"}})
    await ended(desk.agent)
    result = await result_of(desk)
    assert [attempt.cause for attempt in result.attempts] == [Cause.RETARGETED, None]
    assert phone.told[-1] == OK
    assert DECLINED not in phone.told
    await second.hang_up()


async def test_the_new_agent_can_transfer_again(desk: TalkingCall) -> None:
    first = await desk.target(Behaviour.answers(), "target1")
    second = await desk.target(Behaviour.answers(), "target2")
    await desk.agent.active_call.transfer("target1")
    await hear_exactly({desk.customer: {"target1"}, first: {"customer"}})
    await ended(desk.agent)
    await result_of(desk)
    phone = first.active_call
    await phone.transfer("target2")
    await hear_exactly({desk.customer: {"target2"}, second: {"customer"}})
    await ended(first)
    await told(phone, TRYING, OK)
    await second.hang_up()


async def test_a_target_who_is_consulted_cannot_transfer_anybody(desk: TalkingCall) -> None:
    target = await desk.target(Behaviour.answers(), "target1")
    transfer = await desk.transfer(Mode.WARM, "target1")
    await hear_exactly({desk.customer: {"music"}, desk.agent: {"target1"}, target: {"agent"}})
    phone = target.active_call
    await phone.transfer("target2")
    await told(phone, TRYING, DECLINED)
    await hear_exactly({desk.customer: {"music"}, desk.agent: {"target1"}, target: {"agent"}})
    await transfer.cancel()
    await hear_exactly({desk.customer: {"agent"}, desk.agent: {"customer"}})


@dataclass
class Consultation:
    """The agent's own second call, with a target whom the engine knows nothing of."""

    target: Phone
    call: Call
    """At the agent's phone."""
    room: str


async def consult(desk: TalkingCall) -> Consultation:
    """Let the agent put the customer on hold by the phone's own key, and talk with somebody else."""
    target, calls = await desk.target(Behaviour.answers()), desk.office.calls
    talking = desk.agent.active_call
    await talking.hold()
    legs = [await calls.connect_phone("agent"), await calls.connect_phone("target1")]
    room = await calls.bridge(*legs)
    await hear_exactly({desk.customer: {"music"}, desk.agent: {"target1"}, target: {"agent"}})
    consulting = desk.agent.active_call
    assert consulting is not talking
    return Consultation(target, consulting, room)


async def test_whom_the_agent_has_consulted_gets_the_customer(desk: TalkingCall) -> None:
    phone = desk.agent.active_call
    consultation = await consult(desk)
    since = asyncio.get_running_loop().time()
    assert await phone.transfer("target1", replacing=consultation.call) == 202
    await hear_exactly({desk.customer: {"target1"}, consultation.target: {"customer"}})
    await phone.until("ended")
    await consultation.call.until("ended")
    assert phone.told[-1] == OK
    assert DECLINED not in phone.told
    assert len(consultation.target.calls) == 1, "it was called again"
    assert desk.customer.ever_heard(since) == {"music", "target1"}
    result = await result_of(desk)
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    await consultation.target.hang_up()
    await ended(desk.customer, within=1.5)
    await desk.office.calls.remove(consultation.room)


async def test_a_phone_that_ends_both_of_its_calls_by_itself_loses_nobody(desk: TalkingCall) -> None:
    phone = desk.agent.active_call
    consultation = await consult(desk)
    await phone.transfer("target1", replacing=consultation.call)
    await desk.agent.hang_up()
    await hear_exactly({desk.customer: {"target1"}, consultation.target: {"customer"}})
    assert (await result_of(desk)).outcome is Outcome.CONNECTED
    await consultation.target.hang_up()
    await desk.office.calls.remove(consultation.room)


async def _gone(node: AsteriskNode, name: str) -> bool | None:
    """Whether a phone has no leg any more."""
    return not any(it["name"].startswith(f"PJSIP/{name}-") for it in await node.channels()) or None


async def test_whoever_was_consulted_and_has_gone_gets_nobody(desk: TalkingCall) -> None:
    phone = desk.agent.active_call
    consultation = await consult(desk)
    await consultation.target.hang_up()
    await eventually(lambda: _gone(desk.office.node, "target1"), "the end of the target's leg")
    await phone.transfer("target1", replacing=consultation.call)
    await told(phone, TRYING, DECLINED)
    await consultation.call.hang_up()
    await phone.hold(False)
    await nothing_was_started(desk)
    await desk.office.calls.remove(consultation.room)
