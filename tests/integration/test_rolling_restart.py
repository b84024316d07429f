"""New workers take the place of the old ones while customers are transferred, one call after the other."""

import asyncio
import itertools
import re
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from hookflash import Outcome, RunningTransfer
from hookflash.names import listener_id, supervision_id
from tests.integration.line import PATIENCE, TALKERS, Desk, Kind, Line
from tests.integration.switchboard import Office, temporal_server, worker_variables
from tests.rig.ari import CallControl, Events
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process

pytestmark = [pytest.mark.asterisk, pytest.mark.calm, pytest.mark.timeout(600)]

WORKERS = 2
STANDING = 2
"""Calls whose transfers begin before the restart and end after it, a cold one and a warm one."""
PACE = 0.4
"""Seconds from the begin of one call to that of the next, as long as the restart takes."""
AT_ONCE = 5
"""Calls that come and go at the same time, at most: it is not the load that is looked at."""
IN_BETWEEN = 5
"""Calls that are handed over by the old and the new workers together, before the next old one has to go."""


class Handed(Line):
    """A call whose customer is handed over: the agent goes at once, or after a talk with the target."""

    @property
    def kind(self) -> Kind:
        """Every second one is cold."""
        return (Kind.ANSWERED, Kind.COMPLETED)[self.number % 2]


@dataclass
class Traffic:
    """Calls that are transferred, and what has become of them."""

    office: Office
    desk: Desk
    transfers: list[RunningTransfer] = field(default_factory=list[RunningTransfer])
    """All that were begun."""
    over: int = 0
    """How many customers were handed over."""

    async def begin(self, number: int) -> tuple[Handed, RunningTransfer]:
        """Connect customer and agent, and ring the target."""
        line = Handed(self.office, number, number + 1, self.desk)
        await line.connect()
        transfer = await line.transfer()
        self.transfers.append(transfer)
        return line, transfer

    async def end(self, line: Handed, transfer: RunningTransfer) -> None:
        """Let the target take over, see that customer and target hear each other and nobody else, and hang up."""
        result = await line.play_out(transfer)
        told = f"line {line.number}, {line.kind.name}: {result}"
        assert (result.outcome, result.customer_with, len(result.attempts)) == (Outcome.CONNECTED, ("target",), 1), told
        await self.office.calls.remove(line.room)
        await line.assert_sip_calls()
        await line.assert_heard()
        await line.hang_up()
        self.over += 1

    async def flow(self, stop: asyncio.Event) -> None:
        """Begin one call after the other until told to stop, and see each of them to its end."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            try:
                await self.end(*await self.begin(number))
            finally:
                places.release()

        async with asyncio.TaskGroup() as calls:
            # The standing calls keep their tones to themselves.
            for number in (it for it in itertools.count(STANDING) if it % TALKERS >= STANDING):
                await places.acquire()
                if stop.is_set():
                    return
                calls.create_task(one(number))
                await asyncio.sleep(PACE)

    async def until_over(self, more: int) -> None:
        """Wait until so many more customers were handed over."""
        wanted = self.over + more

        async def handed() -> bool | None:
            return self.over >= wanted or None

        await eventually(handed, f"{more} more calls", PATIENCE)


@pytest.fixture
async def office(
    asterisk_node: AsteriskNode, phones: PhoneRack, app_socket: Events, contact_centre: CallControl
) -> AsyncIterator[Office]:
    """An office whose workers the test starts and stops by itself, and whose calls are in an application of its own."""
    async with temporal_server() as client:
        yield Office(asterisk_node, client, phones, contact_centre)


@pytest.fixture
async def traffic(office: Office) -> Traffic:
    behaviours = {"customer": Behaviour.answers(), "agent": Behaviour.answers(), "target": Behaviour.rings()}
    phones = {
        party: await office.phones.phone("target1" if party == "target" else party, behaviour)
        for party, behaviour in behaviours.items()
    }
    return Traffic(office, Desk(phones, 2**31))


async def test_no_transfer_is_delayed_by_more_than_one_retry_while_every_worker_is_replaced(
    traffic: Traffic, tmp_path: Path
) -> None:
    """Calls go on all the time; each old worker is told to end once a new one is ready, and has to end in good order.

    Delayed by more than one retry is a transfer of which any step had to be done a third time: an activity (all that
    is asked of Asterisk) that needed a third attempt, or a second of its workflow tasks (all that the engine decides)
    that failed or ran out of time, as when it was given to a worker that had gone. The same is asked of the watch over
    the call that is left; and of the listener, without which a transfer would hear late of what happens: of each
    worker that goes, another takes it over at the first try. Nobody of the parties notices: every customer is with
    the target, they hear each other and nobody else, and no command of the agents was refused.
    """
    office = traffic.office
    variables = {**worker_variables(office.node), **temporal_at(office.client)}
    async with AsyncExitStack() as stack:

        async def start(name: str) -> WorkerProcess:
            worker = await stack.enter_async_context(worker_process(tmp_path / f"{name}.log", **variables))
            await worker.ready()
            return worker

        old = [await start(f"old-{number}") for number in range(WORKERS)]
        listener = office.client.get_workflow_handle(listener_id(office.provider))
        await eventually(lambda: listened_to(old), "a worker that listens", PATIENCE)
        standing = [await traffic.begin(number) for number in range(STANDING)]

        stop = asyncio.Event()
        new: list[WorkerProcess] = []
        async with asyncio.TaskGroup() as calls:
            calls.create_task(traffic.flow(stop))
            for number, worker in enumerate(old):
                await traffic.until_over(IN_BETWEEN)
                new.append(await start(f"new-{number}"))
                worker.send(signal.SIGTERM)
                assert await worker.end() == 0, worker.log
            await traffic.until_over(IN_BETWEEN)
            stop.set()
        await asyncio.gather(*(traffic.end(*it) for it in standing))
        await office.node.drained(PATIENCE)

        assert len(traffic.transfers) >= STANDING + (WORKERS + 1) * IN_BETWEEN
        for transfer in traffic.transfers:
            assert transfer.run_id
            watch = supervision_id(transfer.id, transfer.run_id)
            await office.client.get_workflow_handle(watch).result()
            for workflow in (transfer.id, watch):
                assert_at_most_one_retry(await office.client.get_workflow_handle(workflow).fetch_history())
        (listening,) = (await listener.describe()).raw_description.pending_activities
        assert listening.attempt <= 1 + WORKERS, listening
        for worker in (*old, *new):
            assert faults(worker.log) == [], worker.log


async def listened_to(workers: Iterable[WorkerProcess]) -> bool | None:
    """Whether one of them listens to the node."""
    return any("listening to asterisk" in it.log for it in workers) or None


def faults(log: str) -> list[str]:
    """Return what the tracebacks of a log end with."""
    ends = [re.search(r"^\w\S*: .*$", it, re.MULTILINE) for it in log.split("Traceback (most recent call last):\n")[1:]]
    return [end[0] if end else "a traceback without an end" for end in ends]


def assert_at_most_one_retry(history: WorkflowHistory) -> None:
    """See that no activity of a workflow had more than two attempts, and no more than one of its tasks was lost."""
    events = (f"{it.event_id} {EventType.Name(it.event_type)}" for it in history.events)
    told = "\n".join([history.workflow_id, *events])
    started = [it for it in history.events if it.HasField("activity_task_started_event_attributes")]
    assert max((it.activity_task_started_event_attributes.attempt for it in started), default=1) <= 2, told
    lost = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
    assert sum(it.event_type in lost for it in history.events) <= 1, told
