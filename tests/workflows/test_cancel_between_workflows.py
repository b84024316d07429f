"""A workflow cancel where a call changes hands: before the first step, in the take-over, in the hand-over."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import temporalio.workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.telephony.simulator import SimulatedExchange
from hookflash import Actor, Cause, Mode, Outcome
from hookflash.names import WATCH
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, at_work, listening, running_engine
from tests.workflows.soundness import ends_soundly


def cancel_at(monkeypatch: pytest.MonkeyPatch, name: str, transfer: Callable[[], Running]) -> list[str]:
    """Let a transfer be cancelled at the moment its code calls a function of the SDK; returns what was cancelled.

    The cancel is with the server before the step that makes the call is: it comes while the workflow awaits the answer.
    """
    loop, original, cancelled = asyncio.get_running_loop(), getattr(temporalio.workflow, name), list[str]()

    def calling(*inputs: Any, **named: Any) -> Any:  # noqa: ANN401 whatever the SDK's function takes
        if not cancelled:
            handle = transfer().handle
            cancelled.append(handle.id)
            asyncio.run_coroutine_threadsafe(handle.cancel(), loop).result(timeout=1.5)
        return original(*inputs, **named)

    monkeypatch.setattr(temporalio.workflow, name, calling)
    return cancelled


async def adopted(engine: Engine, leg: str) -> bool | None:
    """Whether a leg is watched after its transfer."""
    return True if engine.exchange.legs[leg].owner.startswith(WATCH) else None


async def test_a_cancel_before_the_first_step_touches_nothing(client: Client) -> None:
    engine = Engine(client, SimulatedExchange())
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=100ms")
    await transfer.handle.cancel()
    async with at_work(engine.worker()), listening(engine):
        result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.CANCELLED, Cause.OPERATOR_CANCELLED)
    assert (result.ended_by, result.customer_with) == (Actor.OPERATOR, ("agent",))
    assert not transfer.target_legs
    assert not engine.exchange.violations


async def test_a_cancel_in_the_hand_over_leaves_a_connected_call_watched(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_engine(client, runner=UnsandboxedWorkflowRunner()) as engine:
        cancelled = cancel_at(monkeypatch, "start_child_workflow", lambda: engine.started[-1])
        transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=100ms")
        result = await ends_soundly(transfer)
        assert cancelled == [transfer.handle.id]
        assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
        engine.exchange.hang_up(transfer.target_leg)
        await transfer.hear()


async def test_a_cancel_in_the_take_over_gives_the_customer_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_engine(client, runner=UnsandboxedWorkflowRunner()) as engine:
        first = await engine.transfer(Mode.COLD, "sim:bob?answer=100ms")
        await ends_soundly(first)
        await first.hear(customer={"target"}, target={"customer"})
        await eventually(lambda: adopted(engine, first.target_leg), "the watch over the first call")
        new_agent = first.request.agent.model_copy(update={"leg": first.target_leg})
        further = (first.request.targets[0].model_copy(update={"address": "sim:dora?ring"}),)
        cancelled = cancel_at(monkeypatch, "get_external_workflow_handle", lambda: engine.started[-1])
        second = await engine.start(first.request.model_copy(update={"agent": new_agent, "targets": further}))
        result = await second.result()
        assert cancelled == [second.handle.id]
        assert (result.outcome, result.cause) == (Outcome.CANCELLED, Cause.OPERATOR_CANCELLED)
        assert result.customer_with == ("agent",)
        assert [leg.phone for leg in engine.exchange.legs.values() if leg.ringing] == []
