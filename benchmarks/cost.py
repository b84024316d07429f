"""What a transfer costs at Temporal: events, billable actions, bytes; and what a minute on hold costs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from benchmarks.asterisk import Exchange, exchange, listens
from benchmarks.options import Options
from benchmarks.reference import call_of_reference, consulting, reference, transfer_one_by_one
from benchmarks.rows import Asked, Row
from benchmarks.simulated import TENANTS, TENANTS_FILE, Bench, bench
from hookflash import Context, Mode
from tests.integration.switchboard import TalkingCall, ended
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone

TITLE = "What a transfer costs"
ABOUT = """\
Counted in the histories of whole transfers of real calls on a real Asterisk, as far as to the result. Each command is
given when the phones hear whom they should, and in the end they are listened to again. The reference
(`benchmarks/one_by_one.py`) is a workflow that transfers the same calls between the same phones, written straight away
with one activity for each request to Asterisk, in the fewest requests that we know of: eight for a warm transfer,
seven cold, five blind, eight for a consultation. It has a timer for each wait, the same stages as search attributes,
the question to the policy, commands that answer with a short status, and a watch over the connected call; what it
leaves out stands at its head. Actions are what Temporal Cloud bills: start, signal, update, timer, upsert, activity
(each attempt); two for a child workflow. The watch is a workflow of its own for both, whose history is not counted.
The minute on hold is the engine's, on the simulator."""
ANSWER = 0.3
"""Seconds until the target answers."""
RING_TIMEOUT = 30
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

Costs = tuple[float, float, float]
"""Events, actions and bytes of a workflow."""


class Running(Protocol):
    """A transfer, whoever makes it."""

    async def conference(self) -> object:
        """Let all three talk."""
        ...

    async def complete(self) -> object:
        """Leave the customer to the target; in `consult`, return to the customer."""
        ...

    async def wait(self) -> object:
        """Wait until it is over."""
        ...


async def run(options: Options) -> list[Row]:
    """Measure."""
    async with bench() as simulated, exchange() as on, _engine(on), reference(on):
        holding = asyncio.create_task(_minute_on_hold(simulated, MINUTE * options.share))
        rows = [row for mode in Mode for row in await _of_mode(on, mode, options.samples or 5)]
        return [*rows, *await holding]


@asynccontextmanager
async def _engine(on: Exchange) -> AsyncGenerator[None]:
    tenants = on.folder / TENANTS_FILE
    tenants.write_text(TENANTS, encoding="utf-8")
    async with on.worker("worker", HOOKFLASH_TENANTS_FILE=str(tenants)) as worker:
        await listens(worker)
        yield


async def _of_mode(on: Exchange, mode: Mode, samples: int) -> list[Row]:
    against = "an activity for each request"
    names = {"events": "", "actions": "", "bytes": "B"}
    rows = {it: Row(f"{mode.value}: {it}", unit, [], against, [], HALF) for it, unit in names.items()}
    for _ in range(samples):
        ours, theirs = await _ours(on, mode), await _one_by_one(on, mode)
        for row, own, other in zip(rows.values(), ours, theirs, strict=True):
            row.samples.append(own)
            row.reference.append(other)
    return list(rows.values())


async def _ours(on: Exchange, mode: Mode) -> Costs:
    call = await on.office.call()
    target = await call.target(Behaviour.answers(after=ANSWER))
    # Without a context: the reference tells the target nothing either.
    transfer = await call.transfer(mode, "target1", ring_timeout=RING_TIMEOUT, context=Context())
    handle = on.office.client.get_workflow_handle(transfer.id, run_id=transfer.run_id)
    return await _costs_of(on, mode, call, target, transfer, handle)


async def _one_by_one(on: Exchange, mode: Mode) -> Costs:
    call = await call_of_reference(on)
    target = await call.target(Behaviour.answers(after=ANSWER))
    transfer = await transfer_one_by_one(call, mode, RING_TIMEOUT)
    return await _costs_of(on, mode, call, target, transfer, transfer.handle)


async def _costs_of(
    on: Exchange, mode: Mode, call: TalkingCall, target: Phone, transfer: Running, handle: WorkflowHandle[Any, Any]
) -> Costs:
    """Go through a transfer, hear what everybody hears, and return what it has cost."""
    customer, agent = call.customer, call.agent
    if mode in (Mode.WARM, Mode.CONSULT):
        await consulting(handle)
        await hear_exactly({customer: {"music"}, agent: {"target1"}, target: {"agent"}})
        if mode is Mode.WARM:
            await transfer.conference()
            everybody = (customer, agent, target)
            await hear_exactly({it: {other.name for other in everybody if other is not it} for it in everybody})
        await transfer.complete()
    await transfer.wait()
    if mode is Mode.CONSULT:
        await hear_exactly({customer: {"agent"}, agent: {"customer"}})
        await ended(target)
    else:
        await hear_exactly({customer: {"target1"}, target: {"customer"}})
        await ended(agent)
    await on.office.calls.remove(call.room)
    await on.clear()
    return await _costs(handle)


async def _costs(handle: WorkflowHandle[Any, Any]) -> Costs:
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
