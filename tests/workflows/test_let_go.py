"""What a customer hears whom nobody could take: an apology, or the promise of a call, which is kept."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from hookflash import (
    CallBack,
    Cause,
    HangUp,
    Outcome,
    Recall,
)
from hookflash.names import call_back_id
from tests.workflows.engine import Engine, Running
from tests.workflows.people import (
    gone,
    hear,
    stranded,
    tried,
)
from tests.workflows.scenarios import LONG, SHORT
from tests.workflows.soundness import ends_soundly
from workflows.call_back import CallBackInput, CallBackResult

pytestmark = pytest.mark.timeout(60)


async def test_a_customer_who_is_let_go_hears_an_apology_first(engine: Engine) -> None:
    transfer = await stranded(engine, HangUp(apology="sorry"))
    await hear(transfer, customer="announcement")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.FAILED, Cause.BUSY, ())
    assert tried(result.fallbacks) == ["HANG_UP"]
    await gone(transfer, "customer")


@pytest.mark.parametrize("apology", [None, "missing"])
async def test_without_an_apology_the_customer_is_let_go_at_once(engine: Engine, apology: str | None) -> None:
    transfer = await stranded(engine, HangUp(apology=apology))
    result = await ends_soundly(transfer)
    await gone(transfer, "customer")
    assert (result.outcome, result.customer_with) == (Outcome.FAILED, ())
    calls = [it for it in engine.exchange.timeline if it.call == transfer.request.customer.leg]
    assert not [it for it in calls if it.hears.get("customer") == ("announcement",)]


async def test_a_customer_who_does_not_listen_to_the_apology_is_over_just_as_well(engine: Engine) -> None:
    transfer = await stranded(engine, HangUp(apology="sorry"))
    await hear(transfer, customer="announcement")
    engine.exchange.hang_up(transfer.request.customer.leg)
    await gone(transfer, "customer")
    assert (await ends_soundly(transfer)).outcome is Outcome.FAILED


async def test_a_customer_who_is_called_back_hears_so_and_really_is(engine: Engine) -> None:
    promise = CallBack(after=timedelta(0), caller="sim:dora?answer=50ms")
    transfer = await stranded(engine, Recall(), promise, recalled="busy")
    await hear(transfer, customer="announcement")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.CALLBACK_SCHEDULED, Cause.BUSY, ())
    assert tried(result.fallbacks) == ["recall", "CALL_BACK"]
    await gone(transfer, "customer")
    kept = await asyncio.wait_for(call_back_of(transfer).result(), 15)
    assert kept.outcome == "connected"


async def test_a_call_back_waits_as_long_as_the_policy_says_and_knows_who_calls_whom(engine: Engine) -> None:
    transfer = await stranded(engine, CallBack(after=LONG, attempts=2, pause=SHORT))
    await hear(transfer, customer="announcement")
    engine.exchange.hang_up(transfer.request.customer.leg)  # who does not listen is called back just as well
    assert (await ends_soundly(transfer)).outcome is Outcome.CALLBACK_SCHEDULED
    promise = call_back_of(transfer)
    history = await promise.fetch_history()
    (given,) = await engine.client.data_converter.decode(
        history.events[0].workflow_execution_started_event_attributes.input.payloads, [CallBackInput]
    )
    assert given == CallBackInput(
        provider="simulator",
        tenant="bold",
        caller="sim:anna?ring",
        customer="sim:carol?answer=100ms",
        after=LONG,
        attempts=2,
        pause=SHORT,
        caller_name="agent",
    )
    assert len(transfer.target_legs) == 1, "only Bob was rung so far"
    await promise.cancel()
    assert (await asyncio.wait_for(promise.result(), 15)).outcome == "cancelled"


def call_back_of(transfer: Running) -> WorkflowHandle[Any, CallBackResult]:
    """Return the call-back that a transfer has promised."""
    assert transfer.handle.first_execution_run_id
    name = call_back_id(transfer.handle.id, transfer.handle.first_execution_run_id)
    return transfer.engine.client.get_workflow_handle(name, result_type=CallBackResult)
