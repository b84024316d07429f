"""How soon a node is listened to again whose listener died, and what an operator sets about it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities import listen
from activities.listen import Listen
from activities.telephony.model import OwnedLegs
from hookflash import names
from tests.support.polling import eventually
from tests.workers.environ import Environ, refusal
from tests.workers.scripted_telephony import ScriptedTelephony
from workers.engine import ensure_listeners
from workers.sandbox import sandbox
from workers.settings import Settings
from workflows.listener import HEARTBEAT_TIMEOUT, Listener, inputs

pytestmark = pytest.mark.timeout(60)

NODE = "node"

Turn = Callable[[str], Awaitable[timedelta | None]]


@pytest.fixture
async def workflows(own_namespace: Client) -> AsyncIterator[None]:
    """An engine's part in it."""
    async with Worker(own_namespace, task_queue=names.TASK_QUEUE, workflows=[Listener], workflow_runner=sandbox()):
        yield


def turns(client: Client, turn: Turn) -> Worker:
    """A worker whose turns are as told."""

    @activity.defn(name="listen")
    async def listening(provider: str) -> timedelta | None:
        return await turn(provider)

    return Worker(client, task_queue=names.LISTENER_TASK_QUEUE, activities=[listening])


def listener(client: Client) -> WorkflowHandle[Listener, None]:
    return client.get_workflow_handle_for(Listener.run, names.listener_id(NODE))


async def asked(handle: WorkflowHandle[Listener, None]) -> ActivityTaskScheduledEventAttributes:
    """Return what the present run has told Temporal of its turn."""

    async def look() -> ActivityTaskScheduledEventAttributes | None:
        for event in (await handle.fetch_history()).events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                return event.activity_task_scheduled_event_attributes
        return None

    return await eventually(look, "a turn")


async def test_somebody_else_is_to_listen_at_once_however_many_turns_there_were(
    own_namespace: Client, workflows: None
) -> None:
    """Every turn of the hour is an attempt, also those that ended in good order: pauses must not grow with them."""
    await ensure_listeners(own_namespace, [NODE])
    policy = (await asked(listener(own_namespace))).retry_policy
    assert policy.initial_interval.ToTimedelta() <= timedelta(milliseconds=100)
    assert policy.backoff_coefficient == 1


async def test_a_worker_that_stands_still_loses_its_turn_and_the_next_attempt_is_soon(
    own_namespace: Client, workflows: None
) -> None:
    """Seen by the server, which gives the turn to the same worker if there is no other."""
    begun: list[int] = []
    third = asyncio.Event()

    async def turn(_: str) -> None:
        begun.append(activity.info().attempt)
        if len(begun) == 3:
            third.set()
        await asyncio.Event().wait()  # without a heartbeat

    async with turns(own_namespace, turn):
        await ensure_listeners(own_namespace, [NODE], timedelta(milliseconds=300))
        await third.wait()
    assert begun[:3] == [1, 2, 3]


async def test_the_next_turn_has_the_time_out_that_the_worker_is_set_to(own_namespace: Client, workflows: None) -> None:
    """And the one after it too, if that worker is set to nothing."""
    ended = 0
    third = asyncio.Event()

    async def turn(_: str) -> timedelta | None:
        nonlocal ended
        ended += 1
        if ended == 3:
            third.set()
            await asyncio.Event().wait()
        return timedelta(seconds=20) if ended == 1 else None

    async with turns(own_namespace, turn):
        await ensure_listeners(own_namespace, [NODE], timedelta(seconds=10))
        await third.wait()
        latest = listener(own_namespace)
        first_run = (await latest.describe()).raw_description.workflow_execution_info.first_run_id
        first = own_namespace.get_workflow_handle_for(Listener.run, latest.id, run_id=first_run)
        lengths = [(await asked(it)).heartbeat_timeout.ToTimedelta() for it in (first, latest)]
    assert lengths == [timedelta(seconds=10), timedelta(seconds=20)]


async def test_a_worker_says_what_it_is_set_to_at_the_end_of_its_turn(client: Client) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, start_to_close_timeout=timedelta(milliseconds=100))
    turn = Listen(client, {NODE: ScriptedTelephony()}, heartbeat_timeout=timedelta(seconds=7)).listen
    assert await environment.run(turn, NODE) == timedelta(seconds=7)


def test_what_is_usual_is_no_input_as_older_engines_refuse_it() -> None:
    assert inputs(NODE, HEARTBEAT_TIMEOUT) == (NODE,)
    assert inputs(NODE, timedelta(seconds=9)) == (NODE, timedelta(seconds=9))


class Faulty(ScriptedTelephony):
    """A provider whose code is wrong."""

    async def owners(self) -> dict[str, OwnedLegs]:
        """See `Telephony`."""
        raise KeyError("leg")


async def test_after_a_fault_of_ours_it_is_not_tried_again_at_once(client: Client) -> None:
    """Each try has every open transfer look at the real state."""
    with pytest.raises(ApplicationError) as error:
        await ActivityEnvironment().run(Listen(client, {NODE: Faulty()}).listen, NODE)
    assert (error.value.type, error.value.non_retryable) == ("KeyError", False)
    assert error.value.next_retry_delay == timedelta(seconds=2)
    assert isinstance(error.value.__cause__, KeyError)


def test_an_operator_sets_it(environ: Environ) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true")
    assert Settings.load().listener_heartbeat_timeout == HEARTBEAT_TIMEOUT
    environ.set(HOOKFLASH_LISTENER_HEARTBEAT_TIMEOUT="12.5")
    assert Settings.load().listener_heartbeat_timeout == timedelta(seconds=12.5)


@pytest.mark.parametrize("wrong", ["0.9", "61", "soon"])
def test_a_time_out_that_makes_no_sense_is_named(environ: Environ, wrong: str) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_LISTENER_HEARTBEAT_TIMEOUT=wrong)
    assert "HOOKFLASH_LISTENER_HEARTBEAT_TIMEOUT" in refusal()


def test_several_heartbeats_are_in_a_time_out() -> None:
    """One that is lost must not cost a turn."""
    assert listen.BEATS >= 3
