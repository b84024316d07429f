"""Check of the nodes that engines leave to workers of their own: do these workers ask for work."""

from collections.abc import AsyncIterator

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client

from hookflash import _ui, names
from hookflash._findings import Finding, failure, ok
from hookflash._operators.server import RPC_TIMEOUT, described

_REMEDY = "start a worker that has this node in its settings: python -m workers --role provider"


async def providers(client: Client) -> AsyncIterator[Finding]:
    """Check the queue of every node that has one. Says nothing of nodes that the engines reach themselves.

    Raises:
        RPCError: The server does not say.
    """
    query = f"WorkflowType = '{names.LISTENER_TYPE}' AND ExecutionStatus = 'Running'"
    listened_to = [it.id async for it in client.list_workflows(query, rpc_timeout=RPC_TIMEOUT)]
    for provider in sorted(it.removeprefix(names.listener_id("")) for it in listened_to):
        queue = names.provider_task_queue(provider)
        told = await described(client, queue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
        if workers := len({it.identity for it in told.pollers}):
            asks = "worker asks" if workers == 1 else "workers ask"
            yield ok("providers", f"{provider}: {workers} {asks} for work ({queue})", _ui.task_queue(queue))
        elif await _is_in_use(client, provider, queue):
            yield failure("providers", f"{provider}: nobody asks for work ({queue})", _REMEDY, _ui.task_queue(queue))


async def _is_in_use(client: Client, provider: str, queue: str) -> bool:
    """Return whether the last transfer of a node has asked for something there: no worker tells us its settings."""
    beginning = names.transfer_id(provider, "").replace("'", "''")
    query = f"WorkflowType = '{names.WORKFLOW_TYPE}' AND WorkflowId STARTS_WITH '{beginning}'"
    async for last in client.list_workflows(query, limit=1, rpc_timeout=RPC_TIMEOUT):
        history = client.get_workflow_handle(last.id, run_id=last.run_id).fetch_history_events(rpc_timeout=RPC_TIMEOUT)
        async for event in history:
            if event.activity_task_scheduled_event_attributes.task_queue.name == queue:
                return True
    return False
