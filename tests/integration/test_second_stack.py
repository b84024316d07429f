"""The main paths with phones of another make, SIPp: what works with the rig's own phones is no private agreement."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client

from hookflash import (
    Agent,
    Cause,
    Customer,
    Mode,
    Outcome,
    RunningTransfer,
    Stage,
    TransferClient,
    TransferRequest,
)
from tests.integration.switchboard import ENGINE_APP, Office, TalkingCall, ended, reaches, to_phone
from tests.rig import sipp
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack

pytestmark = pytest.mark.asterisk


async def test_a_warm_transfer(call: TalkingCall, tmp_path: Path) -> None:
    async with sipp.sipp_phone(call.office.node, "target1", sipp.answers(after=0.5), tmp_path):
        transfer = await call.transfer(Mode.WARM, "target1")
        await reaches(transfer, Stage.CONSULTING)
        await hear_exactly({call.customer: {"music"}, call.agent: {"agent"}})
        await transfer.swap()
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
        await transfer.conference()
        both = {"customer", "agent"}
        await hear_exactly({call.customer: both, call.agent: both})
        await transfer.complete()
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await hear_exactly({call.customer: {"customer"}})
        await call.customer.hang_up()


async def test_a_cold_transfer_whose_target_hangs_up_later(call: TalkingCall, tmp_path: Path) -> None:
    # Time enough to be connected and heard, on a busy machine too.
    async with sipp.sipp_phone(call.office.node, "target1", sipp.answers(hang_up_after=5), tmp_path):
        transfer = await call.transfer(Mode.COLD, "target1")
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await hear_exactly({call.customer: {"customer"}})
        await ended(call.agent)
    await ended(call.customer)


@pytest.mark.parametrize(("scenario", "cause"), [(sipp.busy(), Cause.BUSY), (sipp.rings(), Cause.NO_ANSWER)])
async def test_a_target_who_does_not_answer(call: TalkingCall, tmp_path: Path, scenario: str, cause: Cause) -> None:
    async with sipp.sipp_phone(call.office.node, "target1", scenario, tmp_path):
        result = await (await call.transfer(Mode.COLD, "target1", ring_timeout=1)).wait()
        assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, cause)
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})


@dataclass
class Connected:
    """Customer and agent, whatever their phones are."""

    office: Office
    customer: str
    agent: str
    room: str

    async def transfer(self) -> RunningTransfer:
        """Start a warm transfer to the first target."""
        request = TransferRequest(
            mode=Mode.WARM,
            provider="asterisk",
            customer=Customer(leg=self.customer),
            agent=Agent(leg=self.agent),
            targets=(to_phone("target1"),),
        )
        return await TransferClient(self.office.client).start(request)


@pytest.fixture
def office(engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack) -> Office:
    """An office in which only one of customer and agent has the rig's own phone."""
    return Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP))


async def _connect(office: Office) -> Connected:
    customer, agent = [await office.calls.connect_phone(name) for name in ("customer", "agent")]
    return Connected(office, customer, agent, await office.calls.bridge(customer, agent))


async def test_an_agent_who_completes(office: Office, tmp_path: Path) -> None:
    customer = await office.phones.phone("customer")
    target = await office.phones.phone("target1", Behaviour.answers(after=0.3))
    async with sipp.sipp_phone(office.node, "agent", sipp.answers(), tmp_path):
        call = await _connect(office)
        await hear_exactly({customer: {"customer"}})
        transfer = await call.transfer()
        await reaches(transfer, Stage.CONSULTING)
        await hear_exactly({customer: {"music"}, target: {"target1"}})
        await transfer.complete()
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({customer: {"target1"}, target: {"customer"}})
    await customer.hang_up()
    await office.calls.remove(call.room)


async def test_a_customer_who_hangs_up_on_hold(office: Office, tmp_path: Path) -> None:
    agent = await office.phones.phone("agent")
    target = await office.phones.phone("target1", Behaviour.answers())
    async with sipp.sipp_phone(office.node, "customer", sipp.answers(hang_up_after=6), tmp_path):
        call = await _connect(office)
        await hear_exactly({agent: {"agent"}})
        transfer = await call.transfer()
        await reaches(transfer, Stage.CONSULTING)
        await hear_exactly({agent: {"target1"}, target: {"agent"}})
        assert (await transfer.wait()).outcome is Outcome.CUSTOMER_LEFT
    await agent.hang_up()
    await office.calls.remove(call.room)
