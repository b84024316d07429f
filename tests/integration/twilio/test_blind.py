"""Blind transfers over Twilio: the agent is gone while it rings, so whatever happens the customer is somebody's."""

from datetime import timedelta

import pytest

from hookflash import AcceptGate, Actor, Cause, HandOff, HangUp, Mode, Outcome, Policy, Recall, Stage
from tests.integration.switchboard import reaches
from tests.integration.twilio.office import Call, Office, to
from tests.providers.twilio_emulator import Fault
from tests.providers.world import ANNOUNCEMENT, MUSIC, PLACE, RINGBACK, Manner
from tests.workers.process import WorkerProcess

VOICEMAIL = HandOff(kind="voicemail", place="claims")
CALLED_BACK = Policy(fallbacks=(Recall(attempts=1), VOICEMAIL))


async def test_the_agent_is_free_at_once_and_the_customer_hears_it_ring(call: Call) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.BLIND, to(target))
    await call.hear({call.customer: {RINGBACK}, call.agent: set()})
    await call.rung(target)
    await call.answer(target)
    result = await transfer.wait()
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CONNECTED, Actor.TARGET, ("target",))
    await call.hear({call.customer: {"target"}, target: {"customer"}})
    assert await call.rings(target) == 1
    # The watch that goes on after the transfer releases who is left.
    await call.hang_up(target)
    await call.hear({call.customer: set()})


@pytest.mark.parametrize(("manner", "cause"), [(Manner.BUSY, Cause.BUSY), (Manner.RING, Cause.NO_ANSWER)])
async def test_the_agent_is_called_back_for_whom_nobody_took(call: Call, manner: Manner, cause: Cause) -> None:
    target, desk = await call.target(manner), await call.desk()
    transfer = await call.transfer(Mode.BLIND, to(target, seconds=5), policy=CALLED_BACK, desk=desk)
    await call.rung(desk)
    await call.hear({call.customer: {RINGBACK}, call.agent: set(), target: set()})
    await call.answer(desk)
    result = await transfer.wait()
    assert (result.outcome, result.customer_with) == (Outcome.RECALLED_AGENT, ("agent",))
    assert result.attempts[0].cause is cause
    await call.hear({call.customer: {"agent"}, desk: {"customer"}})
    await call.hang_up(desk)
    await call.hear({call.customer: set()})


async def test_who_is_not_called_back_either_goes_to_voicemail(call: Call) -> None:
    target, desk = await call.target(Manner.BUSY), await call.desk(Manner.BUSY)
    transfer = await call.transfer(Mode.BLIND, to(target), policy=CALLED_BACK, desk=desk)
    result = await transfer.wait()
    assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_VOICEMAIL, ("voicemail",))
    await call.hear({call.customer: {PLACE}, call.agent: set()})
    assert (call.calls_to(target), call.calls_to(desk)) == (1, 1)


async def test_an_apology_is_heard_before_the_line_is_released(call: Call) -> None:
    target = await call.target(Manner.BUSY)
    policy = Policy(fallbacks=(HangUp(apology="sorry"),))
    transfer = await call.transfer(Mode.BLIND, to(target), policy=policy)
    await call.hear({call.customer: {ANNOUNCEMENT}})
    result = await transfer.wait()
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.FAILED, Cause.BUSY, ())
    await call.hear({call.customer: set(), call.agent: set()})


async def test_the_next_one_is_rung_when_the_first_is_engaged(call: Call) -> None:
    first, second = await call.target(Manner.BUSY), await call.target(name="second")
    transfer = await call.transfer(Mode.BLIND, to(first), to(second))
    await call.rung(second)
    await call.hear({call.customer: {RINGBACK}, call.agent: set()})
    await call.answer(second)
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"second"}, second: {"customer"}})


@pytest.mark.parametrize("key", ["1", "2"])
async def test_who_is_asked_takes_the_customer_or_does_not(call: Call, key: str) -> None:
    target, desk = await call.target(), await call.desk()
    gate = AcceptGate(timeout=timedelta(seconds=30))
    transfer = await call.transfer(Mode.BLIND, to(target, gate=gate), policy=CALLED_BACK, desk=desk)
    await call.rung(target)
    await call.hear({call.customer: {RINGBACK}, call.agent: set()})
    await call.answer(target)
    await reaches(transfer, Stage.SCREENING)
    await call.hear({target: {ANNOUNCEMENT}, call.customer: {MUSIC}})
    await call.press(target, key)
    if key == "2":
        await call.rung(desk)
        await call.hear({target: set(), call.customer: {RINGBACK}})
        await call.answer(desk)
    taken = (Outcome.CONNECTED, target) if key == "1" else (Outcome.RECALLED_AGENT, desk)
    assert (await transfer.wait()).outcome is taken[0]
    await call.hear({call.customer: {taken[1].name}, taken[1]: {"customer"}})


