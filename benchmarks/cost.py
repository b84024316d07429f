"""What a transfer costs at Temporal: events, billable actions, bytes; and what a minute on hold costs."""

import asyncio

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from benchmarks.options import Options
from benchmarks.rows import Asked, Row
from benchmarks.simulated import Bench, bench
from hookflash import Mode, RunningTransfer
from hookflash.names import TRANSFER_STAGE
from tests.support.polling import eventually

TITLE = "What a transfer costs"
ABOUT = """\
Counted in the histories of whole transfers, as far as to the result. The reference does the same with one activity
for each request that Asterisk needs (`OneByOne` in `benchmarks/peers.py`), in sequence, with the same stages as
search attributes and the same timers. Actions are what Temporal Cloud bills: start, signal, update, timer, upsert,
activity (each attempt); two for a child workflow. The watch over the connected call is a workflow of its own."""
ANSWER = 0.05
HALF = Asked(ratio_at_most=0.5)
ONE_EACH = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_MARKER_RECORDED,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
)
MINUTE = 60.0


async def run(options: Options) -> list[Row]:
    """Measure."""
    async with bench() as on:
        holding = asyncio.create_task(_minute_on_hold(on, MINUTE * options.share))
        rows = [row for mode in Mode for row in await _of_mode(on, mode, options.samples or 5)]
        return [*rows, *await holding]


async def _of_mode(on: Bench, mode: Mode, samples: int) -> list[Row]:
    against = "an activity for each request"
    names = {"events": "", "actions": "", "bytes": "B"}
    rows = {it: Row(f"{mode.value}: {it}", unit, [], against, [], HALF) for it, unit in names.items()}
    for _ in range(samples):
        ours, theirs = on.handle(await _transfer(on, mode)), await _one_by_one(on, mode)
        for row, own, reference in zip(rows.values(), await _costs(ours), await _costs(theirs), strict=True):
            row.samples.append(own)
            row.reference.append(reference)
    return list(rows.values())


async def _transfer(on: Bench, mode: Mode) -> RunningTransfer:
    if mode in (Mode.COLD, Mode.BLIND):
        transfer = await on.transfers.start(on.request(mode, answer_after=ANSWER))
    else:
        transfer = await on.talking(mode)
        if mode is Mode.WARM:
            await transfer.conference()
        await transfer.complete()
    await transfer.wait()
    return transfer


async def _one_by_one(on: Bench, mode: Mode) -> WorkflowHandle[object, object]:
    request = on.request(mode).model_dump(mode="json", exclude_defaults=True)
    handle = await on.peer("OneByOne", request, ANSWER)
    if mode in (Mode.WARM, Mode.CONSULT):

        async def talks() -> bool | None:
            return (await handle.describe()).typed_search_attributes.get(TRANSFER_STAGE) == "consulting" or None

        await eventually(talks, "the talk of agent and target")
        for command in ("conference", "complete") if mode is Mode.WARM else ("complete",):
            await on.command(handle, command)
    await handle.result()
    return handle


async def _costs(handle: WorkflowHandle[object, object]) -> tuple[float, float, float]:
    """Return events, actions and bytes of a workflow."""
    history = await handle.fetch_history()
    described = await handle.describe()
    kinds = [event.event_type for event in history.events]
    activities = sum(
        event.activity_task_started_event_attributes.attempt
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    )
    children = kinds.count(EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)
    actions = sum(kinds.count(it) for it in ONE_EACH) + activities + 2 * children
    size = described.raw_description.workflow_execution_info.history_size_bytes
    return len(kinds), actions, size


async def _minute_on_hold(on: Bench, seconds: float) -> list[Row]:
    """Return how many events a minute brings in which a customer is on hold and nothing happens."""
    row = Row("a minute on hold: events", "", asked=Asked(p99_at_most=1))
    transfers = [await on.talking(mode) for mode in (Mode.WARM, Mode.CONSULT)]
    ringing = [await on.transfers.start(on.request(mode)) for mode in (Mode.WARM, Mode.COLD)]
    await asyncio.sleep(3)  # until everything stands
    handles = [on.handle(it) for it in (*transfers, *ringing)]
    before = [len((await it.fetch_history()).events) for it in handles]
    await asyncio.sleep(seconds)
    for handle, earlier in zip(handles, before, strict=True):
        row.samples.append((len((await handle.fetch_history()).events) - earlier) * MINUTE / seconds)
    return [row]
