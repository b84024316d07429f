"""A workflow that waits as a test tells it, and what became of its timers."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer, Worker

from hookflash.converter import data_converter
from tests.support.polling import eventually
from tests.support.sandbox import proven_sandbox
from tests.workflows.engine import at_work
from tests.workflows.timing_probe import Keeper, Order, Seen
from workers.engine import STICKY_TIMEOUT

STARTED = EventType.EVENT_TYPE_TIMER_STARTED
FIRED = EventType.EVENT_TYPE_TIMER_FIRED
CANCELED = EventType.EVENT_TYPE_TIMER_CANCELED


@dataclass
class Keeping:
    """A workflow that waits as it is told."""

    client: Client
    handle: WorkflowHandle[Any, Seen]
    queue: str
    ordered: int = field(default=0)

    async def order(self, order: Order, *, done: bool = True) -> None:
        """Give an order, and wait until it has been carried out, if there is anybody to do it."""
        await self.handle.signal("order", order)
        self.ordered += 1
        if done:
            await self.seen()  # a query is answered after what came before it

    async def keep(self, **waits: float) -> None:
        await self.order(Order(keep={_plain(name): seconds for name, seconds in waits.items()}))

    async def seen(self) -> Seen:
        return await self.handle.query("seen", result_type=Seen)

    async def running(self) -> list[str]:
        return [it.text for it in (await self.seen()).running]

    async def fired(self, *waits: str) -> Seen:
        """Wait until these are over, in this order, and no others."""

        async def over() -> Seen | None:
            seen = await self.seen()
            return seen if len(seen.fired) >= len(waits) else None

        seen = await eventually(over, f"the end of {waits}")
        assert seen.fired == list(waits)
        return seen

    async def events(self) -> list[HistoryEvent]:
        return list((await self.handle.fetch_history()).events)

    async def happened(self) -> list[str]:
        """Return what became of timers, in order: ``start TEXT``, ``fire TEXT``, ``cancel TEXT``."""
        names: dict[str, str] = {}
        told: list[str] = []
        for event in await self.events():
            if event.event_type == STARTED:
                timer = event.timer_started_event_attributes.timer_id
                (names[timer],) = await self.client.data_converter.decode([event.user_metadata.summary], [str])
                told.append(f"start {names[timer]}")
            elif event.event_type == FIRED:
                told.append(f"fire {names[event.timer_fired_event_attributes.timer_id]}")
            elif event.event_type == CANCELED:
                told.append(f"cancel {names[event.timer_canceled_event_attributes.timer_id]}")
        return told

    async def until(self, count: int, kind: "EventType.ValueType") -> None:
        """Wait until there are so many events of a kind."""

        async def so_many() -> bool | None:
            return [it.event_type for it in await self.events()].count(kind) >= count or None

        await eventually(so_many, f"{count} events {EventType.Name(kind)}")

    def worker(self) -> Worker:
        return Worker(
            self.client,
            task_queue=self.queue,
            workflows=[Keeper],
            workflow_runner=proven_sandbox(),
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        )


def _plain(name: str) -> str:
    return "ring 2" if name == "ring_2" else name


@asynccontextmanager
async def begun_keeper(client: Client) -> AsyncGenerator[Keeping]:
    """A workflow that nobody works on yet. It is ended and replayed afterwards."""
    queue = f"timers-{uuid.uuid4().hex[:8]}"
    handle = await client.start_workflow(Keeper.run, id=queue, task_queue=queue, task_timeout=timedelta(seconds=5))
    keeping = Keeping(client, handle, queue)
    yield keeping
    await handle.signal("order", Order(stop=True, lapse=True))
    async with at_work(keeping.worker()):
        await handle.result()
    replayer = Replayer(workflows=[Keeper], data_converter=data_converter, workflow_runner=proven_sandbox())
    await replayer.replay_workflow(await handle.fetch_history())
