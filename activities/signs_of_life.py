"""How a worker that died in the middle of its work is missed soon, and does not hold up what comes after it.

Temporal sees nothing of a process's death. An attempt that gives signs of life is given to another worker soon after
the last one; without them, only when its whole time is up. What then comes of the attempt is told to the workflow by
way of the worker that has it in memory, the dead one, and that would be waited for once more.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

SILENCE = timedelta(milliseconds=1400)
"""After how long without a sign of life Temporal gives an attempt to another worker: its heartbeat time-out."""

BEAT = timedelta(milliseconds=350)
"""How often an attempt gives one. Most are over before the first."""

STANDSTILL = timedelta(milliseconds=1200)
"""An attempt that could give none for so long ends itself: its process stood still, and another one may have begun. Two
that dial the same leg side by side would end its call."""

RESET_LIMIT = timedelta(milliseconds=500)

logger = logging.getLogger(__name__)


@asynccontextmanager
async def signs_of_life(limit: timedelta) -> AsyncGenerator[None]:
    """Give signs of life for the length of the block.

    Args:
        limit: How long the block may take altogether.

    Raises:
        TimeoutError: It took longer, or the process stood still meanwhile.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + limit.total_seconds()

    def next_end() -> float:
        return min(end, loop.time() + STANDSTILL.total_seconds())

    async def beat(up_to: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            activity.heartbeat()
            up_to.reschedule(next_end())

    # After a standstill the time-out is what the loop comes to first: before the beats, and before any answer.
    async with asyncio.timeout_at(next_end()) as up_to:
        beats = asyncio.create_task(beat(up_to))
        try:
            yield
        finally:
            beats.cancel()


class NewAttempts(Interceptor):
    """Has what a repeated attempt tells its workflow reach any worker, not the one that may have died with the last."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _NewAttempt(next)


class _NewAttempt(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        if activity.info().attempt == 1:
            return await super().execute_activity(input)
        reset = asyncio.create_task(_reset_sticky_task_queue())
        try:
            return await super().execute_activity(input)
        finally:
            await reset


async def _reset_sticky_task_queue() -> None:
    """If that worker is alive after all, the workflow is replayed once more than it had to be."""
    info, client = activity.info(), activity.client()
    request = ResetStickyTaskQueueRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or ""),
    )
    try:
        await client.workflow_service.reset_sticky_task_queue(request, retry=True, timeout=RESET_LIMIT)
    except RPCError as error:
        logger.debug("%s may have to wait for a worker that is dead: %s", info.workflow_id, error)
