"""What Temporal knows of an activity's attempt: whether it still waits for it, and who else could have the next."""

import logging
from datetime import timedelta

from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

logger = logging.getLogger(__name__)


async def is_awaited(client: Client, rpc_timeout: timedelta) -> bool:
    """Ask Temporal whether it waits for this attempt. If it does not say, it does.

    A process that was stopped for a while wakes up with attempts that were given to its open polls meanwhile, and given
    up since.

    Args:
        client: To ask.
        rpc_timeout: Longest wait for the answer.
    """
    info = activity.info()
    if info.workflow_id is None:
        return True  # not begun by a workflow: there is nobody else
    asking = client.get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id)
    try:
        described = await asking.describe(rpc_timeout=rpc_timeout)
    except RPCError as error:
        logger.warning(
            "whether attempt %d of %s is still awaited is not known: %s", info.attempt, info.workflow_id, error
        )
        return True
    pending = described.raw_description.pending_activities
    return any(it.activity_id == info.activity_id and it.attempt == info.attempt for it in pending)


async def may_be_followed(client: Client, rpc_timeout: timedelta) -> bool:
    """Ask Temporal whether a worker other than this one asks for such activities, or has done so minutes ago.

    Args:
        client: Of this worker, which has its identity.
        rpc_timeout: Longest wait for the answer.

    Returns:
        True also where Temporal does not say: it names no workers that have a build id.
    """
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=activity.info().task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    try:
        described = await client.workflow_service.describe_task_queue(request, retry=True, timeout=rpc_timeout)
    except RPCError as error:
        logger.warning("whether another worker is there is not known: %s", error)
        return True
    return {it.identity for it in described.pollers} != {client.identity}
