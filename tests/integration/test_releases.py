"""A leg that the engine releases in a real Asterisk: its transfer is told by the answer, and by no signal."""

import pytest

from hookflash import Mode, Outcome, Stage
from tests.integration.switchboard import TalkingCall, ended, reaches, to_phone
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.support.signals import signalled_ends

pytestmark = pytest.mark.asterisk


@pytest.mark.parametrize("mode", list(Mode))
async def test_no_signal_tells_of_who_is_released(call: TalkingCall, mode: Mode) -> None:
    target = await call.target(Behaviour.answers(after=0.5))
    transfer = await call.transfer(mode, "target1")
    if mode in (Mode.WARM, Mode.CONSULT):
        await reaches(transfer, Stage.CONSULTING)
        await transfer.complete()
    result = await transfer.wait()
    left = "target1" if mode is not Mode.CONSULT else "agent"
    await hear_exactly({call.customer: {left}})
    await ended(target if mode is Mode.CONSULT else call.agent)
    assert result.outcome is (Outcome.CONSULTED if mode is Mode.CONSULT else Outcome.CONNECTED)
    handle = call.office.client.get_workflow_handle(transfer.id, run_id=transfer.run_id)
    assert await signalled_ends(handle) == []
    journal = [it.text for it in (await transfer.status()).journal]
    released = "target1" if mode is Mode.CONSULT else "agent"
    assert journal.count(f"{released}: call ended (released)") == 1
    if mode is Mode.CONSULT:
        (attempt,) = result.attempts
        assert (attempt.evidence.q850, attempt.evidence.text) == (16, "Normal Clearing")
    await call.customer.hang_up()


async def test_who_rang_beside_the_one_who_has_answered_is_told_of_by_the_answer(call: TalkingCall) -> None:
    await call.target(Behaviour.rings(), "target1")
    await call.target(Behaviour.answers(after=0.5), "target2")
    transfer = await call.transfer(Mode.COLD, "target1", to_phone("target2", together=True))
    result = await transfer.wait()
    assert result.outcome is Outcome.CONNECTED
    handle = call.office.client.get_workflow_handle(transfer.id, run_id=transfer.run_id)
    assert await signalled_ends(handle) == []
    late = result.attempts[0]
    assert (late.evidence.q850, late.evidence.text) == (26, "Answered elsewhere")
    assert late.ended_at
    await call.customer.hang_up()
