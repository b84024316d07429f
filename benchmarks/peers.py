"""What the engine is compared with, run by a worker process of its own (``python -m benchmarks.peers``).

`Floor` is a bare workflow: the round trips of a transfer, and nothing else. No decision, no journal, no search
attribute, no timer; plain strings. `OneByOne` is how one writes a transfer without the idea of an arrangement: an
activity for each request to the provider, in the order of the requests. Stages, timers and audience are the engine's.

Both run in the SDK's sandbox, as whatever one writes does by default. The engine's workers do not, which is one of the
things that is measured (docs/decisions/0023-workers-without-the-sandbox.md).
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError
from temporalio.worker import Worker

QUEUE = "benchmarks-peers"
RINGS_AFTER = 0.01
"""Seconds from the dialling to the ringing; the same is in `simulated.TARGET`."""
LIMIT = timedelta(seconds=3)

BEGIN_WARM = (
    *("create holding bridge", "hold customer", "start music", "create room", "add agent"),
    *("create target", "add target", "dial target"),
)
BEGIN_COLD = (
    *("create holding bridge", "hold agent", "start music", "create room", "add customer"),
    *("create target", "add target", "dial target"),
)
REQUESTS: dict[str, dict[str, tuple[str, ...]]] = {
    "warm": {
        "begin": BEGIN_WARM,
        "conference": ("add customer",),
        "complete": ("hang up agent", "stop music", "delete holding bridge"),
    },
    "consult": {
        "begin": BEGIN_WARM,
        "complete": ("hang up target", "add customer", "stop music", "delete holding bridge"),
    },
    "cold": {"begin": BEGIN_COLD, "answered": ("hang up agent", "stop music", "delete holding bridge")},
    "blind": {
        "begin": (
            *("create room", "add customer", "hang up agent", "create target", "add target", "dial target"),
        ),
    },
}  # fmt: skip
"""By mode and step: the requests that Asterisk needs for it, as few as there can be."""

STAGE = SearchAttributeKey.for_keyword("TransferStage")
HELD = SearchAttributeKey.for_bool("TransferHeld")
OUTCOME = SearchAttributeKey.for_keyword("TransferOutcome")


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
        elif asked.what in ("release agent", "hang up agent"):
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
    """Handlers of both."""

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


@workflow.defn
class OneByOne(_Heard):
    """A transfer with an activity for each request to the provider."""

    @workflow.run
    async def run(self, request: dict[str, Any], answer_after: float) -> str:
        """Transfer a call, as far as to its result."""
        steps = REQUESTS[request["mode"]]
        await self.request("admit")
        limits = [asyncio.create_task(workflow.sleep(seconds)) for seconds in (600, 3600)]
        ring = asyncio.create_task(workflow.sleep(30))
        self._stage("ringing", held=True)
        await self._all(steps["begin"], answer_after)
        await self.answered()
        ring.cancel()
        if "answered" in steps:
            await self._all(steps["answered"])
        elif "complete" in steps:
            talk = asyncio.create_task(workflow.sleep(300))
            self._stage("consulting")
            for command in (it for it in ("conference", "complete") if it in steps):
                await workflow.wait_condition(lambda command=command: command in self.commands)
                talk.cancel()
                self._stage(command, held=False)
                await self._all(steps[command])
        for limit in limits:
            limit.cancel()
        self._stage("ended", outcome="connected")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return "connected"

    async def _all(self, requests: tuple[str, ...], answer_after: float = 0.0) -> None:
        for what in requests:
            await self.request(what, answer_after)

    def _stage(self, name: str, *, held: bool | None = None, outcome: str = "") -> None:
        changes = [STAGE.value_set(name)]
        more = [] if held is None else [HELD.value_set(held)]
        ending = [OUTCOME.value_set(outcome)] if outcome else []
        # The SDK leaves a type open.
        workflow.upsert_search_attributes([*changes, *more, *ending])  # pyright: ignore[reportUnknownMemberType]


async def _serve() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    provider = Provider(client)
    worker = Worker(
        client, task_queue=QUEUE, workflows=[Floor, FloorWatch, OneByOne], activities=[provider.request]
    )  # fmt: skip
    async with worker:
        sys.stdout.write("peers ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
