"""The listener's workflow: one at a time, and always one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import Worker

from activities.admission import Tenants
from activities.telephony.errors import ProviderUnavailable
from hookflash import names
from hookflash.converter import data_converter
from tests.support.polling import eventually
from tests.workers.scripted_telephony import ScriptedTelephony
from workers.engine import Role, build_workers, ensure_listeners, running
from workers.sandbox import Sandbox
from workflows.listener import Listener

pytestmark = pytest.mark.timeout(30)

NODE = "node"


@asynccontextmanager
async def engine(client: Client, telephony: ScriptedTelephony, role: Role = Role.ALL) -> AsyncGenerator[None]:
    """The workers of a process, on a connection of their own: two workers of one kind cannot share it."""
    own = await Client.connect(
        client.service_client.config.target_host, namespace=client.namespace, data_converter=data_converter
    )
    async with running(build_workers(own, {NODE: telephony}, Tenants(), role=role, sandbox=Sandbox.FULL)):
        yield


async def listener(client: Client) -> WorkflowHandle[Listener, None]:
    await ensure_listeners(client, [NODE])
    return client.get_workflow_handle_for(Listener.run, names.listener_id(NODE))


async def test_there_is_one_however_many_workers_start_it(own_namespace: Client) -> None:
    telephony = ScriptedTelephony()
    async with engine(own_namespace, telephony), engine(own_namespace, telephony):
        handle = await listener(own_namespace)
        first = await handle.describe()
        await telephony.until_connections(1)
        assert (await (await listener(own_namespace)).describe()).run_id == first.run_id
        assert telephony.connections == 1


async def test_a_lost_connection_is_made_again(own_namespace: Client) -> None:
    telephony = ScriptedTelephony()
    async with engine(own_namespace, telephony):
        await listener(own_namespace)
        for count in (1, 2, 3):
            await telephony.until_connections(count)
            telephony.emit(ProviderUnavailable("the connection was lost"))
        await telephony.until_connections(4)


async def test_a_worker_that_stops_hands_over_to_another(own_namespace: Client) -> None:
    telephony = ScriptedTelephony()
    async with engine(own_namespace, telephony, Role.ENGINE):
        async with engine(own_namespace, telephony, Role.LISTENER):
            await listener(own_namespace)
            await telephony.until_connections(1)
        assert not telephony.listening
        async with engine(own_namespace, telephony, Role.LISTENER), asyncio.timeout(5):
            await telephony.until_connections(2)


async def test_a_cancel_is_how_it_ends(own_namespace: Client) -> None:
    telephony = ScriptedTelephony()
    async with engine(own_namespace, telephony):
        handle = await listener(own_namespace)
        await telephony.until_connections(1)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert isinstance(failure.value.cause, CancelledError)

        async def silent() -> bool | None:
            return True if not telephony.listening else None

        await eventually(silent, "the end of the listening")

        await listener(own_namespace)
        await telephony.until_connections(2)


async def test_a_new_run_follows_whatever_became_of_the_turn(own_namespace: Client) -> None:
    turns = 0
    third = asyncio.Event()

    @activity.defn(name="listen")
    async def listen(provider: str) -> None:
        nonlocal turns
        turns += 1
        if turns == 2:
            raise ApplicationError("this cannot happen", non_retryable=True)
        if turns == 3:
            third.set()
            await asyncio.Event().wait()

    listening = Worker(own_namespace, task_queue=names.LISTENER_TASK_QUEUE, activities=[listen])
    async with engine(own_namespace, ScriptedTelephony(), Role.ENGINE), listening:
        handle = await listener(own_namespace)
        first = (await handle.describe()).run_id
        await third.wait()
        description = await handle.describe()
        assert description.run_id != first
        assert description.raw_description.workflow_execution_info.first_run_id == first


async def test_the_ui_says_what_it_is_for(own_namespace: Client) -> None:
    telephony = ScriptedTelephony()
    async with engine(own_namespace, telephony):
        handle = await listener(own_namespace)
        await telephony.until_connections(1)
        assert await (await handle.describe()).static_summary() == "Listens to node"
        details = await handle.query("__temporal_workflow_metadata")
        assert "**`node`**" in str(details)
        scheduled = [
            event.user_metadata.summary.data
            async for event in handle.fetch_history_events()
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
        assert scheduled == [b'"Listen to node"']
