"""Check of the listeners: is every provider node listened to, and does its worker live."""

from collections.abc import AsyncIterator
from typing import Any, cast

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionStatus

from hookflash import names
from hookflash._cli_render import printable
from hookflash._operators.findings import Finding, failure, ok, warning
from hookflash._operators.server import RPC_TIMEOUT

NO_LISTENER = "start a worker that has this node in its settings: python -m workers --role listener (or all)"


async def listeners(client: Client) -> AsyncIterator[Finding]:
    """Check that the provider nodes are listened to: those with a listener, and those with transfers.

    Raises:
        RPCError: The server does not say.
    """
    found = {
        it.id: it.status
        async for it in client.list_workflows(
            f"WorkflowType = '{names.LISTENER_TYPE}'"
            " AND ExecutionStatus IN ('Running', 'Terminated', 'Failed', 'TimedOut')",
            rpc_timeout=RPC_TIMEOUT,
        )
    }
    # One that was ended and started again is found twice; asking for the latest run settles it.
    prefix = names.listener_id("")
    for id in sorted(found):
        async for finding in _listener(client, id, id.removeprefix(prefix)):
            yield finding
    if not found:
        yield failure("listeners", "there is none: no transfer hears of anything", NO_LISTENER)
    busy = {
        cast("str", it.typed_search_attributes.get(names.TRANSFER_PROVIDER))
        async for it in client.list_workflows(
            f"WorkflowType = '{names.WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"
            f" AND {names.TRANSFER_PROVIDER.name} IS NOT NULL",
            rpc_timeout=RPC_TIMEOUT,
        )
    }
    for provider in sorted(busy):
        if names.listener_id(provider) not in found:
            yield failure("listeners", f"{provider}: transfers run there, and nobody listens", NO_LISTENER)


async def _listener(client: Client, id: str, provider: str) -> AsyncIterator[Finding]:
    described = await client.get_workflow_handle(id).describe(rpc_timeout=RPC_TIMEOUT)
    if described.status is not WorkflowExecutionStatus.RUNNING:
        status = (described.status or WorkflowExecutionStatus.TERMINATED).name.lower()
        remedy = f"{NO_LISTENER}; or none, if the node is not in use any more"
        yield warning("listeners", f"{provider}: nobody listens, the workflow {id} is {status}", remedy)
        return
    pending = described.raw_description.pending_activities
    if not pending:
        remedy = "look at the workflow and at the log of the workers"
        yield failure("listeners", f"{provider}: nobody has begun to listen ({id})", remedy)
    for activity in pending:
        yield await _judged(client, provider, activity)


async def _judged(client: Client, provider: str, activity: PendingActivityInfo) -> Finding:
    log = "look at the log of the workers that have this node"
    # One whose heartbeat is three seconds late is not in this state any more: Temporal has given it up.
    started = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    if not started:
        last = f": {printable(activity.last_failure.message)}" if activity.HasField("last_failure") else ""
        return failure("listeners", f"{provider}: nobody listens, attempt {activity.attempt}{last}", log)
    worker = printable(activity.last_worker_identity)
    since = (await _details(client, activity)).get("since")
    if not activity.HasField("last_heartbeat_time") or since is None:
        return warning("listeners", f"{provider}: {worker} is connecting", f"if this lasts, {log}")
    return ok("listeners", f"{provider}: {worker} listens since {since}")


async def _details(client: Client, activity: PendingActivityInfo) -> dict[str, Any]:
    try:
        (details,) = await client.data_converter.decode(list(activity.heartbeat_details.payloads))
    except Exception:
        return {"since": "a time that cannot be read"}
    return cast("dict[str, Any]", details) if isinstance(details, dict) else {}
