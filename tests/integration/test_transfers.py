"""Real calls: a real Temporal server, a real worker process, a real Asterisk, and phones that hear each other."""

import asyncio

import pytest

from hookflash import (
    Actor,
    Agent,
    Cause,
    Customer,
    Mode,
    Outcome,
    Stage,
    Target,
    TransferClient,
    TransferRequest,
)
from hookflash.names import supervision_id
from tests.integration.switchboard import TalkingCall, ended, reaches
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from workflows.connected_call import ConnectedCallResult

pytestmark = pytest.mark.asterisk


async def test_a_warm_transfer_is_completed(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers(after=0.5))
    transfer = await call.transfer(Mode.WARM, "target1")
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    invite = target.active_call.invite
    assert invite.get("X-Transfer-Reason") == "Wasserschaden Küche"
    assert invite.get("X-Transfer-Data-Priority") == "high"
    await transfer.swap()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}, target: {"music"}})
    await transfer.conference()
    await hear_exactly(
        {call.customer: {"agent", "target1"}, call.agent: {"customer", "target1"}, target: {"customer", "agent"}}
    )
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CONNECTED, Actor.AGENT, ("target",))
    await ended(call.agent)
    # The watch that goes on after the transfer releases the target within a moment of the customer's goodbye.
    await call.customer.hang_up()
    await ended(target, within=1.5)


async def test_a_warm_transfer_is_taken_back(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.WARM, "target1")
    await reaches(transfer, Stage.CONSULTING)
    consulting = target.active_call
    await transfer.cancel()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert (result.outcome, result.cause) == (Outcome.CANCELLED, Cause.AGENT_CANCELLED)
    await consulting.until("ended")
    assert "customer" not in target.ever_heard()


async def test_a_cold_transfer_is_answered(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers(after=0.6))
    transfer = await call.transfer(Mode.COLD, "target1")
    await hear_exactly({call.customer: {"ringback"}, call.agent: {"music"}})
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.TARGET)
    await ended(call.agent)
    await target.hang_up()
    await ended(call.customer, within=1.5)


async def test_a_cold_transfer_that_nobody_answers_gives_the_customer_back(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.COLD, "target1", ring_timeout=1)
    await hear_exactly({call.customer: {"ringback"}, call.agent: {"music"}})
    result = await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER)
    (attempt,) = result.attempts
    assert attempt.rang_at
    assert not attempt.answered_at
    await (await target.incoming()).until("cancelled")


async def test_a_busy_target_is_followed_by_the_next(call: TalkingCall) -> None:
    await call.target(Behaviour.busy(), "target1")
    second = await call.target(Behaviour.answers(after=0.5), "target2")
    transfer = await call.transfer(Mode.WARM, "target1", "target2")
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target2"}, second: {"agent"}})
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target2"}, second: {"customer"}})
    assert [attempt.cause for attempt in result.attempts] == [Cause.BUSY, None]
    assert result.attempts[0].evidence.sip_status == 486
    await second.hang_up()


async def test_a_customer_who_hangs_up_while_it_rings_stops_the_ringing(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1")
    ringing = await target.incoming()
    await ringing.until("ringing")
    await call.customer.hang_up()
    await ringing.until("cancelled", within=1.5)
    result = await transfer.wait()
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CUSTOMER_LEFT, Actor.CUSTOMER, ())
    await ended(call.agent)


async def test_an_agent_who_hangs_up_while_it_rings_leaves_the_customer_to_the_target(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1")
    ringing = await target.incoming()
    await ringing.until("ringing")
    await call.agent.hang_up()
    await hear_exactly({call.customer: {"ringback"}})
    ringing.answer()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert result.outcome is Outcome.CONNECTED
    await target.hang_up()


async def test_an_agent_who_hangs_up_while_consulting_completes(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.WARM, "target1")
    await reaches(transfer, Stage.CONSULTING)
    await call.agent.hang_up()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.AGENT)
    await target.hang_up()


async def test_unhold_while_it_rings_brings_customer_and_agent_together(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1")
    ringing = await target.incoming()
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    await transfer.unhold()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    ringing.answer()
    await hear_exactly(
        {call.customer: {"agent", "target1"}, call.agent: {"customer", "target1"}, target: {"customer", "agent"}}
    )
    await transfer.complete()
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await target.hang_up()


async def test_a_customer_whom_nobody_takes_and_whose_agent_has_left_reaches_the_fallback(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1")
    ringing = await target.incoming()
    await ringing.until("ringing")
    call.agent.behaviour = Behaviour.busy()  # the recall finds the agent engaged
    await call.agent.hang_up()
    await hear_exactly({call.customer: {"ringback"}})
    ringing.refuse(603)
    result = await transfer.wait()
    await hear_exactly({call.customer: {"fallback"}})
    assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_FLOW, ("flow",))


async def test_a_connected_call_is_transferred_blind_by_its_new_agent(call: TalkingCall) -> None:
    client = call.office.client
    first_target = await call.target(Behaviour.answers(), "target1")
    transfer = await call.transfer(Mode.COLD, "target1")
    assert transfer.run_id is not None
    watch = client.get_workflow_handle(supervision_id(transfer.id, transfer.run_id), result_type=ConnectedCallResult)
    first = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, first_target: {"customer"}})
    await ended(call.agent)
    second_target = await call.target(Behaviour.answers(after=0.5), "target2")
    request = TransferRequest(
        mode=Mode.BLIND,
        provider="asterisk",
        tenant="bold",
        customer=Customer(leg=call.customer_leg),
        agent=Agent(leg=first.attempts[0].leg, address="pjsip:target1"),
        targets=(Target(address="pjsip:target2"),),
    )
    second = await (await TransferClient(client).start(request)).wait()
    await hear_exactly({call.customer: {"target2"}, second_target: {"customer"}})
    assert (second.outcome, second.ended_by, second.customer_with) == (Outcome.CONNECTED, Actor.TARGET, ("target",))
    await ended(first_target)
    # Whoever watched the first connection leaves the call to the second, and what comes after it is released.
    assert (await asyncio.wait_for(watch.result(), 10)).left == ""
    await second_target.hang_up()
    await ended(call.customer, within=1.5)
