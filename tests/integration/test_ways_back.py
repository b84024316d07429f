"""What becomes of a customer whom nobody is left to serve, on a real Asterisk: in a transfer, and after it."""

import asyncio
from datetime import timedelta
from typing import Literal

import pytest

from hookflash import (
    Agent,
    AnotherTarget,
    CallBack,
    Cause,
    Fallback,
    HandOff,
    HangUp,
    Mode,
    Outcome,
    Policy,
    Recall,
    RunningTransfer,
    Stage,
)
from hookflash.names import call_back_id
from tests.integration.switchboard import TalkingCall, ended, heard, nth_call, reaches, times_heard, to_phone
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from workflows.call_back import CallBackResult

pytestmark = pytest.mark.asterisk

NOWHERE = HandOff(kind="flow", place="hookflash-nowhere")
VOICEMAIL = HandOff(kind="voicemail", place="hookflash-voicemail")
QUEUE = HandOff(kind="queue", place="hookflash-queue")


async def forsaken(call: TalkingCall, *fallbacks: Fallback) -> RunningTransfer:
    """Transfer blind to somebody who is engaged: the agent has left, and the fallbacks begin."""
    await call.target(Behaviour.busy())
    return await call.transfer(Mode.BLIND, "target1", policy=Policy(fallbacks=fallbacks))


async def test_an_agent_is_rung_again_after_a_pause_with_music(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    recall = Recall(attempts=2, pause=timedelta(seconds=2.5))
    transfer = await call.transfer(Mode.WARM, "target1", policy=Policy(fallbacks=(recall, QUEUE)))
    ringing = await target.incoming()
    await ringing.until("ringing")
    call.agent.behaviour = Behaviour.busy()
    await call.agent.hang_up()
    await hear_exactly({call.customer: {"ringback"}})
    ringing.refuse(603)
    first = await nth_call(call.agent, 2)
    call.agent.behaviour = Behaviour.rings()
    await first.until("refused")
    await hear_exactly({call.customer: {"music"}})
    second = await nth_call(call.agent, 3)
    await hear_exactly({call.customer: {"ringback"}})
    second.answer()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert second.at["invite"] - first.at["refused"] >= recall.pause.total_seconds()
    assert (result.outcome, result.cause, result.customer_with) == (
        Outcome.RECALLED_AGENT,
        Cause.DECLINED,
        ("agent",),
    )
    assert [(it.kind, it.took_customer) for it in result.fallbacks] == [("recall", False), ("recall", True)]
    # Somebody watches over the two: the last one is not left alone.
    await call.customer.hang_up()
    await ended(call.agent, within=2)


async def test_a_supervisor_takes_whom_nobody_took(call: TalkingCall) -> None:
    supervisor = await call.target(Behaviour.answers(after=0.6), "supervisor")
    transfer = await forsaken(call, AnotherTarget(target=to_phone("supervisor")), QUEUE)
    await ended(call.agent)
    await hear_exactly({call.customer: {"ringback"}})
    result = await transfer.wait()
    await hear_exactly({call.customer: {"supervisor"}, supervisor: {"customer"}})
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    assert [(it.kind, it.took_customer) for it in result.fallbacks] == [("target", True)]
    assert [(it.target, it.cause) for it in result.attempts] == [("target1", Cause.BUSY), ("supervisor", None)]
    await supervisor.hang_up()


@pytest.mark.parametrize(
    ("kind", "outcome"), [("voicemail", Outcome.SENT_TO_VOICEMAIL), ("queue", Outcome.SENT_TO_QUEUE)]
)
async def test_a_place_takes_whom_nobody_took(
    call: TalkingCall, kind: Literal["voicemail", "queue"], outcome: Outcome
) -> None:
    """Also after a supervisor who is engaged, and after a place that the dialplan does not have."""
    await call.target(Behaviour.busy(), "supervisor")
    place = HandOff(kind=kind, place=f"hookflash-{kind},s,1")
    transfer = await forsaken(call, AnotherTarget(target=to_phone("supervisor")), NOWHERE, place)
    result = await transfer.wait()
    await hear_exactly({call.customer: {kind}})
    assert (result.outcome, result.customer_with) == (outcome, (kind,))
    tried = [(it.kind, it.took_customer) for it in result.fallbacks]
    assert tried == [("target", False), ("flow", False), (kind, True)]
    (channel,) = await call.office.node.channels()
    assert channel["dialplan"]["context"] == f"hookflash-{kind}"


async def test_an_apology_is_heard_before_the_line_is_released(call: TalkingCall) -> None:
    since = asyncio.get_running_loop().time()
    transfer = await forsaken(call, HangUp(apology="hookflash-sorry"))
    line = call.customer.active_call
    result = await transfer.wait()
    await line.until("ended")
    assert line.ended_by == "there"
    assert times_heard(call.customer, "sorry", since) == 1
    began = call.customer.first_heard("sorry", since)
    assert began is not None
    assert line.media.ever_heard(began, line.at["ended"]) == {"sorry"}
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.FAILED, Cause.BUSY, ())
    assert [(it.kind, it.took_customer) for it in result.fallbacks] == [("hang_up", True)]


