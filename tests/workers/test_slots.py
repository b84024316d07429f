"""How many activities a worker takes."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from tests.support.polling import eventually
from workers.sandbox import Sandbox, workflow_runner
from workers.slots import ACTIVITIES_WHEN_BUSY, slots

pytestmark = [pytest.mark.calm, pytest.mark.timeout(60)]

ASKED = 60
LOOKED_AT = 3.0
"""Seconds. Idle, a worker takes all of them in less."""


LITTLE = 0.05
"""Seconds for which a busy CPU is idle in one."""


def idle_time() -> float:
    """Return the seconds for which the CPUs of this machine have been idle, all together (proc(5), `/proc/stat`)."""
    first, *times = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    assert first == "cpu"
    return int(times[3]) / os.sysconf("SC_CLK_TCK")


@workflow.defn
class ManyAtOnce:
    """Has many activities done at the same time."""

    @workflow.run
    async def run(self) -> int:
        """Return how many were done."""
        limit = timedelta(seconds=50)
        done = [workflow.execute_activity("wait", result_type=int, start_to_close_timeout=limit) for _ in range(ASKED)]
        return sum(await asyncio.gather(*done))


@pytest.fixture
async def busy() -> AsyncIterator[None]:
    """A machine of whose CPU nothing is left."""
    counts = (sys.executable, "-c", "while True: pass")
    loops = [await asyncio.create_subprocess_exec(*counts) for _ in range(os.cpu_count() or 1)]
    try:
        before = idle_time()

        async def nothing_is_left() -> bool | None:
            nonlocal before
            before, earlier = idle_time(), before
            return before - earlier < LITTLE or None

        await eventually(nothing_is_left, "a machine that is busy for a second", every=1)
        yield
    finally:
        for loop in loops:
            loop.kill()
            await loop.wait()


@pytest.mark.usefixtures("busy")
async def test_a_busy_worker_takes_a_few_and_the_rest_waits_at_the_server(client: Client) -> None:
    under_way, let_go = 0, asyncio.Event()

    @activity.defn
    async def wait() -> int:
        nonlocal under_way
        under_way += 1
        await let_go.wait()
        return 1

    worker = Worker(
        client,
        task_queue=f"slots-{uuid4()}",
        workflows=[ManyAtOnce],
        activities=[wait],
        workflow_runner=workflow_runner(Sandbox.NONE),
        tuner=slots(most_activities=200),
    )
    async with worker:
        many = await client.start_workflow(ManyAtOnce.run, id=worker.task_queue, task_queue=worker.task_queue)

        async def taken() -> bool | None:
            return under_way >= ACTIVITIES_WHEN_BUSY or None

        await eventually(taken, "what is taken in any case")
        await asyncio.sleep(LOOKED_AT)
        assert under_way < ASKED / 2 + ACTIVITIES_WHEN_BUSY / 2
        let_go.set()
        assert await many.result() == ASKED
