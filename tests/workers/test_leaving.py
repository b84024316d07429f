"""A worker that is told to stop in the very moment in which it begins to listen."""

import asyncio
import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import ActivityFailureError, ActivityHandle, Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from activities.admission import Tenants
from hookflash import names
from hookflash.converter import data_converter
from tests.workers.scripted_telephony import ScriptedTelephony
from workers.engine import Limits, Role, build_workers, running

# A loop of its own: what the native part has for it is then for this worker, and not for other tests' workers.
pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="function")]

NODE = "node"


async def connected(client: Client) -> Client:
    """A connection of its own, for whatever loop runs."""
    address = client.service_client.config.target_host
    return await Client.connect(address, namespace=client.namespace, data_converter=data_converter)


class SlowLog(logging.Handler):
    """Writes slowly that a worker stops: in that time a turn to listen comes from the server.

    So does a busy machine. The event loop stands still meanwhile, as it does for whatever needs the processor; the
    native part of the SDK does not, and has the turn ready when the loop goes on.
    """

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.id = f"listen-{uuid4()}"
        self._client = client
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        """See base class."""
        if "Beginning worker shutdown" in record.getMessage():
            with self._told() as told:
                server = threading.Thread(target=lambda: asyncio.run(self._give_a_turn()))
                server.start()
                server.join()
                assert told.wait(10), "no turn came"

    @contextmanager
    def _told(self) -> Generator[threading.Event]:
        """Something that happens when the native part has something for the loop."""
        told, call = threading.Event(), self._loop.call_soon_threadsafe

        def noted(*args: Any, **options: Any) -> asyncio.Handle:  # noqa: ANN401 whatever the loop takes
            told.set()
            return call(*args, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self._loop, "call_soon_threadsafe", noted)
            yield told

    async def _give_a_turn(self) -> None:
        await (await connected(self._client)).start_activity(
            "listen",
            NODE,
            id=self.id,
            task_queue=names.LISTENER_TASK_QUEUE,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def test_a_turn_that_comes_when_the_worker_stops_is_handed_on_at_once(
    own_namespace: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, telephony = await connected(own_namespace), ScriptedTelephony()
    log, slow = logging.getLogger("temporalio.worker._worker"), SlowLog(own_namespace)
    caplog.set_level(logging.INFO, log.name)  # a logger remembers what it was not to say, until it is told anew
    monkeypatch.setattr(log, "handlers", [slow])
    # Whoever is not told that the worker stops goes on, and is cancelled when this is over.
    limits = Limits(graceful_shutdown_timeout=timedelta(seconds=1))
    async with running(build_workers(client, {NODE: telephony}, Tenants(), role=Role.LISTENER, limits=limits)):
        pass
    turn: ActivityHandle[None] = own_namespace.get_activity_handle(slow.id)
    with pytest.raises(ActivityFailureError) as failure:
        await turn.result()
    assert isinstance(failure.value.cause, ApplicationError)
    # The SDK's own error, for who did not end in time, has the same type.
    said = "the worker that is to listen to node is stopping"
    assert (failure.value.cause.type, failure.value.cause.message) == ("WorkerShutdown", said)
    # It did not take the connection from whoever listens.
    assert telephony.connections == 0
