"""Replay: proof that the code of today makes the same decisions from a history as the code that wrote it."""

from collections.abc import Iterable
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from hookflash.converter import data_converter
from hookflash.names import supervision_id
from tests.support.sandbox import proven_sandbox
from workers.engine import WORKFLOWS
from workflows.guard import GuardInterceptor


def replayer() -> Replayer:
    """Return a replayer that is set up as the worker is."""
    return Replayer(
        workflows=WORKFLOWS,
        data_converter=data_converter,
        interceptors=[GuardInterceptor()],
        workflow_runner=proven_sandbox(),
    )


async def replay_all(transfers: Iterable[WorkflowHandle[Any, Any]]) -> None:
    """Replay transfers, whether they are over or not, and the watches over the calls they left behind.

    Raises:
        Exception: A workflow would decide differently now, or its code fails.
    """
    once = replayer()
    for handle in transfers:
        await once.replay_workflow(await handle.fetch_history())
        watch = await history_of_watch(handle)
        if watch is not None:
            await once.replay_workflow(watch)


async def history_of_watch(handle: WorkflowHandle[Any, Any]) -> WorkflowHistory | None:
    """Return what the watch over a transferred call has done so far, None if nobody is left to be watched."""
    client: Client = handle._client  # pyright: ignore[reportPrivateUsage] a handle does not offer it
    run = handle.first_execution_run_id
    if run is None:
        return None
    try:
        return await client.get_workflow_handle(supervision_id(handle.id, run)).fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