async def test_a_customer_who_leaves_stops_the_ringing(call: Call) -> None:
    target, desk = await call.target(), await call.desk()
    transfer = await call.transfer(Mode.BLIND, to(target), policy=CALLED_BACK, desk=desk)
    await call.rung(target)
    await call.hang_up(call.customer)
    result = await transfer.wait()
    assert (result.outcome, result.cause) == (Outcome.CUSTOMER_LEFT, Cause.HUNG_UP)
    await call.over()
    assert await call.rings(desk) == 0


async def test_a_cancel_calls_the_agent_back(call: Call) -> None:
    target, desk = await call.target(), await call.desk()
    transfer = await call.transfer(Mode.BLIND, to(target), desk=desk)
    await call.rung(target)
    await call.hear({call.customer: {RINGBACK}, call.agent: set()})
    await transfer.cancel()
    await call.rung(desk)
    await call.hear({call.customer: {RINGBACK}, target: set()})
    await call.answer(desk)
    assert (await transfer.wait()).outcome is Outcome.RECALLED_AGENT
    await call.hear({call.customer: {"agent"}, desk: {"customer"}})


async def test_nobody_answers_while_every_worker_is_dead(call: Call, office: Office, worker: WorkerProcess) -> None:
    target, desk = await call.target(), await call.desk()
    transfer = await call.transfer(Mode.BLIND, to(target, seconds=5), policy=CALLED_BACK, desk=desk)
    await call.rung(target)
    await call.hear({call.customer: {RINGBACK}, call.agent: set()})
    await worker.kill()
    await call.hang_up(target)
    await office.listening_worker()
    await call.rung(desk)
    await call.hear({call.customer: {RINGBACK}})
    await call.answer(desk)
    assert (await transfer.wait()).outcome is Outcome.RECALLED_AGENT
    await call.hear({call.customer: {"agent"}, desk: {"customer"}})
    assert (await call.rings(target), await call.rings(desk)) == (1, 1)
    await call.hang_up(call.customer)
    await call.over()


@pytest.mark.parametrize("fault", ["callbacks_lost", "callbacks_doubled", "callbacks_reordered"])
async def test_the_agent_is_called_back_once_whatever_becomes_of_the_webhooks(
    call: Call, office: Office, fault: str
) -> None:
    target, desk = await call.target(), await call.desk()
    setattr(office.emulator.faults, fault, True)
    try:
        transfer = await call.transfer(Mode.BLIND, to(target), policy=CALLED_BACK, desk=desk)
        await call.rung(target)
        await call.hang_up(target)
        await call.rung(desk)
        await call.answer(desk)
        assert (await transfer.wait()).outcome is Outcome.RECALLED_AGENT
        await call.hear({call.customer: {"agent"}, desk: {"customer"}})
        assert (call.calls_to(target), call.calls_to(desk)) == (1, 1)
    finally:
        setattr(office.emulator.faults, fault, False)


async def test_a_dialling_whose_answer_was_lost_rings_once(call: Call, office: Office) -> None:
    target = await call.target()
    office.emulator.faults.dials = [Fault.ANSWER_LOST]
    transfer = await call.transfer(Mode.BLIND, to(target))
    await call.rung(target)
    await call.hear({call.customer: {RINGBACK}, call.agent: set()})
    await call.answer(target)
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}})
    assert call.calls_to(target) == 1


async def test_a_dialling_that_never_arrived_leaves_the_customer_to_the_agent(call: Call, office: Office) -> None:
    target, desk = await call.target(), await call.desk()
    office.emulator.faults.dials = [Fault.CUT]
    transfer = await call.transfer(Mode.BLIND, to(target, seconds=300), policy=CALLED_BACK, desk=desk)
    # Long before the time to ring is over: nobody else is with the customer, and nothing rings.
    await call.rung(desk, within=60)
    await call.answer(desk)
    result = await transfer.wait()
    assert (result.outcome, result.attempts[0].cause) == (Outcome.RECALLED_AGENT, Cause.UNREACHABLE)
    await call.hear({call.customer: {"agent"}, desk: {"customer"}})
    assert call.calls_to(target) == 0
