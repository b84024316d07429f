"""Check of the listeners: is every provider node listened to, and does its worker live."""

from collections.abc import AsyncIterator
from typing import Any, cast

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from hookflash import _ui, names
from hookflash._cli_render import printable
from hookflash._findings import Finding, failure, ok, warning
from hookflash._operators.server import RPC_TIMEOUT

NO_LISTENER = "start a worker that has this node in its settings: python -m workers --role listener (or all)"


async def listeners(client: Client) -> AsyncIterator[Finding]:
    """Check that the provider nodes are listened to: those with a listener, and those with transfers.

    Raises:
        RPCError: The server does not say.
    """
    found = {
        it.id
        async for it in client.list_workflows(
            f"WorkflowType = '{names.LISTENER_TYPE}'"
            " AND ExecutionStatus IN ('Running', 'Terminated', 'Failed', 'TimedOut')",
            rpc_timeout=RPC_TIMEOUT,
        )
    }
    # The attribute may be unknown to this namespace, so it cannot be asked for.
    providers = [
        it.typed_search_attributes.get(names.TRANSFER_PROVIDER)
        async for it in client.list_workflows(
            f"WorkflowType = '{names.WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'", rpc_timeout=RPC_TIMEOUT
        )
    ]
    busy = {names.listener_id(it) for it in providers if it is not None}
    # One that was ended and started again is found twice; asking for the latest run settles it.
    for id in sorted(found | busy):
        provider = id.removeprefix(names.listener_id(""))
        page = _ui.workflow(id) if id in found else None
        last = await client.get_workflow_handle(id).describe(rpc_timeout=RPC_TIMEOUT) if id in found else None
        if last is not None and last.status is WorkflowExecutionStatus.RUNNING:
            async for finding in _running(client, provider, last):
                yield finding
        elif id in busy:
            yield failure("listeners", f"{provider}: transfers run there, and nobody listens", NO_LISTENER, page)
        else:
            remedy = f"{NO_LISTENER}; or nothing, if the node is not in use any more"
            yield warning("listeners", f"{provider}: the workflow {id} was ended, nobody listens", remedy, page)
    if not found | busy:
        page = _ui.workflows(f"WorkflowType = '{names.LISTENER_TYPE}'")
        yield failure("listeners", "there is none: no transfer hears of anything", NO_LISTENER, page)


async def _running(client: Client, provider: str, listener: WorkflowExecutionDescription) -> AsyncIterator[Finding]:
    pending = listener.raw_description.pending_activities
    page = _ui.workflow(listener.id, listener.run_id)
    if not pending:
        remedy = "look at the workflow and at the log of the workers"
        yield failure("listeners", f"{provider}: nobody has begun to listen ({listener.id})", remedy, page)
    for activity in pending:
        yield await _judged(client, provider, activity, page)


async def _judged(client: Client, provider: str, activity: PendingActivityInfo, page: str) -> Finding:
    log = "look at the log of the workers that have this node"
    # One whose heartbeat is late is not in this state any more: Temporal has given it up.
    started = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    if not started:
        last = f": {printable(activity.last_failure.message)}" if activity.HasField("last_failure") else ""
        return failure("listeners", f"{provider}: nobody listens, attempt {activity.attempt}{last}", log, page)
    worker = printable(activity.last_worker_identity)
    since = (await _details(client, activity)).get("since")
    if not activity.HasField("last_heartbeat_time") or since is None:
        return warning("listeners", f"{provider}: {worker} is connecting", f"if this lasts, {log}", page)
    return ok("listeners", f"{provider}: {worker} listens since {since}", page)


async def _details(client: Client, activity: PendingActivityInfo) -> dict[str, Any]:
    try:
        (details,) = await client.data_converter.decode(list(activity.heartbeat_details.payloads))
    except Exception:
        return {"since": "a time that cannot be read"}
    return cast("dict[str, Any]", details) if isinstance(details, dict) else {}
