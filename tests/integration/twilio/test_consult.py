"""Consultations over Twilio: the target advises, and the customer stays the agent's, whoever leaves when."""

from datetime import timedelta

import pytest

from hookflash import Cause, HandOff, Mode, Outcome, Policy, Recall, RunningTransfer, Stage
from tests.integration.switchboard import reaches
from tests.integration.twilio.office import Call, Office, to
from tests.providers.world import ANNOUNCEMENT, MUSIC, PLACE, RINGBACK, Manner, Party
from tests.workers.process import WorkerProcess


async def consulting(
    call: Call, policy: Policy | None = None, desk: Party | None = None
) -> tuple[RunningTransfer, Party]:
    """Have the agent talk with the target in private."""
    target = await call.target()
    transfer = await call.transfer(Mode.CONSULT, to(target), policy=policy, desk=desk)
    await call.hear({call.customer: {MUSIC}, call.agent: {RINGBACK}})
    await call.rung(target)
    await call.answer(target)
    await reaches(transfer, Stage.CONSULTING)
    await call.hear({call.customer: {MUSIC}, call.agent: {"target"}, target: {"agent"}})
    return transfer, target


async def with_the_agent(call: Call) -> None:
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}})


@pytest.mark.parametrize("end", ["hang_up", "complete"])
async def test_who_has_advised_leaves(call: Call, end: str) -> None:
    transfer, target = await consulting(call)
    await (call.hang_up(target) if end == "hang_up" else transfer.complete())
    result = await transfer.wait()
    assert (result.outcome, result.customer_with) == (Outcome.CONSULTED, ("agent",))
    await with_the_agent(call)
    await call.hear({target: set()})
    assert await call.rings(target) == 1


async def test_three_talk_and_the_customer_stays_the_agents(call: Call) -> None:
    transfer, target = await consulting(call)
    await transfer.swap()
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}, target: {MUSIC}})
    await transfer.conference()
    await call.hear({call.customer: {"agent", "target"}, call.agent: {"customer", "target"}})
    await transfer.complete()
    assert (await transfer.wait()).outcome is Outcome.CONSULTED
    await with_the_agent(call)
    await call.hear({target: set()})


@pytest.mark.parametrize(("manner", "cause"), [(Manner.BUSY, Cause.BUSY), (Manner.RING, Cause.NO_ANSWER)])
async def test_without_advice_the_customer_is_back(call: Call, manner: Manner, cause: Cause) -> None:
    target = await call.target(manner)
    transfer = await call.transfer(Mode.CONSULT, to(target, seconds=5))
    result = await transfer.wait()
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, cause)
    await with_the_agent(call)


async def test_an_agent_who_asks_no_longer_has_the_customer_back(call: Call) -> None:
    transfer, target = await consulting(call)
    await transfer.cancel()
    assert (await transfer.wait()).outcome is Outcome.CANCELLED
    await with_the_agent(call)
    await call.hear({target: set()})


async def test_a_talk_has_its_limit(call: Call) -> None:
    transfer, target = await consulting(call, Policy(consult_limit=timedelta(seconds=4)))
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}, target: {ANNOUNCEMENT}})
    result = await transfer.wait()
    assert (result.outcome, result.cause) == (Outcome.CONSULTED, Cause.CONSULT_LIMIT)
    await with_the_agent(call)


async def test_without_the_agent_the_customer_does_not_become_the_targets(call: Call) -> None:
    desk = await call.desk(Manner.BUSY)
    policy = Policy(fallbacks=(Recall(attempts=1), HandOff(kind="voicemail", place="claims")))
    transfer, target = await consulting(call, policy, desk)
    await call.hang_up(call.agent)
    result = await transfer.wait()
    assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_VOICEMAIL, ("voicemail",))
    await call.hear({call.customer: {PLACE}})
    assert call.calls_to(desk) == 1
    # A notice says why, and nobody is left waiting.
    await call.hear({target: set()})


async def test_an_agent_who_leaves_while_it_rings_is_called_back(call: Call) -> None:
    target, desk = await call.target(), await call.desk()
    policy = Policy(fallbacks=(Recall(attempts=1), HandOff(kind="voicemail", place="claims")))
    transfer = await call.transfer(Mode.CONSULT, to(target), policy=policy, desk=desk)
    await call.rung(target)
    await call.hear({call.customer: {MUSIC}, call.agent: {RINGBACK}})
    await call.hang_up(call.agent)
    await call.rung(desk)
    await call.hear({call.customer: {RINGBACK}, target: set()})
    await call.answer(desk)
    assert (await transfer.wait()).outcome is Outcome.RECALLED_AGENT
    await call.hear({call.customer: {"agent"}, desk: {"customer"}})
    assert call.calls_to(target) == 1


async def test_a_customer_who_leaves_lets_the_others_talk(call: Call) -> None:
    transfer, target = await consulting(call)
    await call.hang_up(call.customer)
    await call.hear({call.agent: {"target"}, target: {"agent"}})
    result = await transfer.wait()
    assert (result.outcome, result.cause) == (Outcome.CUSTOMER_LEFT, Cause.HUNG_UP)
    await call.hear({call.agent: {"target"}, target: {"agent"}})
    await call.hang_up(call.agent)
    await call.hear({target: set()})


async def test_who_advised_leaves_while_every_worker_is_dead(call: Call, office: Office, worker: WorkerProcess) -> None:
    transfer, target = await consulting(call)
    await worker.kill()
    await call.hang_up(target)
    await office.listening_worker()
    assert (await transfer.wait()).outcome is Outcome.CONSULTED
    await with_the_agent(call)
