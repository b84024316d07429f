"""The reference of `cost` transfers calls between real phones: what the engine is compared with is no list of names."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from benchmarks.asterisk import Exchange, exchange
from benchmarks.reference import OneByOneTransfer, call_of_reference, consulting, reference, transfer_one_by_one
from hookflash import Mode
from hookflash.names import TRANSFER_HELD, TRANSFER_OUTCOME, TRANSFER_STAGE
from tests.integration.switchboard import TalkingCall, ended
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack

pytestmark = pytest.mark.asterisk

CAROL = "+4930123456"


@pytest.fixture(scope="module")
async def on() -> AsyncIterator[Exchange]:
    async with exchange() as on:
        yield on


@pytest.fixture(scope="module")
async def process(on: Exchange) -> AsyncIterator[None]:
    async with reference(on):
        yield


@pytest.fixture
async def call(on: Exchange, process: None) -> AsyncIterator[TalkingCall]:
    """Customer and agent talk, on phones of the test's own. Afterwards no leg and no room may be left."""
    node = on.office.node
    async with PhoneRack(node.sip_address, node.phone_ports) as phones:
        call = await call_of_reference(replace(on, office=replace(on.office, phones=phones)))
        await call.office.calls.set_variables(call.customer_leg, {"CALLERID(num)": CAROL})
        yield call
        await call.hang_up()
    await node.drained()


async def requests(transfer: OneByOneTransfer) -> int:
    """Count what Asterisk was asked: docs/performance.md says how often."""
    events = (await transfer.handle.fetch_history()).events
    asked = [it.activity_task_scheduled_event_attributes.activity_type.name for it in events]
    return asked.count("request")


async def test_a_warm_transfer_with_an_introduction(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers(after=1.5))
    transfer = await transfer_one_by_one(call, Mode.WARM)
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    await consulting(transfer.handle)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    status = await transfer.conference()
    assert (status.stage, status.held) == ("three_way", "")
    everybody = {"customer", "agent", "target1"}
    await hear_exactly({phone: everybody - {phone.name} for phone in (call.customer, call.agent, target)})
    status = await transfer.complete()
    assert (status.stage, status.held) == ("ended", "")
    assert (await transfer.wait()).outcome == "connected"
    assert await requests(transfer) == 8
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    await ended(call.agent)
    assert target.calls[-1].partner == CAROL
    shown = (await transfer.handle.describe()).typed_search_attributes
    assert [shown.get(it) for it in (TRANSFER_STAGE, TRANSFER_OUTCOME)] == ["ended", "connected"]
    assert shown.get(TRANSFER_HELD) is False
    # Somebody watches the call, and leaves nobody alone in it.
    await target.hang_up()
    await ended(call.customer)


async def test_a_warm_transfer_without_an_introduction(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await transfer_one_by_one(call, Mode.WARM)
    await consulting(transfer.handle)
    await transfer.complete()
    assert (await transfer.wait()).outcome == "connected"
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    await ended(call.agent)


async def test_a_cold_transfer(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers(after=1.5))
    transfer = await transfer_one_by_one(call, Mode.COLD)
    await hear_exactly({call.customer: {"ringback"}, call.agent: {"music"}})
    assert (await transfer.wait()).outcome == "connected"
    assert await requests(transfer) == 7
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    await ended(call.agent)
    assert target.calls[-1].partner == CAROL
    await call.customer.hang_up()
    await ended(target)


async def test_a_blind_transfer(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers(after=1.5))
    transfer = await transfer_one_by_one(call, Mode.BLIND)
    await ended(call.agent)
    await hear_exactly({call.customer: {"ringback"}})
    assert (await transfer.wait()).outcome == "connected"
    assert await requests(transfer) == 5
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert target.calls[-1].partner == CAROL


async def test_a_consultation(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await transfer_one_by_one(call, Mode.CONSULT)
    await consulting(transfer.handle)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    status = await transfer.complete()
    assert (status.stage, status.held) == ("ended", "")
    assert (await transfer.wait()).outcome == "consulted"
    assert await requests(transfer) == 8
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    await ended(target)
    await call.agent.hang_up()
    await ended(call.customer)


@pytest.mark.parametrize("mode", [Mode.WARM, Mode.COLD, Mode.CONSULT])
@pytest.mark.parametrize("behaviour", [Behaviour.busy(), Behaviour.rings()], ids=["busy", "no answer"])
async def test_the_customer_is_given_back(call: TalkingCall, mode: Mode, behaviour: Behaviour) -> None:
    target = await call.target(behaviour)
    transfer = await transfer_one_by_one(call, mode, ring_timeout=1)
    ringing = await target.incoming()
    result = await transfer.wait()
    assert (result.outcome, result.rang) == ("returned_to_agent", behaviour == Behaviour.rings())
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    await ringing.until("cancelled" if behaviour == Behaviour.rings() else "ended")
    await call.customer.hang_up()
    await ended(call.agent)


async def test_nobody_is_left_where_a_blind_transfer_fails(call: TalkingCall) -> None:
    await call.target(Behaviour.busy())
    transfer = await transfer_one_by_one(call, Mode.BLIND)
    assert (await transfer.wait()).outcome == "failed"
    await ended(call.customer)
    await ended(call.agent)


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_customer_who_leaves_leaves_nobody_behind(call: TalkingCall, mode: Mode) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await transfer_one_by_one(call, mode)
    ringing = await target.incoming()
    await ringing.until("ringing")
    await call.customer.hang_up()
    assert (await transfer.wait()).outcome == "customer_left"
    await ringing.until("cancelled")
    await ended(call.agent)


async def test_a_target_who_leaves_a_consultation_leaves_the_customer_to_the_agent(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await transfer_one_by_one(call, Mode.WARM)
    await consulting(transfer.handle)
    await target.hang_up()
    assert (await transfer.wait()).outcome == "returned_to_agent"
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})


async def test_an_agent_who_leaves_a_consultation_completes(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await transfer_one_by_one(call, Mode.WARM)
    await consulting(transfer.handle)
    await call.agent.hang_up()
    assert (await transfer.wait()).outcome == "connected"
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
