"""Listening passes from one worker to the next without a moment in which nobody hears."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.admission import Tenants
from activities.listen import Listen
from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import LegEventKind
from activities.turns import Turns
from hookflash.converter import data_converter
from tests.support.polling import eventually
from tests.workers.recorder import Recorder
from tests.workers.scripted_telephony import ScriptedTelephony
from workers.engine import Limits, Role, build_workers, ensure_listeners, running
from workers.sandbox import Sandbox

pytestmark = pytest.mark.timeout(60)

NODE = "node"
LONG = timedelta(minutes=5)
"""Nobody is waited for that long: whoever ends does so because somebody else listens."""

Handle = WorkflowHandle[Recorder, None]


class Worker:
    """A worker whose turn it is to listen."""

    def __init__(self, client: Client, telephony: ScriptedTelephony, stay: timedelta = LONG) -> None:
        self.turns = Turns()
        self.listen = Listen(client, {NODE: telephony}, turns=self.turns, stay=stay)
        self.environment = ActivityEnvironment()
        self.turn = asyncio.create_task(self.environment.run(self.listen.listen, NODE))

    async def told(self) -> str:
        """Return the type of the error that Temporal is told."""
        with pytest.raises(ApplicationError) as error:
            await self.turn
        return error.value.type or ""


@asynccontextmanager
async def listening(client: Client, telephony: ScriptedTelephony, stay: timedelta = LONG) -> AsyncGenerator[Worker]:
    """A worker that has begun to listen, and that is gone after the block."""
    count = telephony.connections + 1
    worker = Worker(client, telephony, stay)
    try:
        await telephony.until_connections(count)
        yield worker
    finally:
        worker.turn.cancel()
        await asyncio.gather(worker.turn, return_exceptions=True)
        telephony.emit(ProviderUnavailable("the test is over"))
        await worker.listen.until_silent()


@pytest.fixture
def telephony() -> ScriptedTelephony:
    """A node that gives the events to who connected last, as Asterisk does."""
    return ScriptedTelephony(replaces_listeners=True)


@pytest.fixture
async def transfer(client: Client, recorder_queue: str) -> Handle:
    return await client.start_workflow(Recorder.run, id=f"transfer:{NODE}:{uuid4()}", task_queue=recorder_queue)


async def digits(transfer: Handle, count: int) -> str:
    """Return the keys that a transfer was told of, once there are so many."""

    async def look() -> str | None:
        keys = "".join(it.digit for it in await transfer.query(Recorder.heard))
        return keys if len(keys) >= count else None

    return await eventually(look, f"{count} keys")


async def test_who_stops_hears_on_until_the_next_one_listens(
    client: Client, telephony: ScriptedTelephony, transfer: Handle
) -> None:
    async with listening(client, telephony) as old:
        telephony.say(transfer.id, "leg", LegEventKind.DIGIT, digit="1")
        old.listen.leaving.set()
        assert await old.told() == "WorkerShutdown"  # so somebody else has the next turn
        assert telephony.listening
        telephony.say(transfer.id, "leg", LegEventKind.DIGIT, digit="2")
        assert await digits(transfer, 2) == "12"
        async with listening(client, telephony):
            await old.listen.until_silent()
            telephony.say(transfer.id, "leg", LegEventKind.DIGIT, digit="3")
            assert await digits(transfer, 3) == "123"
            assert old.turns.unheard() == []


async def test_what_was_heard_before_is_sent_before_anybody_else_is_asked_to_listen(
    client: Client, telephony: ScriptedTelephony, transfer: Handle
) -> None:
    async with listening(client, telephony) as old:
        for digit in "123456789":
            telephony.say(transfer.id, "leg", LegEventKind.DIGIT, digit=digit)
        await digits(transfer, 1)
        old.listen.leaving.set()
        await old.told()
        assert await digits(transfer, 0) == "123456789"


async def test_if_nobody_comes_the_worker_goes_all_the_same(client: Client, telephony: ScriptedTelephony) -> None:
    async with listening(client, telephony, stay=timedelta(milliseconds=50)) as old:
        old.listen.leaving.set()
        await old.told()
        await old.listen.until_silent()
        assert not telephony.listening


async def test_who_was_given_up_hears_on_too(client: Client, telephony: ScriptedTelephony, transfer: Handle) -> None:
    """It stood still for too long; whoever is to listen in its place may not have begun."""
    async with listening(client, telephony) as old:
        old.environment.cancel(activity.ActivityCancellationDetails(not_found=True))
        with pytest.raises(asyncio.CancelledError):
            await old.turn
        telephony.say(transfer.id, "leg", LegEventKind.DIGIT, digit="1")
        assert await digits(transfer, 1) == "1"
        async with listening(client, telephony):
            await old.listen.until_silent()


async def test_who_was_replaced_is_not_missed(client: Client, telephony: ScriptedTelephony) -> None:
    """It is not this worker's turn, so its health says nothing of the node."""
    async with listening(client, telephony) as old, listening(client, telephony):
        assert await old.told() == "ProviderUnavailable"
        assert old.turns.unheard() == []


