"""Whole transfers of calls that begin in the dialplan, and end in a real ``VoiceMail()`` or ``Queue()``."""

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from hookflash import Cause, HandOff, Mode, Outcome, Policy, Stage
from tests.integration.switchboard import ENGINE_APP, Office, TalkingCall, ended, reaches
from tests.rig.ari import CallControl
from tests.rig.asterisk_config import MAILBOX
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack
from tests.rig.rtp import PACKET_SECONDS
from tests.rig.tones import analyse_wav
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

MAILBOX_PLACE = HandOff(kind="voicemail", place="hookflash-mailbox")
QUEUE_PLACE = HandOff(kind="queue", place="hookflash-overflow")
TRANSFER = "transfer:asterisk:"


@pytest.fixture
def office(engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack) -> Office:
    """Give the contact centre without a call."""
    return Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP))


@pytest.fixture
async def dialled(office: Office) -> AsyncIterator[TalkingCall]:
    """Give a customer and an agent whom ``Dial()`` has connected."""
    call = await office.dialplan_call("dial-agent")
    yield call
    await call.hang_up()


@pytest.fixture
async def queued(office: Office) -> AsyncIterator[TalkingCall]:
    """Give a customer and an agent whom ``Queue()`` has connected."""
    call = await office.dialplan_call("queue-agent")
    yield call
    await call.hang_up()


async def told(node: AsteriskNode, outcome: str) -> list[str]:
    """Return what the dialplan read in its variables: outcome, cause, transfer and agent."""

    async def line() -> list[str] | None:
        lines = (node.folder / "log/full").read_text(errors="replace").splitlines()
        read = [line.partition("told ")[2].split("|") for line in lines if "told " in line]
        return next((it for it in reversed(read) if it[0] == outcome), None)

    return await eventually(line, f"what a place is told of {outcome}")


async def test_a_call_of_dial_is_transferred_warm(dialled: TalkingCall) -> None:
    target = await dialled.target(Behaviour.answers(after=0.5))
    transfer = await dialled.transfer(Mode.WARM, "target1")
    await hear_exactly({dialled.customer: {"music"}, dialled.agent: {"ringback"}})
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({dialled.customer: {"music"}, dialled.agent: {"target1"}, target: {"agent"}})
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({dialled.customer: {"target1"}, target: {"customer"}})
    assert result.outcome is Outcome.CONNECTED
    await ended(dialled.agent)
    await dialled.customer.hang_up()
    await ended(target, within=2)


async def test_a_call_of_a_queue_goes_on_in_another_queue_when_the_target_leaves(queued: TalkingCall) -> None:
    """The whole way: ``Queue()``, warm transfer, ``Queue()``. Nobody of the first queue is rung again."""
    colleague = await queued.target(Behaviour.rings(), "supervisor")
    target = await queued.target(Behaviour.answers())
    desk = await queued.target(Behaviour.answers(after=0.3), "frontdesk")
    transfer = await queued.transfer(Mode.WARM, "target1", policy=Policy(when_target_leaves=QUEUE_PLACE))
    await reaches(transfer, Stage.CONSULTING)
    await transfer.complete()
    await transfer.wait()
    await hear_exactly({queued.customer: {"target1"}, target: {"customer"}})
    await target.hang_up()
    await hear_exactly({queued.customer: {"frontdesk"}, desk: {"customer"}}, within=10)
    assert await told(queued.office.node, "connected") == ["connected", "target_left", transfer.id, "a-17"]
    assert colleague.calls == []


