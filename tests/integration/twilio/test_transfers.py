"""Whole transfers over Twilio: a real Temporal server, worker and ingress as processes, and an emulated account."""

from datetime import timedelta

import pytest

from hookflash import AcceptGate, Cause, Mode, Outcome, Stage
from tests.integration.switchboard import reaches
from tests.integration.twilio.office import Call, Office, to
from tests.providers.world import ANNOUNCEMENT, MUSIC, RINGBACK, Manner, Party
from tests.workers.process import WorkerProcess


async def test_a_warm_transfer_from_hold_to_complete(call: Call) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.WARM, to(target))
    await call.hear({call.customer: {MUSIC}, call.agent: {RINGBACK}})
    await call.rung(target)
    await call.answer(target)
    await reaches(transfer, Stage.CONSULTING)
    await call.hear({call.customer: {MUSIC}, call.agent: {"target"}, target: {"agent"}})
    await transfer.swap()
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}, target: {MUSIC}})
    await transfer.conference()
    await call.hear({call.customer: {"agent", "target"}, call.agent: {"customer", "target"}})
    await transfer.complete()
    result = await transfer.wait()
    assert result.outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
    assert await call.rings(target) == 1
    # The watch that goes on after the transfer releases who is left.
    await call.hang_up(call.customer)
    await call.hear({target: set()})


async def test_a_cold_transfer_to_who_answers(call: Call) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.COLD, to(target))
    await call.hear({call.customer: {RINGBACK}, call.agent: {MUSIC}})
    await call.answer(target)
    result = await transfer.wait()
    assert result.outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})


async def test_a_call_that_was_transferred_is_transferred_again(call: Call) -> None:
    first, second = await call.target(), await call.target(name="second")
    transfer = await call.transfer(Mode.COLD, to(first))
    await call.rung(first)
    await call.answer(first)
    (attempt,) = (await transfer.wait()).attempts
    await call.hear({call.customer: {"target"}, first: {"customer"}, call.agent: set()})
    call.agent = Party(first.name, attempt.leg, first.address)
    again = await call.transfer(Mode.WARM, to(second))
    await call.hear({call.customer: {MUSIC}, first: {RINGBACK}})
    await call.rung(second)
    await call.answer(second)
    await reaches(again, Stage.CONSULTING)
    await call.hear({call.customer: {MUSIC}, first: {"second"}, second: {"target"}})
    await again.complete()
    assert (await again.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"second"}, second: {"customer"}, first: set()})


@pytest.mark.parametrize(("manner", "cause"), [(Manner.BUSY, Cause.BUSY), (Manner.RING, Cause.NO_ANSWER)])
async def test_a_cold_transfer_that_fails_gives_the_customer_back(call: Call, manner: Manner, cause: Cause) -> None:
    target = await call.target(manner)
    transfer = await call.transfer(Mode.COLD, to(target, seconds=3))
    result = await transfer.wait()
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, cause)
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}})


async def test_a_target_that_is_asked_presses_a_key(call: Call) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.COLD, to(target, gate=AcceptGate(timeout=timedelta(seconds=30))))
    await call.hear({call.customer: {RINGBACK}, call.agent: {MUSIC}})
    await call.rung(target)
    await call.answer(target)
    await reaches(transfer, Stage.SCREENING)
    await call.hear({target: {ANNOUNCEMENT}, call.customer: {MUSIC}})  # nothing rings any more
    await call.press(target, "1")
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})


@pytest.mark.parametrize("fault", ["callbacks_lost", "callbacks_doubled", "callbacks_reordered"])
async def test_an_answer_is_found_whatever_becomes_of_the_webhooks(call: Call, office: Office, fault: str) -> None:
    target = await call.target()
    setattr(office.emulator.faults, fault, True)
    try:
        transfer = await call.transfer(Mode.COLD, to(target))
        await call.rung(target)
        await call.answer(target)
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
    finally:
        setattr(office.emulator.faults, fault, False)


async def test_an_answer_while_every_worker_is_dead_is_no_loss(
    call: Call, office: Office, worker: WorkerProcess
) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.COLD, to(target))
    await call.rung(target)
    await worker.kill()
    await call.answer(target)
    await call.hear({call.customer: {"target"}, target: {"customer"}})
    await office.listening_worker()
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
    assert await call.rings(target) == 1
    await call.hang_up(target)
    await call.hear({call.customer: set()})
