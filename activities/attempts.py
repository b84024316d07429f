"""Whether an activity's attempt is still the one that Temporal waits for."""

import logging
from datetime import timedelta

from temporalio import activity
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