async def test_a_customer_whom_nobody_took_leaves_a_message(dialled: TalkingCall) -> None:
    node = dialled.office.node
    before = set(messages(node))
    await dialled.target(Behaviour.busy())
    policy = Policy(fallbacks=(MAILBOX_PLACE,))
    since = asyncio.get_running_loop().time()
    result = await (await dialled.transfer(Mode.BLIND, "target1", policy=policy)).wait()
    assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_VOICEMAIL, ("voicemail",))
    await ended(dialled.agent)
    line = dialled.customer.active_call

    async def beep() -> float | None:
        return dialled.customer.first_heard("beep", since)

    began = await eventually(beep, "the beep")
    greeting = dialled.customer.first_heard("mailbox", since)
    assert greeting is not None
    assert greeting < began
    transfer, agent = f"{TRANSFER}{dialled.customer_leg}", "a-17"
    assert await told(node, "sent_to_voicemail") == ["sent_to_voicemail", "busy", transfer, agent]
    # The message is what the customer says from the end of the beep to the end of the call.
    spoken = line.media.spoken
    await eventually(lambda: _reached(line.media.spoken - spoken > 3 / PACKET_SECONDS), "three seconds of a message")
    await dialled.customer.hang_up()

    async def recorded() -> Path | None:
        new = [it for it in messages(node) if it not in before and it.with_suffix(".txt").exists()]
        return new[0] if new else None

    message = await eventually(recorded, "a message")
    with wave.open(str(message), "rb") as file:
        assert analyse_wav(file) == {"customer"}


async def _reached(it: bool) -> bool | None:
    return it or None


def messages(node: AsteriskNode) -> list[Path]:
    """Return the messages in the mailbox."""
    return sorted((node.folder / f"spool/voicemail/default/{MAILBOX}/INBOX").glob("msg*.wav"))


async def test_a_customer_whom_nobody_took_waits_in_a_queue_and_is_served(dialled: TalkingCall) -> None:
    node = dialled.office.node
    desk = await dialled.target(Behaviour.rings(), "frontdesk")
    await dialled.target(Behaviour.declines(after=0.2))
    policy = Policy(fallbacks=(QUEUE_PLACE,))
    transfer = await dialled.transfer(Mode.BLIND, "target1", policy=policy)
    ringing = await desk.incoming(within=10)
    await hear_exactly({dialled.customer: {"music"}})
    ringing.answer()
    await hear_exactly({dialled.customer: {"frontdesk"}, desk: {"customer"}})
    result = await transfer.wait()
    assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_QUEUE, ("queue",))
    assert await told(node, "sent_to_queue") == ["sent_to_queue", "declined", transfer.id, "a-17"]


async def test_whoever_took_a_customer_out_of_a_queue_can_transfer_again(dialled: TalkingCall) -> None:
    """A leg that was handed off is a call of the dialplan as any other."""
    desk = await dialled.target(Behaviour.answers(after=0.2), "frontdesk")
    target = await dialled.target(Behaviour.busy())
    first = await dialled.transfer(Mode.BLIND, "target1", policy=Policy(fallbacks=(QUEUE_PLACE,)))
    await first.wait()
    await hear_exactly({dialled.customer: {"frontdesk"}, desk: {"customer"}}, within=10)
    legs = {channel["name"].rpartition("-")[0]: channel["id"] for channel in await dialled.office.node.channels()}
    again = TalkingCall(dialled.office, dialled.customer, desk, dialled.customer_leg, legs["PJSIP/frontdesk"], "")
    target.behaviour = Behaviour.answers()
    transfer = await again.transfer(Mode.WARM, "target1")
    assert transfer.id == first.id
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({dialled.customer: {"music"}, desk: {"target1"}, target: {"frontdesk"}})
    await transfer.cancel()
    await transfer.wait()
    await hear_exactly({dialled.customer: {"frontdesk"}, desk: {"customer"}})


async def test_a_call_that_may_not_be_taken_is_a_clear_refusal(office: Office) -> None:
    call = await office.dialplan_call("dial-private")
    target = await call.target(Behaviour.answers())
    before = {channel["id"]: channel["dialplan"] for channel in await office.node.channels()}
    result = await (await call.transfer(Mode.WARM, "target1")).wait()
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.PROVIDER_ERROR)
    assert result.customer_with == ("agent",)
    assert "'rig-private', from which none may be taken" in result.evidence.text
    assert {channel["id"]: channel["dialplan"] for channel in await office.node.channels()} == before
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert target.calls == []
    await call.hang_up()
