"""How soon the next command is carried out when something has died, heard at the customer's phone."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

from temporalio.api.enums.v1 import EventType

from benchmarks.asterisk import PATIENCE, Exchange, exchange
from benchmarks.options import Options
from benchmarks.rows import Asked, Row
from hookflash import CommandUnanswered, EngineUnreachable, Mode, RunningTransfer, Stage
from tests.integration.switchboard import TalkingCall, heard, reaches
from tests.rig.behaviour import Behaviour
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess

TITLE = "Recovery"
ABOUT = """\
A warm transfer on a real Asterisk rings; two worker processes are there, and what is killed is the one that has the
transfer in memory, at different moments around the command `unhold`. Measured is the time from the later of kill and
command until the customer hears the agent. *With the task*: it was given the step of the workflow, and has not done
any of it; *while it arranges*: it has asked Asterisk, which has not answered. Where a worker is killed that begins a
transfer, it is the time until the target's phone gets its INVITE. Where the listener is killed there is no command:
the target refuses, and the customer comes back to the agent by itself. Temporal itself is killed with its database in
a file, and started again at once. It is set as shipped: sticky time-out 1 s, workflow task time-out 1.9 s, an
arrangement without a sign of life is given up after 1.4 s, a question to the policy after 1.5 s; listener's heartbeat
time-out 1.2 s."""
AFTER_A_KILL = Asked(p99_at_most=2.0)
AFTER_A_STOP = Asked(p99_at_most=5.0)

Case = Callable[[Exchange, "Two"], Awaitable[float]]


class Two:
    """Two workers, and who of them is dead is replaced."""

    def __init__(self, on: Exchange, stack: AsyncExitStack, *arguments: str) -> None:
        """Take how they are started."""
        self._on, self._stack, self._arguments = on, stack, arguments
        self._alive: dict[int, WorkerProcess] = {}
        self._started = 0

    async def complete(self) -> None:
        """Start whoever is missing."""
        while len(self._alive) < 2:
            self._started += 1
            name = f"{'-'.join(self._arguments).strip('-') or 'all'}-{self._started}"
            worker = await self._stack.enter_async_context(self._on.worker(name, *self._arguments))
            await worker.ready()
            self._alive[worker.pid] = worker

    async def strike(self, identity: str, how: signal.Signals = signal.SIGKILL) -> WorkerProcess:
        """Kill or stop the one with this identity (`role@pid@machine`)."""
        worker = self._alive.pop(int(identity.split("@")[1]))
        worker.send(how)
        if how is signal.SIGKILL:
            await worker.end()
        return worker

    def one_of(self, identity: str) -> bool:
        """Whether this is one of them."""
        return int(identity.split("@")[1]) in self._alive


async def run(options: Options) -> list[Row]:
    """Measure."""
    rows: list[Row] = []
    samples = options.samples or 6
    async with exchange(lasting=True) as on, AsyncExitStack() as stack:
        engines, listeners = Two(on, stack, "--role", "engine"), Two(on, stack, "--role", "listener")
        for name, (case, two, asked) in {
            "worker killed, command at once": (_killed_before, engines, AFTER_A_KILL),
            "worker killed, command 2 s later": (_killed_long_before, engines, AFTER_A_KILL),
            "command, worker killed within 30 ms": (_killed_within, engines, AFTER_A_KILL),
            "command, worker killed with the task": (_killed_with_the_task, engines, AFTER_A_KILL),
            "command, worker killed while it arranges": (_killed_arranging, engines, AFTER_A_KILL),
            "start, worker killed within 50 ms": (_killed_beginning, engines, AFTER_A_KILL),
            "worker stopped (SIGSTOP), command at once": (_stopped, engines, AFTER_A_STOP),
            "listener killed, target refuses at once": (_listener_killed, listeners, AFTER_A_KILL),
            "listener stopped (SIGSTOP), target refuses at once": (_listener_stopped, listeners, AFTER_A_STOP),
            "Temporal killed and started again, command at once": (_server_killed, engines, AFTER_A_KILL),
        }.items():
            row = Row(name, "s", asked=asked)
            rows.append(row)
            for _ in range(samples):
                await engines.complete()
                await listeners.complete()
                row.samples.append(await case(on, two))
                await on.clear()
    return rows


@asynccontextmanager
async def _ringing(on: Exchange) -> AsyncGenerator[tuple[TalkingCall, RunningTransfer]]:
    call = await on.office.call()
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1", ring_timeout=120)
    await (await target.incoming(PATIENCE)).until("ringing", PATIENCE)
    await heard(call.customer, "music", within=PATIENCE)
    await reaches(transfer, Stage.RINGING)
    yield call, transfer
    await call.hang_up()
    await asyncio.wait_for(transfer.wait(), PATIENCE)


async def _owner(on: Exchange, transfer: RunningTransfer) -> str:
    """Return the identity of the worker that has a transfer in memory."""
    history = await on.office.client.get_workflow_handle(transfer.id).fetch_history()
    started = [it for it in history.events if it.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    return started[-1].workflow_task_completed_event_attributes.identity


async def _unhold(call: TalkingCall, transfer: RunningTransfer) -> float:
    """Return the seconds from the command until the customer hears the agent."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    command = asyncio.create_task(_until_taken(transfer))
    moment = await heard(call.customer, "agent", began, PATIENCE)
    await command
    return moment - began


