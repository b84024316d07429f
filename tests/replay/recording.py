"""Histories as they are kept: one JSON file per scenario, without anything that names the machine it was made on."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Worker

from hookflash.names import LISTENER_TASK_QUEUE
from tests.support.polling import eventually
from tests.support.sandbox import proven_sandbox
from tests.workflows.calling_back import Phones, calling_back
from tests.workflows.engine import running_engine
from tests.workflows.replaying import history_of_watch
from tests.workflows.scenarios import SCENARIOS, cold_answered
from workflows.listener import Listener

HISTORIES = Path(__file__).with_name("histories")

_NEUTRAL = "recorded"

_DROPPED = frozenset({"stackTrace", "stickyAttributes", "meteringMetadata", "workerVersion", "workerInstanceKey"})
"""Where paths, host names and digests of the machine's files are, and what no replay looks at."""


def neutral(value: Any) -> Any:  # noqa: ANN401 JSON
    """Return a history without the names of machines, processes and paths."""
    if isinstance(value, list):
        return [neutral(it) for it in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, inner in cast("dict[str, Any]", value).items():
        if key == "identity":
            kept[key] = _NEUTRAL
        elif key == "taskQueue" and inner.get("kind") == "TASK_QUEUE_KIND_STICKY":
            kept[key] = {**inner, "name": _NEUTRAL}
        elif key not in _DROPPED:
            kept[key] = neutral(inner)
    return kept


def written(history: WorkflowHistory) -> str:
    """Return a history as it is kept: an event a line, so that a difference can be read."""
    events: list[Any] = neutral(json.loads(history.to_json()))["events"]
    lines = ",\n".join(json.dumps(event, sort_keys=True) for event in events)
    return f'{{"events": [\n{lines}\n]}}\n'


def read(path: Path) -> WorkflowHistory:
    """Return a recorded history. Its workflow id is the one that it was started with."""
    text = path.read_text()
    started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], text)


async def record_scenario(client: Client, name: str) -> WorkflowHistory:
    """Run one of the scenarios and return its history."""
    async with running_engine(client) as engine:
        transfer, _ = await SCENARIOS[name](engine)
    return await transfer.handle.fetch_history()


async def record_watch(client: Client) -> WorkflowHistory:
    """Return the history of the watch over a connected call that one of the two has left."""
    async with running_engine(client) as engine:
        transfer, _ = await cold_answered(engine)
        await transfer.hear(customer={"target"}, target={"customer"})

        async def watched() -> WorkflowHistory | None:
            # The call is watched once its provider has been told who watches it.
            history = await history_of_watch(transfer.handle)
            done = history is not None and any(
                it.HasField("activity_task_completed_event_attributes") for it in history.events
            )
            return history if done else None

        await eventually(watched, "the watch")
        engine.exchange.hang_up(transfer.target_leg)
        await transfer.hear()

        async def over() -> WorkflowHistory | None:
            history = await watched()
            done = history is not None and any(
                it.HasField("workflow_execution_completed_event_attributes") for it in history.events
            )
            return history if done else None

        return await eventually(over, "the end of the watch")


async def record_call_back(client: Client) -> WorkflowHistory:
    """Return the history of a call-back: nobody takes the first call, the second brings the two together."""
    phones = Phones(("busy", "answer=50ms"), ("answer=50ms",))
    async with calling_back(client, phones) as calls:
        handle = await calls.start(attempts=2)
        await handle.result()
    return await handle.fetch_history()


async def record_listener(client: Client, *, lost: bool) -> WorkflowHistory:
    """Return the history of a listener that was cancelled, or that began another turn after the connection was lost.

    Args:
        client: Of a server that no other listener uses.
        lost: Whether the activity ends for good, instead of being cancelled.
    """
    heard = asyncio.Event()

    @activity.defn(name="listen")
    async def listen(provider: str) -> None:
        heard.set()
        while not lost:
            activity.heartbeat()
            await asyncio.sleep(0.1)

    queue = f"listener-{uuid.uuid4().hex[:8]}"
    async with (
        Worker(client, task_queue=queue, workflows=[Listener], workflow_runner=proven_sandbox()),
        Worker(client, task_queue=LISTENER_TASK_QUEUE, activities=[listen]),
    ):
        handle = await client.start_workflow(Listener.run, "simulator", id=queue, task_queue=queue)
        await heard.wait()
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        if not lost:
            await handle.cancel()

        async def over() -> WorkflowHistory | None:
            history = await first.fetch_history()
            last = history.events[-1]
            ended = last.HasField("workflow_execution_canceled_event_attributes")
            moved_on = last.HasField("workflow_execution_continued_as_new_event_attributes")
            return history if ended or moved_on else None

        history = await eventually(over, "the end of the listener's run")
        if lost:
            await handle.terminate()
        return history


RECORDINGS: dict[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    **{name: (lambda client, name=name: record_scenario(client, name)) for name in SCENARIOS},
    "connected_call": record_watch,
    "call_back": record_call_back,
    "listener_cancelled": lambda client: record_listener(client, lost=False),
    "listener_next_turn": lambda client: record_listener(client, lost=True),
}
"""How each file of the corpus is made, by its name."""
