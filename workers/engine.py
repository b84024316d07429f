"""The workers of the engine: what each role runs, and with which limits."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, NoReturn

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import Interceptor, Worker, WorkerDeploymentConfig

from activities.admission import Admission, Tenants
from activities.arrange import Arrange
from activities.listen import STAY, Listen
from activities.signs_of_life import NewAttempts
from activities.telephony.interface import Telephony
from activities.turns import Turns
from hookflash import names
from workers.deployment_settings import unversioned
from workers.sandbox import Sandbox, workflow_runner
from workers.slots import slots
from workflows.call_back import CallBack
from workflows.connected_call import ConnectedCall
from workflows.guard import GuardInterceptor
from workflows.listener import HEARTBEAT_TIMEOUT, Listener, inputs
from workflows.pinned import PinnedTransfer
from workflows.transfer import Transfer

WORKFLOWS: tuple[type, ...] = (Transfer, ConnectedCall, CallBack, Listener)
OF_A_BUILD: tuple[type, ...] = (PinnedTransfer, *WORKFLOWS[1:])
"""The same, of a worker that has a build id."""

STICKY_TIMEOUT = timedelta(seconds=1)
"""How long a transfer waits for the worker that has it in memory, when that worker has died. Default: 10 seconds."""

HEARTBEAT_THROTTLE = timedelta(milliseconds=300)
"""Heartbeats go out at least this often, and with the answer comes the news that an activity is cancelled."""

LISTENER_THROTTLE = timedelta(milliseconds=100)
"""The same for listeners, whose heartbeats are rare enough by themselves: none is to be held back."""

LISTENER_SLOTS = 200
"""Nodes that a process listens to, at most."""

LISTENER_POLLS = 1
"""Open questions for a turn to listen. A process that is stopped, not dead, leaves them open, and each of them gets a
turn that nobody takes and that is missed only after the heartbeat time-out: with the SDK's 5, a node was unheard for
ten seconds."""

LOOK_AFTER_LISTENERS = timedelta(minutes=1)

ENDS_WITHIN = timedelta(seconds=5)
"""Until a worker with nothing left to do has to have ended. The SDK was seen not to come back from the last step of its
shutdown, in one of some hundreds on a busy machine and for as long as anybody waited (150 s); nothing was left."""

logger = logging.getLogger(__name__)


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    ENGINE = "engine"
    """Workflows and their short activities, for the nodes that are not elsewhere."""
    LISTENER = "listener"
    """Listening to provider nodes."""
    PROVIDER = "provider"
    """All that touches nodes which engines do not reach themselves: their short activities, and listening."""


class Limits(NamedTuple):
    """How much a worker takes on, and how it ends."""

    graceful_shutdown_timeout: timedelta = timedelta(seconds=30)
    """How long activities may take to end before they are cancelled."""
    cached_workflows: int = 1000
    """Workflows kept in memory between events."""
    activity_slots: int = 200
    """Activities that run at once, at most: on a busy machine they are fewer (`workers.slots`)."""
    heartbeat_timeout: timedelta = HEARTBEAT_TIMEOUT
    """How long a dead listener goes unnoticed."""


class _ListeningWorker(Worker):
    """Tells its activities that it stops before it does anything about it, so that no turn begins unaware of it.

    It has stopped when it hears nothing any more, which may be until somebody else listens.
    """

    listening: Listen

    async def shutdown(self) -> None:
        """See base class."""
        self.listening.leaving.set()
        await super().shutdown()
        await self.listening.until_silent()


def build_workers(
    client: Client,
    providers: Mapping[str, Telephony],
    tenants: Tenants,
    *,
    role: Role = Role.ALL,
    limits: Limits | None = None,
    turns: Turns | None = None,
    interceptors: Sequence[Interceptor] = (),
    deployment: WorkerDeploymentConfig | None = None,
    elsewhere: Collection[str] = (),
    sandbox: Sandbox = Sandbox.NONE,
) -> tuple[Worker, ...]:
    """Return the workers of a role; start them with `running`.

    Args:
        client: A client with the data converter of the contract. Its identity is what the UI shows.
        providers: The provider nodes that this process reaches, by name.
        tenants: Permissions and directories.
        role: What this process does.
        limits: How much it takes on.
        turns: Is told which nodes are heard. Default: nobody asks.
        interceptors: What looks on, outside of the guard. Default: nothing.
        deployment: Which build this process is. Default: every worker goes on with every transfer.
        elsewhere: Nodes that processes with the role ``provider`` reach for this engine. Default: none.
        sandbox: What protects workflow code.
    """
    limits = limits or Limits()
    deployment = deployment or unversioned()
    workers: list[Worker] = []
    arrange = Arrange(providers)
    if role in (Role.ALL, Role.ENGINE):
        # One queue for workflows and their activities: only then do activities start without a round trip.
        engine = Worker(
            client,
            task_queue=names.TASK_QUEUE,
            workflows=OF_A_BUILD if deployment.use_worker_versioning else WORKFLOWS,
            activities=[arrange.arrange, arrange.decline, Admission(tenants, tuple(providers), elsewhere).admit],
            interceptors=[*interceptors, GuardInterceptor(), NewAttempts()],
            workflow_runner=workflow_runner(sandbox),
            max_cached_workflows=limits.cached_workflows,
            tuner=slots(limits.activity_slots),
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            deployment_config=deployment,
            graceful_shutdown_timeout=limits.graceful_shutdown_timeout,
        )
        workers.append(engine)
    if role is Role.PROVIDER:
        # A queue for each node, as none of these workers can do anything for the nodes of the others.
        workers += [
            Worker(
                client,
                task_queue=names.provider_task_queue(provider),
                activities=[arrange.arrange, arrange.decline],
                interceptors=interceptors,
                tuner=slots(limits.activity_slots),
                max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
                deployment_config=deployment,
                graceful_shutdown_timeout=limits.graceful_shutdown_timeout,
            )
            for provider in providers
        ]
    if role in (Role.ALL, Role.LISTENER, Role.PROVIDER):
        listening = Listen(
            client,
            providers,
            tenants,
            turns,
            heartbeat_timeout=limits.heartbeat_timeout,
            stay=min(STAY, limits.graceful_shutdown_timeout),
        )
        listener = _ListeningWorker(
            client,
            task_queue=names.LISTENER_TASK_QUEUE,
            activities=[listening.listen],
            interceptors=interceptors,
            max_concurrent_activities=LISTENER_SLOTS,
            max_heartbeat_throttle_interval=LISTENER_THROTTLE,
            max_concurrent_activity_task_polls=LISTENER_POLLS,
            deployment_config=deployment,
            graceful_shutdown_timeout=limits.graceful_shutdown_timeout,
        )
        listener.listening = listening
        workers.append(listener)
    return tuple(workers)


@asynccontextmanager
async def running(workers: Sequence[Worker], limits: Limits | None = None) -> AsyncGenerator[None]:
    """Run workers for the length of the block; all of them drain at once when it ends.

    Args:
        workers: What to run.
        limits: What they were built with. What has begun has its time to end, and then nobody is waited for any more.

    Raises:
        Exception: A worker failed for good; the block is cancelled.
    """
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        while not all(worker.is_running for worker in workers):  # noqa: ASYNC110 the SDK has no event for it
            await asyncio.sleep(0.01)
        try:
            yield
        finally:
            within = (limits or Limits()).graceful_shutdown_timeout + ENDS_WITHIN
            if not await _end(workers, within):
                stack.pop_all()  # it would wait for them again


async def _end(workers: Sequence[Worker], within: timedelta) -> bool:
    """Let workers end, and tell whether all did in time."""
    stopping = {asyncio.create_task(worker.shutdown()): worker for worker in workers}
    done, late = await asyncio.wait(stopping, timeout=within.total_seconds())
    for task in late:
        logger.warning("the worker of %s has not ended within %s: it is left behind", stopping[task].task_queue, within)
    await asyncio.gather(*done)
    return not late


async def ensure_listeners(
    client: Client, providers: Collection[str], heartbeat_timeout: timedelta = HEARTBEAT_TIMEOUT
) -> None:
    """Start the listener of every provider node that does not have one.

    Args:
        client: A client of the engine's namespace.
        providers: Names of the nodes.
        heartbeat_timeout: With which a new one begins.
    """
    for provider in sorted(providers):
        await client.start_workflow(
            Listener.run,
            args=inputs(provider, heartbeat_timeout),
            id=names.listener_id(provider),
            task_queue=names.TASK_QUEUE,
            task_timeout=names.TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"Listens to {provider}",
        )


async def look_after_listeners(
    client: Client, providers: Collection[str], heartbeat_timeout: timedelta = HEARTBEAT_TIMEOUT
) -> NoReturn:
    """Start listeners again that somebody has ended, once in a while.

    Without one, transfers hear of nothing; and a listener that was terminated by mistake is missed by nobody.
    """
    while True:
        await asyncio.sleep(LOOK_AFTER_LISTENERS.total_seconds())
        try:
            await ensure_listeners(client, providers, heartbeat_timeout)
        except RPCError as error:
            logger.warning("listeners could not be looked after: %s", error)
