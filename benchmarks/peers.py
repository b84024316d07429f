"""What the engine's speed is compared with, by a worker process of its own (``python -m benchmarks.peers``).

`Floor` is a bare workflow: the round trips of a transfer, and nothing else. No decision, no journal, no search
attribute, no timer; plain strings.

It runs without the SDK's sandbox, as the engine's workers do (docs/decisions/0023-workers-without-the-sandbox.md): with
it, as by default, it would take twice the CPU, and the engine would look the better for it.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import GrpcCompression, RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "benchmarks-peers"
RINGS_AFTER = 0.01
"""Seconds from the dialling to the ringing; the same is in `simulated.TARGET`."""
LIMIT = timedelta(seconds=3)


@dataclass
class Request:
    """One request to the provider."""

    what: str
    call: str
    answer_after: float = 0.0
    """For a dialling: seconds until the target answers. 0: it rings on."""


class Provider:
    """Does nothing, and has a target's phone report as the simulator's does: by a signal through Temporal."""

    def __init__(self, client: Client) -> None:
        """Take how signals are sent."""
        self._client = client
        self._tasks: set[asyncio.Task[None]] = set()

    @activity.defn
    async def request(self, asked: Request) -> str:
        """Take a request."""
        if asked.what == "dial target":
            info = activity.info()
            task = asyncio.create_task(self._ring(info.workflow_id or "", asked.answer_after))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif asked.what == "release agent":
            await self._signal(activity.info().workflow_id or "", "ended")
        return "done"

    async def _ring(self, workflow_id: str, answer_after: float) -> None:
        await asyncio.sleep(RINGS_AFTER)
        await self._signal(workflow_id, "ringing")
        if answer_after:
            await asyncio.sleep(answer_after)
            await self._signal(workflow_id, "answered")

    async def _signal(self, workflow_id: str, kind: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id).signal("event", kind)
        except RPCError:
            return  # it is over


class _Heard:
    """Handlers of all of them."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.commands: list[str] = []

    @workflow.signal
    def event(self, kind: str) -> None:
        """Hear what happened."""
        self.events.append(kind)

    @workflow.update
    async def command(self, name: str) -> str:
        """Take a command."""
        self.commands.append(name)
        return name

    async def request(self, what: str, answer_after: float = 0.0) -> None:
        """Do one activity."""
        asked = Request(what, workflow.info().workflow_id, answer_after)
        await workflow.execute_activity(Provider.request, asked, start_to_close_timeout=LIMIT)  # pyright: ignore[reportUnknownMemberType, reportArgumentType, reportCallIssue]

    async def answered(self) -> None:
        """Wait for the target."""
        await workflow.wait_condition(lambda: "answered" in self.events)


@workflow.defn
class Floor(_Heard):
    """The round trips of a transfer: may we, dial, (ringing, answered), let the agent go, somebody watches."""

    @workflow.run
    async def run(self, answer_after: float) -> str:
        """Do them. Without an answer (0) there is an activity for each command, until `cancel`."""
        await self.request("admit")
        await self.request("dial target", answer_after)
        if answer_after:
            await self.answered()
            await self.request("release agent")
            await workflow.start_child_workflow(
                FloorWatch.run,
                id=f"watch:{workflow.info().workflow_id}",
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
            return "connected"
        while "cancel" not in self.commands:
            await workflow.wait_condition(lambda: bool(self.commands))
            if "cancel" not in self.commands:
                await self.request(self.commands.pop(0))
        await self.request("back")
        return "cancelled"


@workflow.defn
class FloorWatch(_Heard):
    """The round trips of the watch over a connected call."""

    @workflow.run
    async def run(self) -> None:
        """Look, wait for the first to leave, release the other."""
        await self.request("look")
        await workflow.wait_condition(lambda: "ended" in self.events, timeout=timedelta(hours=1))
        await self.request("release")


async def _serve() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], grpc_compression=GrpcCompression.NONE)
    provider = Provider(client)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Floor, FloorWatch],
        activities=[provider.request],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        sys.stdout.write("peers ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
