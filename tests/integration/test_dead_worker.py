"""A worker is killed while it asks Asterisk: another one goes on soon, and nobody waits for the dead one again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType, TimeoutType
from temporalio.api.history.v1 import ActivityTaskStartedEventAttributes
from temporalio.client import WorkflowHandle, WorkflowHistory

from hookflash import Mode, RunningTransfer, Stage
from tests.integration.switchboard import Office, heard, reaches, worker_variables
from tests.rig.behaviour import Behaviour
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

PATIENCE = 20.0

Workers = Mapping[int, WorkerProcess]
"""By process id."""


@pytest.fixture
async def engines(office: Office, tmp_path: Path) -> AsyncIterator[Workers]:
    async with AsyncExitStack() as stack:

        async def start(name: str, role: str) -> WorkerProcess:
            there = {**worker_variables(office.node), **temporal_at(office.client)}
            worker = await stack.enter_async_context(worker_process(tmp_path / f"{name}.log", "--role", role, **there))
            await worker.ready()
            return worker

        await start("listener", "listener")
        workers = [await start(f"engine-{number}", "engine") for number in (1, 2)]
        yield {worker.pid: worker for worker in workers}


async def test_an_arrangement_of_a_worker_that_was_killed_is_made_by_another(office: Office, engines: Workers) -> None:
    call = await office.call()
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1", ring_timeout=120)
    await (await target.incoming(PATIENCE)).until("ringing", PATIENCE)
    await heard(call.customer, "music", within=PATIENCE)
    await reaches(transfer, Stage.RINGING)
    handle = office.client.get_workflow_handle(transfer.id, run_id=transfer.run_id)
    await _settled(transfer, handle)  # else the one that is killed might be at what came before

    os.kill(office.node.pid, signal.SIGSTOP)
    try:
        unholding = asyncio.create_task(transfer.unhold())
        killed = await eventually(lambda: _arranging(handle), "an arrangement", PATIENCE)
        engines[killed].send(signal.SIGKILL)
        await engines[killed].end()
    finally:
        os.kill(office.node.pid, signal.SIGCONT)
    await unholding
    await heard(call.customer, "agent", within=PATIENCE)
    await _settled(transfer, handle)

    history = await handle.fetch_history()
    (repeated,) = [it for it in _starts(history) if it.attempt > 1]
    assert repeated.last_failure.timeout_failure_info.timeout_type == TimeoutType.TIMEOUT_TYPE_HEARTBEAT
    assert int(repeated.identity.split("@")[1]) != killed
    late = [it for it in history.events if it.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT]
    assert late == [], "what came of it was told to the dead worker first"
    await call.hang_up()
    await asyncio.wait_for(transfer.wait(), PATIENCE)


async def _arranging(handle: WorkflowHandle[object, object]) -> int | None:
    """Return the process that makes an arrangement."""
    pending = (await handle.describe()).raw_description.pending_activities
    return next((int(it.last_worker_identity.split("@")[1]) for it in pending if it.last_worker_identity), None)


async def _settled(transfer: RunningTransfer, handle: WorkflowHandle[object, object]) -> None:
    async def nothing_to_do() -> bool | None:
        described = (await handle.describe()).raw_description
        return not (described.pending_activities or described.HasField("pending_workflow_task")) or None

    await eventually(nothing_to_do, f"an end of all work for {transfer.id}", PATIENCE)


def _starts(history: WorkflowHistory) -> list[ActivityTaskStartedEventAttributes]:
    return [
        event.activity_task_started_event_attributes
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    ]
