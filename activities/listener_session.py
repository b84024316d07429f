"""The session of a listener: what happens on one connection to a provider node, from the first event to its loss.

It begins with a look at the whole node, by which every open transfer learns where its legs are now; then what happens
to a leg goes to the transfer that owns it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.delivery import Delivery, as_look, as_signal
from activities.key_presses import KeyPresses
from activities.listener_errors import connection_lost
from activities.listener_metrics import ListenerMetrics
from activities.open_calls import running_on
from activities.telephony.errors import ListenerReplaced
from activities.telephony.interface import Telephony
from activities.telephony.model import LegEvent, OwnedLegs, TransferAsked
from activities.transfer_key import TransferKeys
from activities.turns import Turns

CONNECT = timedelta(seconds=5)
"""Longest wait until a provider says that it is being listened to."""

COUNT = timedelta(seconds=15)
"""Between two counts of the open legs: as often as Prometheus looks, in docker-compose.yml."""

logger = logging.getLogger(__name__)


class Listening(BaseModel):
    """What the UI shows of a listener: the details of its last heartbeat."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    since: datetime | None = None
    """When the connection was there. Default: not yet."""
    reconciled: int = 0
    """Transfers that were told to look at the real state then."""
    events: int = 0
    """Events heard since."""
    signals: int = 0
    """Signals sent since, reconciliation included; what came after the end of a transfer is not counted."""


@dataclass(frozen=True)
class Node:
    """A provider node that is listened to, and who is told of it."""

    name: str
    telephony: Telephony
    client: Client
    """How transfers are signalled."""
    keys: TransferKeys
    turns: Turns
    metrics: ListenerMetrics


class Session:
    """One connection to a node.

    Args:
        node: What is listened to.
        tasks: Where the sending happens, and whatever else nobody's events may wait for. A signal that Temporal does
            not take fails this group.
    """

    def __init__(self, node: Node, tasks: asyncio.TaskGroup) -> None:
        self._node = node
        self._tasks = tasks
        self._delivery = Delivery(node.client, tasks)
        self._keys = KeyPresses()
        self._since: datetime | None = None
        self._reconciled = 0
        self._events = 0

    @property
    def connected(self) -> bool:
        """Whether the provider has said that it is being listened to."""
        return self._since is not None

    @property
    def listening(self) -> Listening:
        """What there is to tell of it now."""
        return Listening(
            since=self._since, reconciled=self._reconciled, events=self._events, signals=self._delivery.sent
        )

    async def finish(self) -> None:
        """Wait a moment until what has been heard is sent."""
        await self._delivery.finish()

    async def hear(self) -> None:
        """Pass on events until the connection is lost.

        Raises:
            Exception: Why it was, for `lost`.
        """
        node = self._node
        events = node.telephony.events()
        counting: asyncio.Task[NoReturn] | None = None
        try:
            async with asyncio.timeout(CONNECT.total_seconds()):
                await anext(events)
            self._since = datetime.now(UTC)
            node.turns.fine(node.name)
            node.metrics.connected(node.name, +1)
            await self._reconcile()
            counting = asyncio.create_task(node.metrics.count_legs(node.name, node.telephony, COUNT))
            async for event in events:
                if isinstance(event, TransferAsked):
                    # Not waited for: nobody's events may be late because somebody presses a key.
                    self._note_heard("transfer_asked")
                    self._tasks.create_task(node.keys.follow(event))
                elif event is not None:
                    self._pass_on(event)
        finally:
            if counting is not None:
                counting.cancel()
                await asyncio.gather(counting, return_exceptions=True)
            node.metrics.connected(node.name, -1 if self._since else 0)
            await _close(events)

    def lost(self, error: BaseException | None) -> ApplicationError:
        """Note that it is over, and return how Temporal is told so.

        Args:
            error: What `hear` has ended with; None if the provider just ended the events.
        """
        if isinstance(error, ListenerReplaced):
            self._node.turns.fine(self._node.name)  # it is somebody else's turn
        else:
            self._node.turns.lost(self._node.name)
        return connection_lost(self._node.name, error, CONNECT)

    async def _reconcile(self) -> None:
        # Asked for after listening began, so that whatever is not in the answer yet will be heard.
        owners = await self._node.telephony.owners()
        self._look(owners)
        self._node.metrics.legs(self._node.name, owners)
        logger.info("listening to %s, %d transfers look at the real state", self._node.name, len(owners))
        self._tasks.create_task(self._reconcile_bereft(owners.keys()))

    async def _reconcile_bereft(self, owners: AbstractSet[str]) -> None:
        """Tell those whose last leg has ended while nobody listened, and all of them if the node was restarted.

        No leg names them any more, only Temporal knows of them. It takes its time over such a list, and the node must
        be listened to meanwhile.
        """
        try:
            bereft = await running_on(self._node.client, self._node.name) - owners
        except RPCError as error:
            # Only who has no leg left is missed by this, and has its own time limits.
            logger.warning("who else is on %s cannot be found out: %s", self._node.name, error)
            return
        self._look(dict.fromkeys(bereft))
        if bereft:
            logger.info("listening to %s, %d more without a leg look at the real state", self._node.name, len(bereft))

    def _look(self, owners: Mapping[str, OwnedLegs | None]) -> None:
        """Tell workflows what there is of their legs. Who finds more in it than news looks at the real state."""
        for owner, legs in sorted(owners.items()):
            self._delivery.post(owner, as_look(legs))
        self._reconciled += len(owners)
        self._node.metrics.looks(self._node.name, len(owners))

    def _pass_on(self, event: LegEvent) -> None:
        self._note_heard(event.kind.value)
        if self._keys.is_told(event):
            self._delivery.post(event.owner, as_signal(event))

    def _note_heard(self, kind: str) -> None:
        self._events += 1
        self._node.metrics.heard(self._node.name, kind)


async def _close(events: AsyncIterator[LegEvent | TransferAsked | None]) -> None:
    # A generator that is merely left keeps its connection until the garbage collector comes by.
    if isinstance(events, AsyncGenerator):
        await events.aclose()
