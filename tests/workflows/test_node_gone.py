"""A provider's node that never comes back: everybody who waits for it gives up, in the end and truthfully."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.telephony.errors import ProtocolError
from activities.telephony.model import Arrangement, Observation
from activities.telephony.simulator import SimulatedExchange
from hookflash import Cause, Mode, Outcome, Policy, Stage
from hookflash.names import supervision_id
from tests.support.polling import eventually
from tests.workflows.calling_back import Phones, calling_back
from tests.workflows.engine import Running, running_engine
from tests.workflows.replaying import replayer
from workflows.arranger import TOTAL_LIMIT
from workflows.connected_call import ConnectedCallResult

pytestmark = pytest.mark.timeout(180)

TRIES = 60
REAL_TIME = 60.0


class Vanishing(SimulatedExchange):
    """An exchange that is taken away. It says so at once: while an activity is tried again no time can be skipped."""

    gone = False

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        if self.gone:
            raise ProtocolError("this worker has no such provider")
        return await super().arrange(wanted)


class VanishingPhones(Vanishing, Phones):
    """The same for call-backs."""


async def test_a_transfer_whose_node_never_comes_back_fails_after_its_wait_and_sixty_tries(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try lasts ten seconds as users have it. That is all that is shortened here: real time cannot be skipped."""
    monkeypatch.setattr("workflows.arranger.TOTAL_LIMIT", timedelta(milliseconds=50))
    async with running_engine(skipping.client, runner=UnsandboxedWorkflowRunner()) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.transfer(Mode.WARM, "sim:bob?ring", policy=Policy(hold_budget=timedelta(minutes=2)))
            await transfer.reaches(Stage.RINGING)
            await transfer.hear(customer={"music"}, agent={"ringback"})
            engine.exchange.faults.outage = True
        await asyncio.wait_for(skipping.fast_forward(transfer.handle), REAL_TIME)
        result = await transfer.result()
        assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.PROVIDER_ERROR)
        assert result.customer_with == ("hold",), "they were never brought back to the agent"
        events = (await transfer.handle.fetch_history()).events
        assert failed_tries(events) == TRIES
        assert timedelta(minutes=14) < TRIES * TOTAL_LIMIT + waited(events) < timedelta(minutes=16)


def failed_tries(events: Sequence[HistoryEvent]) -> int:
    failed = (
        "activity_task_failed_event_attributes",
        "activity_task_timed_out_event_attributes",
        "activity_task_canceled_event_attributes",
    )
    return sum(any(event.HasField(kind) for kind in failed) for event in events)


def waited(events: Sequence[HistoryEvent]) -> timedelta:
    """Return the sum of the pauses before another try."""
    pauses = timedelta()
    for event in events:
        if event.HasField("timer_started_event_attributes") and b"Try the provider" in event.user_metadata.summary.data:
            pauses += event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    return pauses


async def test_the_watch_over_a_call_whose_node_never_comes_back_ends_after_a_day(
    skipping: WorkflowEnvironment,
) -> None:
    """Nobody reports anything any more, so the watch looks by itself."""
    exchange = Vanishing()
    async with running_engine(skipping.client, exchange) as engine:
        watch, _ = await watched(skipping, await engine.transfer(Mode.COLD, "sim:bob?answer=0ms"))
        began_at = (await watch.describe()).start_time
        exchange.gone = True
        await asyncio.wait_for(skipping.fast_forward(watch), REAL_TIME)
        result = await watch.result()
        assert (result.left, result.customer_sent_to, result.cause) == ("", "", Cause.PROVIDER_ERROR)
        assert "the provider is out of reach since" in result.evidence.text
        ended_at = (await watch.describe()).close_time
        assert ended_at is not None
        assert timedelta(days=1) < ended_at - began_at < timedelta(days=1, hours=2)
        history = await watch.fetch_history()
        assert len(history.events) < 1000
        await replayer().replay_workflow(history)


async def watched(
    skipping: WorkflowEnvironment, transfer: Running
) -> tuple[WorkflowHandle[Any, ConnectedCallResult], str]:
    """Wait until a call is connected and watched over; return the watch, and the leg of the target."""
    with skipping.with_time_skipping_disabled():
        assert (await transfer.result()).outcome is Outcome.CONNECTED
        assert transfer.handle.first_execution_run_id

        async def is_watched() -> bool | None:
            owners = {leg.owner for leg in transfer.live().values()}
            return True if owners and all(it.startswith("connected:") for it in owners) else None

        await eventually(is_watched, "the watch")
    name = supervision_id(transfer.handle.id, transfer.handle.first_execution_run_id)
    handle = transfer.engine.client.get_workflow_handle(name, result_type=ConnectedCallResult)
    return handle, transfer.target_leg


async def test_a_call_back_whose_node_never_comes_back_is_given_up_after_a_day(skipping: WorkflowEnvironment) -> None:
    phones = VanishingPhones()
    async with calling_back(skipping.client, phones, replays=0) as calls:
        phones.gone = True
        with skipping.with_time_skipping_disabled():
            handle = await calls.start()
        await asyncio.wait_for(skipping.fast_forward(handle), REAL_TIME)
        result = await handle.result()
        (attempt,) = result.attempts
        assert (result.outcome, attempt.failed, attempt.cause) == ("not_reached", None, Cause.PROVIDER_ERROR)
        assert "the provider is out of reach since" in attempt.evidence.text