async def test_a_connection_that_is_lost_in_between_is_no_reason_to_stay(
    client: Client, telephony: ScriptedTelephony
) -> None:
    async with listening(client, telephony) as old:
        old.listen.leaving.set()
        await old.told()
        telephony.emit(ProviderUnavailable("the event socket was closed"))
        await old.listen.until_silent()


@asynccontextmanager
async def worker(client: Client, telephony: ScriptedTelephony, name: str, role: Role) -> AsyncGenerator[None]:
    """The worker of a process, which has a name."""
    address = client.service_client.config.target_host
    own = await Client.connect(address, namespace=client.namespace, data_converter=data_converter, identity=name)
    workers = build_workers(own, {NODE: telephony}, Tenants(), role=role, limits=Limits(LONG), sandbox=Sandbox.FULL)
    async with running(workers):
        yield


async def test_a_worker_has_stopped_when_another_one_listens(
    own_namespace: Client, telephony: ScriptedTelephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(own_namespace, telephony, "engine", Role.ENGINE), AsyncExitStack() as new:
        await ensure_listeners(own_namespace, [NODE])
        with monkeypatch.context() as patch:
            patch.setattr("workers.engine.STAY", LONG)
            old = worker(own_namespace, telephony, "old", Role.LISTENER)
            await old.__aenter__()
        await telephony.until_connections(1)
        await new.enter_async_context(worker(own_namespace, telephony, "new", Role.LISTENER))
        await old.__aexit__(None, None, None)
        assert (telephony.connections, telephony.silences) == (2, 0)
        monkeypatch.setattr(telephony, "replaces_listeners", False)  # there is nobody whom the new one could wait for


async def test_a_worker_that_is_alone_does_not_wait_for_another(
    own_namespace: Client, telephony: ScriptedTelephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be what its successor waits for."""
    monkeypatch.setattr("workers.engine.STAY", LONG)
    async with worker(own_namespace, telephony, "engine", Role.ENGINE):
        await ensure_listeners(own_namespace, [NODE])
        async with worker(own_namespace, telephony, "alone", Role.LISTENER):
            await telephony.until_connections(1)
    assert (telephony.connections, telephony.silences) == (1, 1)


async def test_a_turn_that_ends_by_itself_is_followed_by_the_next_without_a_silence(
    own_namespace: Client, telephony: ScriptedTelephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it is the same worker's turn again, as it has no other."""
    monkeypatch.setattr("workers.engine.STAY", LONG)
    monkeypatch.setattr("activities.listen.TURN", 1e-4)  # a third of a second
    async with worker(own_namespace, telephony, "alone", Role.ALL):
        await ensure_listeners(own_namespace, [NODE])
        await telephony.until_connections(4)
        assert telephony.silences == 0


class Vanished(ScriptedTelephony):
    """A node that is gone when the connection is to be closed: the farewell is never answered."""

    closing = False

    async def events(self) -> AsyncIterator[None]:
        """See base class."""
        self.connections += 1
        self._changed.set()
        try:
            yield None
            await asyncio.Event().wait()
        finally:
            self.closing = True
            try:
                await asyncio.Event().wait()
            finally:
                self.closing = False


async def test_a_turn_that_is_cancelled_does_not_wait_for_a_node_that_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its worker stops once its activities have ended, and not before."""
    monkeypatch.setattr("activities.listen.CLOSING", timedelta(milliseconds=50))
    telephony = Vanished()
    async with listening(client, telephony) as worker:
        worker.environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker.turn
        await worker.listen.until_silent()
        assert not telephony.closing
    assert "node did not close in time" in caplog.text
