"""From a provider's events to signals: in order for each workflow, workflows side by side."""

import asyncio
import logging
from collections import deque
from datetime import timedelta

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.telephony.model import LegEvent, OwnedLegs
from hookflash import names
from hookflash._about import about
from hookflash.events import ProviderEvent

AT_ONCE = 32
"""Signals in flight. After a reconnect every open transfer of a node gets one, and Temporal has other work too."""

RPC_TIMEOUT = timedelta(seconds=5)
"""Longest wait for one answer. A refused connection is tried again by the SDK itself, with back-off for about nine
seconds and with the same request id, so that a signal whose answer was lost does not arrive twice."""

PATIENCE = 3.0
"""Seconds that the last signals get when listening is over."""

UNDELIVERED = "Undelivered"
"""The `type` of the error that says that Temporal did not take a signal."""

logger = logging.getLogger(__name__)


def as_signal(event: LegEvent) -> ProviderEvent:
    """Return what a workflow is told of an event."""
    return ProviderEvent(
        kind=event.kind, leg=event.leg, cause=event.cause or "", digit=event.digit, evidence=event.evidence
    )


def as_look(legs: OwnedLegs | None) -> ProviderEvent:
    """Return what a workflow is told of a look at the whole node; None: it has no live leg there."""
    if legs is None:
        return ProviderEvent(kind="reconcile")
    return ProviderEvent(
        kind="reconcile",
        legs={leg: phase.name.lower() for leg, phase in sorted(legs.phases.items())},
        mark=legs.mark,
    )


async def deliver(
    client: Client, owner: str, event: ProviderEvent, *, request_id: str = "", rpc_timeout: timedelta = RPC_TIMEOUT
) -> bool:
    """Send an event to a workflow.

    Args:
        client: A client with the data converter of the contract.
        owner: See `hookflash.names.owner_token`.
        event: What is told.
        request_id: Of two signals with the same one a run gets the first only, whoever sends them. Default: a new one,
            by which the SDK's own tries of this call are one signal.
        rpc_timeout: Longest wait for the answer, tries included.

    Returns:
        False if nobody is told, now or ever: the workflow is over, or Temporal refuses the signal as such.

    Raises:
        RPCError: Temporal did not take it now.
    """
    with about(owner=owner, leg=event.leg):
        try:
            await _signal(client, owner, event, request_id, rpc_timeout)
        except RPCError as error:
            match error.status:
                case RPCStatusCode.NOT_FOUND:
                    logger.debug("%s of leg %s came after the end of %s", event.kind, event.leg, owner)
                case RPCStatusCode.INVALID_ARGUMENT:
                    # It will never be taken: an owner that is no workflow id, or a workflow with too many signals.
                    # The transfers of everybody else must not suffer from it.
                    logger.warning("Temporal refused %s of leg %s for %s: %s", event.kind, event.leg, owner, error)
                case _:
                    raise
            return False
        logger.debug("%s was told to %s", event.kind, owner)
        return True


async def _signal(client: Client, owner: str, event: ProviderEvent, request_id: str, rpc_timeout: timedelta) -> None:
    workflow, run_id = names.owning_run(owner)
    if not request_id:
        handle = client.get_workflow_handle(workflow, run_id=run_id)
        await handle.signal(names.PROVIDER_EVENT_SIGNAL, event, rpc_timeout=rpc_timeout)
        return
    # The handle makes up the request id by itself, and takes none.
    request = SignalWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow, run_id=run_id or ""),
        signal_name=names.PROVIDER_EVENT_SIGNAL,
        input=Payloads(payloads=await client.data_converter.encode([event])),
        identity=client.identity,
        request_id=request_id,
    )
    await client.workflow_service.signal_workflow_execution(request, retry=True, timeout=rpc_timeout)


class Delivery:
    """Sends signals in the background, while the provider is already being listened to again.

    Args:
        client: A client with the data converter of the contract.
        tasks: Where the sending happens. A signal that Temporal does not take fails this group, and with it the
            listener: the next one reconciles, which makes up for what was not sent.
    """

    def __init__(self, client: Client, tasks: asyncio.TaskGroup) -> None:
        self.sent = 0
        """How many signals Temporal has taken."""
        self._client = client
        self._tasks = tasks
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[str, deque[ProviderEvent]] = {}
        self._senders: set[asyncio.Task[None]] = set()

    def post(self, owner: str, event: ProviderEvent) -> None:
        """Send an event to a workflow, after all that was posted to it before."""
        waiting = self._waiting.get(owner)
        if waiting is not None:
            waiting.append(event)
            return
        self._waiting[owner] = deque([event])
        sender = self._tasks.create_task(self._send_all(owner))
        self._senders.add(sender)
        sender.add_done_callback(self._senders.discard)

    async def finish(self) -> None:
        """Wait a moment for what has been posted. A digit is told once, and no look at the real state shows it."""
        if self._senders:
            _, late = await asyncio.wait(self._senders, timeout=PATIENCE)
            for sender in late:
                sender.cancel()

    async def _send_all(self, owner: str) -> None:
        waiting = self._waiting[owner]
        try:
            while waiting:
                async with self._at_once:
                    await self._send(owner, waiting[0])
                waiting.popleft()
        finally:
            del self._waiting[owner]

    async def _send(self, owner: str, event: ProviderEvent) -> None:
        try:
            taken = await deliver(self._client, owner, event)
        except RPCError as error:
            raise ApplicationError(
                f"Temporal did not take a signal for {owner}: {error.status.name}", type=UNDELIVERED
            ) from error
        self.sent += taken  # not in one with the waiting: others count meanwhile
