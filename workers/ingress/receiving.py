"""From a webhook to signals and an answer. Judged first; then at most so many at once, and each within its time."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.service import RPCError, RPCStatusCode

from activities import metrics
from activities.delivery import as_signal, deliver
from activities.telephony.model import LegEvent
from activities.telephony.webhook import Received, Refused, WebhookAnswer, WebhookEndpoint, WebhookRequest
from hookflash import names
from hookflash._about import about

SLOTS = 16
"""Signals in flight. With more of them a Temporal that is slow would be late with all; so it is late with none that
has begun, and the others are told again."""
QUIET = 10.0
"""Seconds in which a reason to refuse is logged once: whoever calls us must not fill a disk."""

logger = logging.getLogger(__name__)


class Receiver:
    """Takes webhooks for the providers that call them. It keeps nothing between two of them but counts."""

    def __init__(
        self, endpoints: Mapping[str, WebhookEndpoint], meter: MetricMeter, *, at_once: int, patience: timedelta
    ) -> None:
        """Take webhooks.

        Args:
            endpoints: Who calls, by the name of the node.
            meter: Where they are counted.
            at_once: How many may be in hand at the same time.
            patience: How long Temporal may take over one of them.
        """
        self.client: Client | None = None
        """How transfers are signalled. None: there is no connection to Temporal yet."""
        self._endpoints = endpoints
        self._meter = meter
        self._at_once = at_once
        self._patience = patience
        self._in_hand = 0
        self._slots = asyncio.Semaphore(SLOTS)
        self._said: dict[str, float] = {}

    def show(self, *, up: bool) -> None:
        """Show whether webhooks are taken here."""
        for node in self._endpoints:
            metrics.show(self._meter, metrics.INGRESS_UP, {"provider": node}, int(up))

    async def handle(self, request: WebhookRequest) -> WebhookAnswer:
        """Answer a webhook. Nothing is done before it was judged, and nothing is left to do after the answer."""
        node = self._node_of(request)
        try:
            received = self._judged(node, request)
        except Refused as refused:
            self.note_refused(node, refused)
            return refused.answer
        of_one = {(it.owner, it.leg) for it in received.events}
        owner, leg = of_one.pop() if len(of_one) == 1 else ("", "")
        with about(owner=owner, leg=leg):
            try:
                answer = await self._delivered(node, received)
            except Refused as refused:
                self.note_refused(node, refused)
                return refused.answer
        labels = {"provider": node, "kind": received.kind}
        metrics.count(self._meter, metrics.WEBHOOKS_RECEIVED, labels)
        return answer

    def note_refused(self, node: str, refused: Refused) -> None:
        """Count a webhook that was not taken, and say why, once in a while."""
        metrics.count(self._meter, metrics.WEBHOOKS_REFUSED, {"provider": node, "reason": refused.reason})
        now = asyncio.get_running_loop().time()
        if now - self._said.get(refused.reason, -QUIET) >= QUIET:
            self._said[refused.reason] = now
            logger.warning("a webhook was refused (%s): %s", refused.reason, refused)

    def _node_of(self, request: WebhookRequest) -> str:
        """Return the node that a path leads to; empty if we have no such node, whose name must not become a label."""
        return next((it for it, endpoint in self._endpoints.items() if request.target.startswith(endpoint.prefix)), "")

    def _judged(self, node: str, request: WebhookRequest) -> Received:
        if not node:
            raise Refused(404, "unknown_path", "path: nobody calls there")
        return self._endpoints[node].receive(request)

    async def _delivered(self, node: str, received: Received) -> WebhookAnswer:
        if not received.events:
            return received.answer
        try:
            await self._signal(received.events, received.digest)
        except Refused as refused:
            if received.if_undelivered is None:
                raise
            self.note_refused(node, refused)
            return received.if_undelivered
        return received.answer

    async def _signal(self, events: Sequence[LegEvent], digest: str) -> None:
        """Signal what a webhook tells, once for whoever it is told again to.

        Raises:
            Refused: Not in time. The provider tries again, and what was signalled already counts once.
        """
        if self.client is None:
            raise _later("temporal", "not connected to Temporal yet")
        if self._in_hand >= self._at_once:
            raise _later("overloaded", "too many at once")
        self._in_hand += 1
        try:
            async with asyncio.timeout(self._patience.total_seconds()), self._slot():
                for number, event in enumerate(events):
                    await self._tell(self.client, event, f"webhook-{digest}-{number}")
        except TimeoutError as error:
            raise _later("temporal", "Temporal did not answer in time") from error
        except RPCError as error:
            raise _later("temporal", f"Temporal did not take it: {error.status.name}") from error
        finally:
            self._in_hand -= 1

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None]:
        """Wait for one of few places, for half of the time: who begins later would not get done in the rest.

        Raises:
            Refused: There was none.
        """
        try:
            async with asyncio.timeout(self._patience.total_seconds() / 2):
                await self._slots.acquire()
        except TimeoutError as error:
            raise _later("overloaded", "too many at once") from error
        try:
            yield
        finally:
            self._slots.release()

    async def _tell(self, client: Client, event: LegEvent, request_id: str) -> None:
        """Tell the first of those who may own the leg by now, and nobody if all of them are over."""
        told = as_signal(event)
        async for owner in _owners(client, event.owner):
            if await deliver(client, owner, told, request_id=request_id, rpc_timeout=self._patience):
                return


async def _owners(client: Client, former: str) -> AsyncIterator[str]:
    """Yield who may own a leg by now; last the watch that the last transfer of its call has left, which takes asking.

    Raises:
        RPCError: Temporal did not say.
    """
    owner = former
    for owner in names.heirs(former):
        yield owner
    try:
        last = await client.get_workflow_handle(names.owning_run(owner)[0]).describe()
    except RPCError as error:
        if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
            raise
    else:
        if last.run_id != names.owning_run(former)[1]:
            yield names.owner_token(names.supervision_id(last.id, last.run_id), "")


def _later(reason: str, said: str) -> Refused:
    return Refused(503, reason, said, {"Retry-After": "1"})
