"""An agent whose phone has put the customer on hold, and to whom the customer comes back: nobody is left in silence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from temporalio.client import Client

from hookflash import Mode, Stage
from tests.integration.switchboard import ENGINE_APP, Office, TalkingCall, ended, reaches
from tests.integration.test_transfer_key import DECLINED, TRYING, consult, result_of, told
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack

pytestmark = pytest.mark.asterisk

LISTENED_TO, NOT_LISTENED_TO = "mixing,dtmf_events", "mixing"
"""Bridges of call controls: in one of the second type Asterisk itself ends the music when the key is pressed."""

PATIENCE = 20.0

Holding = Callable[..., Awaitable[TalkingCall]]


@pytest.fixture
async def holding(engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack) -> AsyncIterator[Holding]:
    """Give what connects a customer with an agent of a tenant, who then presses the phone's hold key."""
    office = Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP))
    calls: list[TalkingCall] = []

    async def connected(tenant: str = "desk", kind: str = LISTENED_TO, *, hold: bool = True) -> TalkingCall:
        call = await office.call({"PJSIP_TRANSFER_HANDLING()": "ari-only", "HOOKFLASH_TENANT": tenant}, kind)
        calls.append(call)
        if hold:
            await call.agent.active_call.hold()
            await waits_with(call)
        return call

    yield connected
    for call in calls:
        await call.hang_up()
    await asterisk_node.drained(PATIENCE)


async def waits_with(call: TalkingCall, music: str = "music") -> None:
    """See that the customer hears music, and the agent nothing, for that is what the phone has asked for."""
    await hear_exactly({call.customer: {music}, call.agent: None}, PATIENCE)


async def resumes(call: TalkingCall) -> None:
    """Let the agent take the call off hold, and see that the two hear each other and nothing else."""
    await call.agent.active_call.hold(False)
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)


@pytest.mark.parametrize("kind", [LISTENED_TO, NOT_LISTENED_TO])
async def test_a_destination_that_the_policy_denies_leaves_the_customer_with_music(holding: Holding, kind: str) -> None:
    call = await holding(kind=kind)
    phone = call.agent.active_call
    await phone.transfer("target3")
    await told(phone, TRYING, DECLINED)
    await waits_with(call)
    await result_of(call)
    await waits_with(call)
    await resumes(call)


@pytest.mark.parametrize("kind", [LISTENED_TO, NOT_LISTENED_TO])
async def test_a_key_that_the_tenant_locks_leaves_the_customer_with_music(holding: Holding, kind: str) -> None:
    call = await holding("locked", kind)
    phone = call.agent.active_call
    await phone.transfer("target1")
    await told(phone, TRYING, DECLINED)
    await waits_with(call)
    await resumes(call)


async def test_a_busy_destination_leaves_the_customer_with_music_each_time(holding: Holding) -> None:
    call = await holding()
    await call.target(Behaviour.busy())
    phone = call.agent.active_call
    for _ in range(2):
        before = phone.told
        await phone.transfer("target1")
        await told(phone, *before, TRYING, DECLINED)
        await waits_with(call)
    await resumes(call)
    # The hold key goes on working in the room where they are now, and after it the key that resumes.
    await phone.hold()
    await waits_with(call)
    await resumes(call)


async def test_the_music_is_the_tenants(holding: Holding) -> None:
    call = await holding("musical")
    await call.target(Behaviour.busy())
    phone = call.agent.active_call
    await phone.transfer("target1")
    await told(phone, TRYING, DECLINED)
    await waits_with(call, "harp")
    await resumes(call)


@pytest.mark.parametrize("kind", [LISTENED_TO, NOT_LISTENED_TO])
async def test_whoever_was_consulted_and_has_gone_leaves_the_customer_with_music(holding: Holding, kind: str) -> None:
    call = await holding(kind=kind, hold=False)
    phone = call.agent.active_call
    consultation = await consult(call)
    await consultation.target.hang_up()
    await phone.transfer("target1", replacing=consultation.call)
    await told(phone, TRYING, DECLINED)
    await consultation.call.hang_up()
    await hear_exactly({call.customer: {"music"}, phone: None}, PATIENCE)
    await phone.hold(False)
    await hear_exactly({call.customer: {"agent"}, phone: {"customer"}}, PATIENCE)
    await call.office.calls.remove(consultation.room)


async def test_an_agent_who_never_resumes_and_hangs_up_releases_the_customer(holding: Holding) -> None:
    call = await holding()
    await call.target(Behaviour.busy())
    phone = call.agent.active_call
    await phone.transfer("target1")
    await told(phone, TRYING, DECLINED)
    await result_of(call)
    await waits_with(call)
    await call.agent.hang_up()
    await ended(call.customer, PATIENCE)


async def test_a_target_who_answers_an_agent_on_hold_hears_music_until_the_agent_resumes(holding: Holding) -> None:
    call = await holding()
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.WARM, "target1")
    await reaches(transfer, Stage.CONSULTING)
    # The agent's phone was told whom to show, and since then Asterisk sends it a voice that its user does not hear.
    await hear_exactly({call.customer: {"music"}, target: {"music"}}, PATIENCE)
    await call.agent.active_call.hold(False)
    await hear_exactly({call.customer: {"music"}, target: {"agent"}, call.agent: {"target1"}}, PATIENCE)
    await transfer.complete()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)
    await target.hang_up()


@pytest.mark.parametrize("milliseconds", [0, 10, 20, 40, 80, 160])
async def test_an_agent_who_resumes_while_the_customer_comes_back_is_heard(holding: Holding, milliseconds: int) -> None:
    call = await holding()
    target = await call.target(Behaviour.rings())
    phone = call.agent.active_call
    await phone.transfer("target1")
    ringing = await target.incoming()
    await ringing.until("ringing")
    ringing.refuse(486)
    await asyncio.sleep(milliseconds / 1000)
    await resumes(call)
    await told(phone, TRYING, DECLINED)
    await result_of(call)
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)
