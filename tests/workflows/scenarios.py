"""Transfers from beginning to end, by name: what the recorded histories tell, and what other tests interfere with."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from hookflash import AcceptGate, Cause, Mode, Outcome, Policy, Retarget, Stage, Target, TransferRequest, TransferResult
from tests.workflows.engine import Engine, Running
from tests.workflows.soundness import ends_soundly

Scenario = Callable[[Engine], Awaitable[tuple[Running, TransferResult]]]

SHORT = timedelta(milliseconds=400)

_AT_ONCE, _SOON, _NEVER = "sim:bob?answer=50ms", "sim:bob?answer=300ms", "sim:bob?ring"


def asked(mode: Mode, *targets: str | Target, **options: Any) -> Callable[[Engine], TransferRequest]:  # noqa: ANN401
    """Return what places a call and asks for its transfer, once there is an engine; see ``Engine.request``."""

    def place(engine: Engine) -> TransferRequest:
        return engine.request(mode, *targets, **options)

    return place


def gated(script: str, timeout: timedelta = timedelta(seconds=5)) -> Target:
    """Return a target that is asked to accept."""
    return Target(address=f"sim:bob?{script}", name="Claims desk", accept=AcceptGate(timeout=timeout))


async def _told(transfer: Running, outcome: Outcome, cause: Cause | None = None) -> tuple[Running, TransferResult]:
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (outcome, cause)
    return transfer, result


async def warm_completed(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.WARM, _SOON)
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do("conference")
    await transfer.reaches(Stage.THREE_WAY)
    await transfer.do("complete")
    return await _told(transfer, Outcome.CONNECTED)


async def cold_answered(engine: Engine) -> tuple[Running, TransferResult]:
    return await _told(await engine.transfer(Mode.COLD, _SOON), Outcome.CONNECTED)


async def cold_no_answer(engine: Engine) -> tuple[Running, TransferResult]:
    target = Target(address=_NEVER, name="Claims desk", ring_timeout=SHORT)
    return await _told(await engine.transfer(Mode.COLD, target), Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER)


async def busy_then_next(engine: Engine) -> tuple[Running, TransferResult]:
    return await _told(await engine.transfer(Mode.COLD, "sim:bob?busy", "sim:dora?answer=50ms"), Outcome.CONNECTED)


async def customer_leaves_while_ringing(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.WARM, _NEVER)
    await transfer.hear(customer={"music"}, agent={"ringback"})
    engine.exchange.hang_up(transfer.request.customer.leg)
    return await _told(transfer, Outcome.CUSTOMER_LEFT, Cause.HUNG_UP)


async def agent_leaves_and_is_recalled(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.WARM, _NEVER)
    await transfer.hear(customer={"music"}, agent={"ringback"})
    engine.exchange.hang_up(transfer.request.agent.leg)
    await transfer.hear(customer={"ringback"})
    engine.exchange.hang_up(transfer.target_leg)
    return await _told(transfer, Outcome.RECALLED_AGENT, Cause.DECLINED)


async def unhold_while_ringing(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.COLD, _NEVER)
    await transfer.hear(customer={"ringback"}, agent={"music"})
    await transfer.do("unhold")
    await transfer.hear(customer={"agent"}, agent={"customer"})
    engine.exchange.answer(transfer.target_leg)
    await transfer.reaches(Stage.THREE_WAY)
    await transfer.do("complete")
    return await _told(transfer, Outcome.CONNECTED)


async def consultation(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.CONSULT, _SOON)
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do("complete")
    return await _told(transfer, Outcome.CONSULTED)


async def blind(engine: Engine) -> tuple[Running, TransferResult]:
    return await _told(await engine.transfer(Mode.BLIND, _SOON, tenant="bold"), Outcome.CONNECTED)


async def accepted(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.COLD, gated("answer=50ms&press=1&after=300ms"))
    return await _told(transfer, Outcome.CONNECTED)


async def declined(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.COLD, gated("answer=50ms&press=2&after=300ms"))
    return await _told(transfer, Outcome.RETURNED_TO_AGENT, Cause.DECLINED)


async def not_accepted_in_time(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.COLD, gated("answer=50ms", SHORT))
    return await _told(transfer, Outcome.RETURNED_TO_AGENT, Cause.ACCEPT_TIMEOUT)


async def retargeted(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.COLD, _NEVER)
    await transfer.hear(customer={"ringback"}, agent={"music"})
    await transfer.do("retarget", Retarget(target=Target(address="sim:dora?answer=50ms", name="Dora")))
    return await _told(transfer, Outcome.CONNECTED)


async def cancelled(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.WARM, _AT_ONCE)
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do("cancel")
    return await _told(transfer, Outcome.CANCELLED, Cause.AGENT_CANCELLED)


async def workflow_cancelled(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.COLD, _NEVER)
    await transfer.hear(customer={"ringback"}, agent={"music"})
    await transfer.handle.cancel()
    return await _told(transfer, Outcome.CANCELLED, Cause.OPERATOR_CANCELLED)


async def outage_that_ends(engine: Engine) -> tuple[Running, TransferResult]:
    """The provider refuses the first requests and then the one at the answer; both are only late."""
    engine.exchange.faults.unavailable(3)
    transfer = await engine.transfer(Mode.COLD, _NEVER)
    await transfer.hear(customer={"ringback"}, agent={"music"})
    engine.exchange.faults.unavailable(3)
    engine.exchange.answer(transfer.target_leg)
    return await _told(transfer, Outcome.CONNECTED)


async def rejected(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.COLD, "sim:forbidden?answer=50ms")
    return await _told(transfer, Outcome.REJECTED, Cause.DESTINATION_DENIED)


async def unheld_without_a_target(engine: Engine) -> tuple[Running, TransferResult]:
    """Warm, nobody answers, and the agent decides what happens: takes the customer back."""
    policy = Policy.model_validate({"when_unanswered": "wait"})
    transfer = await engine.transfer(Mode.WARM, "sim:bob?busy", policy=policy)
    await transfer.reaches(Stage.DECIDING)
    await transfer.do("unhold")
    return await _told(transfer, Outcome.RETURNED_TO_AGENT, Cause.BUSY)


SCENARIOS: dict[str, Scenario] = {
    it.__name__: it
    for it in (
        warm_completed,
        cold_answered,
        cold_no_answer,
        busy_then_next,
        customer_leaves_while_ringing,
        agent_leaves_and_is_recalled,
        unhold_while_ringing,
        consultation,
        blind,
        accepted,
        declined,
        not_accepted_in_time,
        retargeted,
        cancelled,
        workflow_cancelled,
        outage_that_ends,
        rejected,
        unheld_without_a_target,
    )
}
