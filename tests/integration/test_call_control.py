"""What an agent can ask of a running transfer on a real Asterisk, and who hears whom then."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hookflash import (
    Actor,
    Cause,
    CommandRejected,
    Hold,
    Mode,
    Outcome,
    Party,
    Policy,
    RunningTransfer,
    Stage,
    Wait,
    WhenUnanswered,
)
from tests.integration.switchboard import TalkingCall, ended, reaches, to_phone
from tests.rig.behaviour import Behaviour
from tests.rig.ear import Expectation, Listener, hear_exactly
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

Heard = dict[Listener, Expectation]
"""Who hears what, and nothing else."""


async def test_a_conference_asked_for_while_it_rings_comes_about_and_the_agent_leaves_by_itself(
    call: TalkingCall,
) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1", policy=Policy(linger=timedelta(seconds=2)))
    ringing = await target.incoming()
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    await transfer.conference()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    ringing.answer()
    await hear_exactly(
        {call.customer: {"agent", "target1"}, call.agent: {"customer", "target1"}, target: {"customer", "agent"}}
    )
    result = await transfer.wait()
    await ended(call.agent)
    assert call.agent.calls[-1].ended_by == "there", "the agent has hung up"
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CONNECTED, Actor.ENGINE, ("target",))
    assert result.with_agent > timedelta(seconds=1.5)
    await target.hang_up()


async def test_a_transfer_completed_while_it_rings_rings_on_on_the_same_leg(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1")
    ringing = await target.incoming()
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    with pytest.raises(CommandRejected, match="no target has answered and is being asked to accept"):
        await transfer.accept()
    await transfer.complete()
    await ended(call.agent)
    await hear_exactly({call.customer: {"ringback"}})
    with pytest.raises(CommandRejected, match="the agent has left already"):
        await transfer.complete()
    ringing.answer()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert target.calls == [ringing], "it was called a second time"
    assert len(result.attempts) == 1
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    await target.hang_up()


async def test_the_agent_asks_for_others_while_the_customer_waits(call: TalkingCall) -> None:
    first = await call.target(Behaviour.rings(), "target1")
    await call.target(Behaviour.declines(after=0.3), "target2")
    third = await call.target(Behaviour.answers(), "target3")
    policy = Policy(when_unanswered=WhenUnanswered.WAIT)
    transfer = await call.transfer(Mode.WARM, "target1", policy=policy)
    ringing = await first.incoming()
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    since = asyncio.get_running_loop().time()
    await transfer.retarget(to_phone("target2"))
    await ringing.until("cancelled")
    # The second refuses: now the agent decides, and both wait.
    await reaches(transfer, Stage.DECIDING)
    await hear_exactly({call.customer: {"music"}, call.agent: {"music"}})
    with pytest.raises(CommandRejected, match="swap needs a target who is up or ringing"):
        await transfer.swap()
    await transfer.retarget(to_phone("target3"))
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target3"}, third: {"agent"}})
    assert call.customer.ever_heard(since) == {"music"}
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target3"}, third: {"customer"}})
    assert result.outcome is Outcome.CONNECTED
    assert [attempt.cause for attempt in result.attempts] == [Cause.RETARGETED, Cause.DECLINED, None]
    await third.hang_up()


async def test_each_party_is_held_and_brought_back(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    customer, agent = call.customer, call.agent
    transfer = await call.transfer(Mode.CONSULT, "target1")
    await reaches(transfer, Stage.CONSULTING)
    all_three: Heard = {customer: {"agent", "target1"}, agent: {"customer", "target1"}, target: {"customer", "agent"}}
    consulting: Heard = {customer: {"music"}, agent: {"target1"}, target: {"agent"}}
    swapped: Heard = {customer: {"agent"}, agent: {"customer"}, target: {"music"}}
    await hear_exactly(consulting)
    await transfer.unhold()
    await hear_exactly(all_three)
    await transfer.hold(Party.TARGET)
    await hear_exactly(swapped)
    await transfer.unhold(Party.TARGET)
    await hear_exactly(all_three)
    await transfer.hold(Party.AGENT)
    await hear_exactly({customer: {"target1"}, target: {"customer"}, agent: {"music"}})
    await transfer.unhold(Party.AGENT)
    await hear_exactly(all_three)
    await transfer.hold()
    await hear_exactly(consulting)
    await transfer.swap()
    await hear_exactly(swapped)
    await transfer.swap()
    await hear_exactly(consulting)
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})
    assert (result.outcome, result.customer_with) == (Outcome.CONSULTED, ("agent",))
    await ended(target)


async def test_a_signal_holds_and_brings_back_as_the_command_does(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    customer, agent = call.customer, call.agent
    transfer = await call.transfer(Mode.WARM, "target1")
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({customer: {"music"}, agent: {"target1"}, target: {"agent"}})
    signalled = call.office.client.get_workflow_handle(transfer.id)
    all_three: Heard = {customer: {"agent", "target1"}, agent: {"customer", "target1"}, target: {"customer", "agent"}}
    await signalled.signal("unhold")
    await hear_exactly(all_three)
    await signalled.signal("hold", Hold(party=Party.TARGET))
    await hear_exactly({customer: {"agent"}, agent: {"customer"}, target: {"music"}})
    # As any backend sends it, in any language.
    await signalled.signal("unhold", {"party": "target"})
    await hear_exactly(all_three)
    await signalled.signal("hold")
    await hear_exactly({customer: {"music"}, agent: {"target1"}, target: {"agent"}})
    await transfer.complete()
    result = await transfer.wait()
    await hear_exactly({customer: {"target1"}, target: {"customer"}})
    assert result.outcome is Outcome.CONNECTED
    await target.hang_up()


async def test_waits_made_longer_go_on_past_their_old_end(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    policy = Policy(hold_budget=timedelta(seconds=4), consult_limit=timedelta(seconds=3))
    transfer = await call.transfer(Mode.WARM, "target1", policy=policy)
    before = {it.wait: it.at for it in (await reaches(transfer, Stage.CONSULTING)).deadlines}
    await transfer.extend(Wait.HOLD_BUDGET, timedelta(minutes=1))
    await transfer.extend(Wait.CONSULT_LIMIT, timedelta(seconds=6))
    # Never shorter, so that repeating it is harmless.
    status = await transfer.extend(Wait.CONSULT_LIMIT, timedelta(seconds=1))
    after = {it.wait: it.at for it in status.deadlines}
    assert after["consult_limit"] > before["consult_limit"]
    await passes(transfer, max(before["hold_budget"], before["consult_limit"]) + timedelta(seconds=0.5))
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    # It still ends by itself.
    result = await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.CONSULT_LIMIT)
    assert result.ended_at >= after["consult_limit"]
    await ended(target)


async def passes(transfer: RunningTransfer, moment: datetime) -> None:
    """Wait until a moment is past, and see that the consultation goes on all the time."""

    async def past() -> bool | None:
        status = await transfer.status()
        assert status.stage is Stage.CONSULTING
        return True if datetime.now(UTC) > moment else None

    await eventually(past, f"{moment}")
