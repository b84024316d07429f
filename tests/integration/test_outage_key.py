"""The keys of an agent's phone, hold and transfer, while every process of the engine is gone."""

from pathlib import Path

import pytest

from activities.telephony.asterisk.state import REPORTED
from hookflash import Outcome, TransferClient
from hookflash.names import transfer_id
from tests.integration.switchboard import Office, TalkingCall, worker_on
from tests.integration.test_phone_hold import LISTENED_TO, NOT_LISTENED_TO
from tests.integration.test_transfer_key import DECLINED, OK, TRYING, told
from tests.integration.two_nodes import PATIENCE
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk


async def desk(office: Office, kind: str = LISTENED_TO) -> TalkingCall:
    """Connect a customer with an agent whose transfer key is the engine's."""
    return await office.call({"PJSIP_TRANSFER_HANDLING()": "ari-only", "HOOKFLASH_TENANT": "default"}, kind)


async def deserted_desk(office: Office, folder: Path, kind: str = LISTENED_TO) -> TalkingCall:
    """Connect such a desk, and kill the engine."""
    async with worker_on(office.node, office.client, folder / "first.log") as worker:
        call = await desk(office, kind)
        await worker.kill()
    return call


async def test_a_transfer_key_that_nobody_hears_is_refused_when_the_engine_is_back(
    office: Office, tmp_path: Path
) -> None:
    call = await deserted_desk(office, tmp_path)
    target = await call.target(Behaviour.answers())
    phone = call.agent.active_call
    assert await phone.transfer("target1") == 202
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)
    assert phone.told == [], "Asterisk says nothing by itself"
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        await _is_told(call, TRYING, DECLINED)
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)
        assert target.calls == []
        await phone.transfer("target1")
        await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)
        await phone.until("ended", PATIENCE)
        await told(phone, TRYING, DECLINED, TRYING, OK)
        await call.hang_up()
        await office.node.drained(PATIENCE)


async def test_a_customer_on_hold_loses_the_music_by_a_key_that_nobody_hears_until_the_engine_is_back(
    office: Office, tmp_path: Path
) -> None:
    """Where Asterisk does not listen to the bridge. Its owner can choose a type that it does listen to."""
    call = await deserted_desk(office, tmp_path, NOT_LISTENED_TO)
    phone = call.agent.active_call
    await phone.hold()
    await hear_exactly({call.customer: {"music"}, call.agent: None}, PATIENCE)
    assert await phone.transfer("target1") == 202
    await hear_exactly({call.customer: None, call.agent: None}, PATIENCE)
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        await _is_told(call, TRYING, DECLINED)
        await hear_exactly({call.customer: {"music"}, call.agent: None}, PATIENCE)
        await phone.hold(False)
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)
        await call.hang_up()
        await office.node.drained(PATIENCE)


async def test_a_key_whose_transfer_is_under_way_is_not_refused_by_the_next_listener(
    office: Office, tmp_path: Path
) -> None:
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        call = await desk(office)
        target = await call.target(Behaviour.rings())
        phone = call.agent.active_call
        await phone.transfer("target1")
        ringing = await target.incoming()
        await ringing.until("ringing")
        await told(phone, TRYING)
        await _is_noted(call)
        await worker.kill()
    async with worker_on(office.node, office.client, tmp_path / "second.log") as worker:
        # A colleague's key, lost at the same time, would be refused now.
        await worker.logs("phones were told that a key which nobody has heard leads to nothing", PATIENCE)
        assert phone.told == [TRYING]
        ringing.answer()
        await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)
        await phone.until("ended", PATIENCE)
        await told(phone, TRYING, OK)
        await call.hang_up()
        await office.node.drained(PATIENCE)


async def test_an_agent_who_resumes_while_the_engine_is_dead_is_heard_then_and_afterwards(
    office: Office, tmp_path: Path
) -> None:
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        call = await desk(office)
        await call.target(Behaviour.busy())
        phone = call.agent.active_call
        await phone.hold()
        await phone.transfer("target1")
        await told(phone, TRYING, DECLINED)
        handle = TransferClient(office.client)
        result = await handle.wait(transfer_id("asterisk", call.customer_leg))
        assert result.outcome is Outcome.RETURNED_TO_AGENT
        await hear_exactly({call.customer: {"music"}}, PATIENCE)
        await worker.kill()
    await hear_exactly({call.customer: {"music"}}, PATIENCE)
    await phone.hold(False)
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)
        await call.hang_up()
        await office.node.drained(PATIENCE)


async def _is_noted(call: TalkingCall) -> None:
    """Wait until the agent's leg has a note that its phone was told. A worker that dies before it tells it again."""

    async def noted() -> bool | None:
        channels = await call.office.node.channels()
        return any(it["id"] == call.agent_leg and it["channelvars"].get(REPORTED) for it in channels) or None

    await eventually(noted, f"a note at {call.agent_leg}", PATIENCE)


async def _is_told(call: TalkingCall, *statuses: int) -> None:
    """Wait for what a phone is told, which takes as long as a new worker takes to listen."""
    phone = call.agent.active_call

    async def so() -> bool | None:
        return True if phone.told == list(statuses) else None

    await eventually(so, f"{statuses} at {phone}", PATIENCE)
