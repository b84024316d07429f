"""Transfers from beginning to end, by name: what the recorded histories tell, and what other tests interfere with."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from hookflash import (
    Accept,
    AcceptGate,
    AnotherTarget,
    CallBack,
    Cause,
    Extend,
    FeatureCodes,
    HandOff,
    HangUp,
    Mode,
    Outcome,
    Policy,
    Recall,
    Retarget,
    Stage,
    Target,
    TransferRequest,
    TransferResult,
)
from hookflash.commands import Wait
from hookflash.policy import ConsultWarning, Reminder
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running
from tests.workflows.soundness import ends_soundly

Scenario = Callable[[Engine], Awaitable[tuple[Running, TransferResult]]]

SHORT = timedelta(milliseconds=400)
"""A wait that a test waits for."""

LONG = timedelta(minutes=10)
"""A wait that ends in no test."""

_AT_ONCE, _SOON, _NEVER = "sim:bob?answer=50ms", "sim:bob?answer=300ms", "sim:bob?ring"


def asked(mode: Mode, *targets: str | Target, **options: Any) -> Callable[[Engine], TransferRequest]:  # noqa: ANN401
    """Return what places a call and asks for its transfer, once there is an engine; see ``Engine.request``."""

    def place(engine: Engine) -> TransferRequest:
        return engine.request(mode, *targets, **options)

    return place


def gated(script: str, timeout: timedelta = timedelta(seconds=5)) -> Target:
    """Return a target that is asked to accept."""
    return Target(address=f"sim:bob?{script}", name="Claims desk", accept=AcceptGate(timeout=timeout))


def together(*addresses: str) -> tuple[Target, ...]:
    """Return targets that ring at the same time."""
    names = (it.removeprefix("sim:").partition("?")[0].capitalize() for it in addresses)
    pairs = zip(addresses, names, strict=True)
    return tuple(Target(address=it, name=name, with_previous=it != addresses[0]) for it, name in pairs)


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


async def several_ring(engine: Engine) -> tuple[Running, TransferResult]:
    """Three phones ring at once: one is busy, one takes the call, and the last one stops."""
    group = together("sim:bob?busy", "sim:dora?answer=300ms", "sim:erik?ring")
    return await _told(await engine.transfer(Mode.COLD, *group), Outcome.CONNECTED)


async def several_are_asked(engine: Engine) -> tuple[Running, TransferResult]:
    """Two have answered and are asked; one of them is let in by a command that names its leg."""
    gate = {"accept": AcceptGate(timeout=LONG)}
    group = together("sim:bob?answer=50ms", "sim:dora?answer=300ms")
    transfer = await engine.transfer(Mode.WARM, *(it.model_copy(update=gate) for it in group))

    async def asked_leg() -> str | None:
        status = await transfer.status()
        both = sum(it.wait == "accept" for it in status.deadlines) == 2
        return next(leg.leg for leg in status.legs if leg.name == "Dora") if both else None

    leg = await eventually(asked_leg, "two who are asked")
    await transfer.do("accept", Accept(leg=leg))
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do("complete")
    return await _told(transfer, Outcome.CONNECTED)


async def recalled_at_the_second_attempt(engine: Engine) -> tuple[Running, TransferResult]:
    policy = Policy(fallbacks=(Recall(attempts=2, pause=SHORT), HandOff(kind="queue", place="claims")))
    transfer = await engine.transfer(Mode.BLIND, "sim:bob?busy", policy=policy, recalled="ring", tenant="bold")
    await transfer.reaches(Stage.RECALLING)
    await transfer.hear(customer={"ringback"})
    engine.exchange.hang_up(transfer.target_leg)
    await transfer.hear(customer={"music"})
    await transfer.hear(customer={"ringback"})
    engine.exchange.answer(transfer.target_leg)
    return await _told(transfer, Outcome.RECALLED_AGENT, Cause.BUSY)


async def taken_by_a_fallback_target(engine: Engine) -> tuple[Running, TransferResult]:
    supervisor = AnotherTarget(target=Target(address="sim:sue?answer=300ms", name="Supervisor"))
    policy = Policy(fallbacks=(supervisor, HandOff(kind="queue", place="claims")))
    return await _told(
        await engine.transfer(Mode.BLIND, "sim:bob?busy", policy=policy, tenant="bold"), Outcome.CONNECTED
    )


async def let_go_with_an_apology(engine: Engine) -> tuple[Running, TransferResult]:
    policy = Policy(fallbacks=(HangUp(apology="sorry"),))
    return await _told(
        await engine.transfer(Mode.BLIND, "sim:bob?busy", policy=policy, tenant="bold"), Outcome.FAILED, Cause.BUSY
    )


async def promised_a_call_back(engine: Engine) -> tuple[Running, TransferResult]:
    transfer = await engine.transfer(Mode.BLIND, "sim:bob?busy", policy=Policy(fallbacks=(CallBack(),)), tenant="bold")
    return await _told(transfer, Outcome.CALLBACK_SCHEDULED, Cause.BUSY)


async def long_wait(engine: Engine) -> tuple[Running, TransferResult]:
    """The customer is told that it takes a moment and reminded once, and the wait is extended."""
    reminder = Reminder(announcement="still-here", every=timedelta(seconds=5))
    policy = Policy(hold_reminder=reminder, hold_announcement="one-moment", hold_budget=LONG)
    transfer = await engine.transfer(Mode.WARM, _NEVER, policy=policy)
    await transfer.hear(customer={"announcement"}, agent={"ringback"})
    await transfer.do("extend", Extend(wait=Wait.HOLD_BUDGET, remaining=2 * LONG))
    await transfer.hear(customer={"music"}, agent={"ringback"})
    await transfer.hear(customer={"announcement"}, agent={"ringback"})
    await transfer.do("cancel")
    return await _told(transfer, Outcome.CANCELLED, Cause.AGENT_CANCELLED)


async def warned_and_lingering(engine: Engine) -> tuple[Running, TransferResult]:
    """The agent is warned that the consultation is about to end, brings all together, and leaves by itself."""
    warning = ConsultWarning(announcement="beep", before=LONG - SHORT)
    policy = Policy(consult_limit=LONG, consult_warning=warning, linger=SHORT)
    transfer = await engine.transfer(Mode.WARM, _AT_ONCE, policy=policy)
    await transfer.hear(customer={"music"}, agent={"announcement"}, target={"agent"})
    await transfer.do("conference")
    return await _told(transfer, Outcome.CONNECTED)


async def told_by_keys(engine: Engine) -> tuple[Running, TransferResult]:
    """The agent gives every command by the keys of the phone; some keys mean nothing, and one code makes no sense."""
    codes = FeatureCodes(
        cancel="*1",
        complete="*2",
        conference="*3",
        swap="*4",
        hold="*5",
        unhold="*6",
        inter_digit_timeout=timedelta(seconds=10),
    )
    transfer = await engine.transfer(Mode.WARM, _AT_ONCE, policy=Policy(feature_codes=codes))
    consulting: dict[str, set[str]] = {"customer": {"music"}, "agent": {"target"}, "target": {"agent"}}
    swapped = {"customer": {"agent"}, "agent": {"customer"}, "target": {"music"}}
    all_three = {"customer": {"agent", "target"}, "agent": {"customer", "target"}, "target": {"customer", "agent"}}
    completed = {"customer": {"target"}, "target": {"customer"}}
    await transfer.reaches(Stage.CONSULTING)
    steps = (("*4", swapped), ("7*4", consulting), ("*6", all_three), ("*4", all_three), ("**5", consulting))
    for keys, heard in (*steps, ("*3", all_three), ("*2", completed)):
        for key in keys:
            engine.exchange.press(transfer.request.agent.leg, key)
        await transfer.hear(**heard)
    return await _told(transfer, Outcome.CONNECTED)


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
        several_ring,
        several_are_asked,
        recalled_at_the_second_attempt,
        taken_by_a_fallback_target,
        let_go_with_an_apology,
        promised_a_call_back,
        long_wait,
        warned_and_lingering,
        told_by_keys,
    )
}
