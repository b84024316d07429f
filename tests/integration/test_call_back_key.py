"""The transfer key of an agent who calls a customer back, as promised: the same as in any other call."""

from datetime import timedelta

import pytest

from hookflash import CallBack, Mode, Outcome, Policy, TransferClient
from hookflash.names import transfer_id
from tests.integration.switchboard import TalkingCall, nth_call
from tests.integration.test_transfer_key import DECLINED, OK, TRYING, told
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

PATIENCE = 20.0


@pytest.fixture
async def agents(call: TalkingCall) -> Call:
    """Give an agent's call by which a promise is kept: the agent has answered, and the customer's phone rings."""
    call.agent.behaviour = call.customer.behaviour = Behaviour.rings()
    await call.target(Behaviour.busy())
    promise = Policy(fallbacks=(CallBack(after=timedelta(0), attempts=1),))
    transfer = await call.transfer(Mode.BLIND, "target1", policy=promise)
    assert (await transfer.wait()).outcome is Outcome.CALLBACK_SCHEDULED
    ringing = await nth_call(call.agent, 2, PATIENCE)
    await ringing.until("ringing")
    ringing.answer()
    return ringing


async def test_an_agent_who_calls_back_can_transfer_the_customer(call: TalkingCall, agents: Call) -> None:
    customers = await nth_call(call.customer, 2, PATIENCE)
    await customers.until("ringing")
    customers.answer()
    await hear_exactly({customers: {"agent"}, agents: {"customer"}}, PATIENCE)
    rung = await call.office.node.channels()
    # The customer's former leg may hear its farewell still, and is none of the engine's making.
    (leg,) = [it["id"] for it in rung if it["name"].startswith("PJSIP/customer-") and it["id"] != call.customer_leg]
    target = await call.target(Behaviour.answers())
    assert await agents.transfer("target1") == 202
    await hear_exactly({customers: {"target1"}, target: {"customer"}}, PATIENCE)
    await agents.until("ended", PATIENCE)
    await told(agents, TRYING, OK)
    # A target who hangs up before it is over is one who was lost: then the agent would be recalled.
    result = await TransferClient(call.office.client).wait(transfer_id("asterisk", leg))
    assert result.outcome is Outcome.CONNECTED
    await target.hang_up()
    await customers.until("ended", PATIENCE)


async def test_a_customer_whose_phone_still_rings_cannot_be_transferred(call: TalkingCall, agents: Call) -> None:
    customers = await nth_call(call.customer, 2, PATIENCE)
    await customers.until("ringing")
    target = await call.target(Behaviour.answers())
    before = len(target.calls)
    assert await agents.transfer("target1") == 202
    await told(agents, TRYING, DECLINED)
    await hear_exactly({agents: {"ringback"}}, PATIENCE)
    assert len(target.calls) == before
    customers.answer()
    await hear_exactly({customers: {"agent"}, agents: {"customer"}}, PATIENCE)
    await agents.hang_up()
    await customers.until("ended", PATIENCE)