async def _until_taken(transfer: RunningTransfer) -> None:
    """Give the command until somebody takes it: a server that is just being started answers nobody."""
    command_id = str(uuid4())
    while True:
        try:
            await transfer.unhold(command_id=command_id)
        except (EngineUnreachable, CommandUnanswered):
            await asyncio.sleep(0.05)
        else:
            return


async def _killed_before(on: Exchange, two: Two) -> float:
    async with _ringing(on) as (call, transfer):
        await two.strike(await _owner(on, transfer))
        return await _unhold(call, transfer)


async def _killed_long_before(on: Exchange, two: Two) -> float:
    async with _ringing(on) as (call, transfer):
        await two.strike(await _owner(on, transfer))
        await asyncio.sleep(2)
        return await _unhold(call, transfer)


async def _killed_within(on: Exchange, two: Two) -> float:
    async with _ringing(on) as (call, transfer):
        owner = await _owner(on, transfer)
        unholding = asyncio.create_task(_unhold(call, transfer))
        await asyncio.sleep(random.uniform(0, 0.03))
        await two.strike(owner)
        return await unholding


async def _killed_with_the_task(on: Exchange, two: Two) -> float:
    async with _ringing(on) as (call, transfer):
        stopped = await two.strike(await _owner(on, transfer), signal.SIGSTOP)
        unholding = asyncio.create_task(_unhold(call, transfer))
        await asyncio.sleep(0.05)  # its question for work is open: the server believes that it has the task now
        stopped.send(signal.SIGKILL)
        await stopped.end()
        return await unholding


async def _killed_arranging(on: Exchange, two: Two) -> float:
    loop = asyncio.get_running_loop()
    async with _ringing(on) as (call, transfer):
        owner, handle = await _owner(on, transfer), on.office.client.get_workflow_handle(transfer.id)

        async def arranging() -> bool | None:
            pending = (await handle.describe()).raw_description.pending_activities
            return any(it.last_worker_identity == owner for it in pending) or None

        os.kill(on.office.node.pid, signal.SIGSTOP)
        try:
            began = loop.time()
            unholding = asyncio.create_task(_unhold(call, transfer))
            await eventually(arranging, "an arrangement", PATIENCE)
            await two.strike(owner)
            killed = loop.time()
        finally:
            os.kill(on.office.node.pid, signal.SIGCONT)
        return began + await unholding - killed


async def _killed_beginning(on: Exchange, two: Two) -> float:
    call = await on.office.call()
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1", ring_timeout=120)
    handle = on.office.client.get_workflow_handle(transfer.id)

    async def taken() -> str | None:
        events = (await handle.fetch_history()).events
        started = [it for it in events if it.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED]
        return started[0].workflow_task_started_event_attributes.identity if started else None

    owner = await eventually(taken, "somebody who begins", PATIENCE)
    await asyncio.sleep(random.uniform(0, 0.05))  # the INVITE comes after 50
    await two.strike(owner)
    killed = asyncio.get_running_loop().time()
    ringing = await target.incoming(PATIENCE)
    await call.hang_up()
    await asyncio.wait_for(transfer.wait(), PATIENCE)
    return max(0.0, ringing.at["invite"] - killed)


async def _stopped(on: Exchange, two: Two) -> float:
    async with _ringing(on) as (call, transfer):
        stopped = await two.strike(await _owner(on, transfer), signal.SIGSTOP)
        try:
            return await _unhold(call, transfer)
        finally:
            stopped.send(signal.SIGKILL)
            await stopped.end()


async def _server_killed(on: Exchange, _: Two) -> float:
    async with _ringing(on) as (call, transfer):
        assert on.server is not None
        await on.server.kill()
        await on.server.start()
        return await _unhold(call, transfer)


async def _listener_killed(on: Exchange, two: Two) -> float:
    return await _unheard(on, two, signal.SIGKILL)


async def _listener_stopped(on: Exchange, two: Two) -> float:
    return await _unheard(on, two, signal.SIGSTOP)


async def _unheard(on: Exchange, two: Two, how: signal.Signals) -> float:
    """Return the seconds from a refusal that no listener hears until the customer hears the agent."""
    async with _ringing(on) as (call, _):
        listener = on.office.client.get_workflow_handle("listener:asterisk")

        async def listening() -> str | None:
            (pending,) = (await listener.describe()).raw_description.pending_activities
            return pending.last_worker_identity if two.one_of(pending.last_worker_identity) else None

        struck = await two.strike(await eventually(listening, "a listener", PATIENCE), how)
        try:
            target = await on.office.phones.phone("target1")
            began = asyncio.get_running_loop().time()
            target.active_call.refuse(486)
            return await heard(call.customer, "agent", began, PATIENCE) - began
        finally:
            if how is signal.SIGSTOP:
                struck.send(signal.SIGKILL)
                await struck.end()