async def test_a_customer_is_promised_a_call_and_gets_it(call: TalkingCall) -> None:
    call.agent.behaviour = call.customer.behaviour = Behaviour.rings()
    promise = CallBack(after=timedelta(seconds=1), attempts=1)
    transfer = await forsaken(call, promise)
    line = call.customer.active_call
    result = await transfer.wait()
    assert (result.outcome, result.customer_with) == (Outcome.CALLBACK_SCHEDULED, ())
    await heard(call.customer, "call-back")
    await line.until("ended")
    assert line.ended_by == "there"
    assert times_heard(call.customer, "call-back") == 1
    # A second later: first the agent, who hears the customer's phone ring.
    agent = await nth_call(call.agent, 2)
    await agent.until("ringing")
    assert len(call.customer.calls) == 1, "the customer is rung for an agent who has not answered"
    agent.answer()
    customer = await nth_call(call.customer, 2)
    await hear_exactly({call.agent: {"ringback"}})
    customer.answer()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert transfer.run_id is not None
    handle = call.office.client.get_workflow_handle(
        call_back_id(transfer.id, transfer.run_id), result_type=CallBackResult
    )
    kept = await handle.result()
    assert (kept.outcome, [it.failed for it in kept.attempts]) == ("connected", [None])
    await call.agent.hang_up()
    await ended(call.customer, within=2)


async def test_a_call_is_transferred_by_its_new_agent_and_the_customer_goes_on_when_the_last_one_leaves(
    call: TalkingCall,
) -> None:
    first, second = await call.target(Behaviour.answers(), "target1"), await call.target(Behaviour.rings(), "target2")
    # Were the first transfer still in force when the last target leaves, the customer would reach its place.
    policy = Policy(hold_announcement="hookflash-hold", when_target_leaves=VOICEMAIL)
    transfer = await call.transfer(Mode.WARM, "target1", policy=policy)
    await heard(call.customer, "hold")
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, first: {"agent"}})
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, first: {"customer"}})
    await ended(call.agent)

    since = asyncio.get_running_loop().time()
    agent = Agent(leg=result.attempts[0].leg, address="pjsip:target1")
    policy = policy.model_copy(update={"when_target_leaves": QUEUE})
    again = await call.transfer(Mode.WARM, "target2", policy=policy, agent=agent)
    assert again.id == transfer.id
    assert again.run_id != transfer.run_id
    await heard(call.customer, "hold", since)
    await hear_exactly({call.customer: {"music"}, first: {"ringback"}})
    (await second.incoming()).answer()
    await reaches(again, Stage.CONSULTING)
    await hear_exactly({call.customer: {"music"}, first: {"target2"}, second: {"target1"}})
    assert times_heard(call.customer, "hold") == 2
    await again.complete()
    assert (await again.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({call.customer: {"target2"}, second: {"customer"}})
    await ended(first)

    await second.hang_up()
    await hear_exactly({call.customer: {"queue"}}, within=5)
