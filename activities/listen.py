"""The listener of a provider node: a connection that Temporal keeps alive.

An event that nobody hears is never told again. So exactly one worker listens to a node at a time, for as long as it
can; when it dies, stops or loses the connection, Temporal has it done again, there or elsewhere, and whoever begins to
listen has every open transfer of the node look at the real state first.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from pydantic import BaseModel, ConfigDict
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from activities.admission import Tenants
from activities.attempts import is_awaited, may_be_followed
from activities.delivery import PATIENCE, Delivery, as_look, as_signal
from activities.listener_errors import PAUSE, connection_lost, with_pause, worker_leaves
from activities.listener_metrics import ListenerMetrics
from activities.open_calls import running_on
from activities.telephony.errors import ListenerReplaced
from activities.telephony.interface import Telephony
from activities.telephony.model import LegEvent, OwnedLegs, TransferAsked
from activities.transfer_key import TransferKeys
from activities.turns import Turns

BEATS = 4
"""Heartbeats in a time-out: this worker may stand still for three quarters of it before it is taken for dead."""

UNASKED = timedelta(seconds=3)
"""The heartbeat time-out to go by where there is none."""

CONNECT = timedelta(seconds=5)
"""Longest wait until a provider says that it is being listened to."""

TURN = 0.9
"""Part of its start-to-close time-out after which a listener ends by itself, in good order."""

STAY = timedelta(seconds=5)
"""Longest time that one whose turn is over hears on, until the next one listens: while nobody does, Asterisk takes
nobody into the application. It takes some tenths of a second."""

ASKING = timedelta(seconds=1)
"""Longest wait for what Temporal knows of the next one."""

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


class Listen:
    """The activity that listens.

    Args:
        client: How transfers are signalled.
        providers: The nodes that this worker can reach, by name.
        tenants: What the transfer keys of phones do, and for whom. Default: every tenant has the defaults.
        turns: Is told which nodes are heard. Default: nobody asks.
        leaving: Is set when the worker begins to stop. The SDK's own `activity.wait_for_worker_shutdown` tells a turn
            that has come from the server, but has not begun by then, nothing: it would listen on until it is cancelled.
            Default: it stops with its activities.
        heartbeat_timeout: With which the next turn is to begin. Default: with the same as this one.
        stay: Longest time that is heard on after a turn. Default: as long as the next one may take.
    """

    def __init__(
        self,
        client: Client,
        providers: Mapping[str, Telephony],
        tenants: Tenants | None = None,
        turns: Turns | None = None,
        leaving: asyncio.Event | None = None,
        heartbeat_timeout: timedelta | None = None,
        stay: timedelta = STAY,
    ) -> None:
        self.leaving = leaving or asyncio.Event()
        self._turns = turns or Turns()
        self._heartbeat_timeout = heartbeat_timeout
        self._stay = stay
        self._client = client
        self._providers = providers
        self._tenants = tenants or Tenants()
        self._lives: set[asyncio.Task[None]] = set()
        self._metrics = ListenerMetrics()

    @activity.defn
    async def listen(self, provider: str) -> timedelta | None:
        """Pass on what happens to the legs of a node, until it is the next one's turn.

        Args:
            provider: Name of the node.

        Returns:
            With which heartbeat time-out the next turn is to begin; None if with the same.

        Raises:
            ApplicationError: The connection was lost, this worker is about to stop, or Temporal does not take the
                signals. All of them can be retried.
        """
        telephony = self._providers.get(provider)
        if telephony is None:
            # Another worker of this task queue may have it; so it has to be retried, but not all the time.
            known = ", ".join(sorted(self._providers)) or "none"
            raise ApplicationError(
                f"this worker has no provider {provider} (it has: {known})",
                type="UnknownProvider",
                next_retry_delay=PAUSE,
            )
        if self.leaving.is_set():
            raise worker_leaves(f"the worker that is to listen to {provider} is stopping")
        if not await is_awaited(self._client, CONNECT):
            # It would take the connection away from whoever listens now.
            raise ApplicationError(
                f"somebody else listens to {provider} by now",
                type="Superseded",
                category=ApplicationErrorCategory.BENIGN,
            )
        keys = TransferKeys(self._client, provider, telephony, self._tenants)
        how = (self._turns, self.leaving, self._stay, self._metrics)
        session = _Session(provider, telephony, self._client, keys, *how)
        life = asyncio.create_task(session.live())
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        try:
            why = await asyncio.shield(session.over)
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details is not None and details.not_found and not details.cancel_requested:
                session.given_up.set()  # somebody else is to listen, as this worker stood still for too long
            else:
                life.cancel()
                await asyncio.wait({life})
            raise
        if why is not None:
            error = with_pause(why)
            raise error from error.__cause__
        return self._heartbeat_timeout

    async def until_silent(self) -> None:
        """Wait until nothing is heard any more of what this worker has listened to. Its turns are over."""
        if self._lives:
            _, late = await asyncio.wait(
                self._lives, timeout=(self._stay + timedelta(seconds=PATIENCE)).total_seconds()
            )
            for life in late:
                life.cancel()


class _Session:
    """One worker's turn of listening, and the time after it until somebody else listens."""

    def __init__(
        self,
        provider: str,
        telephony: Telephony,
        client: Client,
        keys: TransferKeys,
        turns: Turns,
        leaving: asyncio.Event,
        stay: timedelta,
        metrics: ListenerMetrics,
    ) -> None:
        self.over: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        """What Temporal is told of the turn, once it is over; None if nothing is wrong."""
        self.given_up = asyncio.Event()
        """Is set when Temporal does not wait for this turn any more."""
        self._client = client
        self._keys = keys
        self._provider = provider
        self._telephony = telephony
        self._turns = turns
        self._leaving = leaving
        self._stay = stay
        self._metrics = metrics
        self._since: datetime | None = None
        self._reconciled = 0
        self._events = 0

    async def live(self) -> None:
        """Listen until somebody else does, or until nobody can."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._delivery = Delivery(self._client, tasks)
                beat = tasks.create_task(self._beat())
                why = await self._until_over(beat)
                # What was heard until now is sent, before anybody else listens and sends what comes after it.
                await self._delivery.finish()
                beat.cancel()
                if why is not None:
                    raise why
        except BaseExceptionGroup as group:
            self._tell(group.exceptions[0])
        else:
            self._tell(None)

    def _tell(self, why: BaseException | None) -> None:
        if not self.over.done():
            self.over.set_result(why)
        elif why is not self.over.result():
            # The next listener makes up for it: it has every transfer look at the real state.
            logger.warning("what was heard of %s after this worker's turn may be lost: %s", self._provider, why)

    async def _beat(self) -> NoReturn:
        """Tell Temporal that this worker lives, in a task of its own: it must not depend on how much happens."""
        timeout = activity.info().heartbeat_timeout
        while True:
            activity.heartbeat(
                Listening(
                    since=self._since, reconciled=self._reconciled, events=self._events, signals=self._delivery.sent
                )
            )
            await asyncio.sleep((timeout or UNASKED).total_seconds() / BEATS)

    async def _until_over(self, beat: asyncio.Task[NoReturn]) -> ApplicationError | None:
        """Listen until there is a reason not to.

        Returns:
            What to tell Temporal; None if the time is up and nothing is wrong.
        """
        hearing = asyncio.create_task(self._hear())
        stopping = asyncio.create_task(self._leaving.wait())
        given_up = asyncio.create_task(self.given_up.wait())
        turn = activity.info().start_to_close_timeout
        try:
            await asyncio.wait(
                {hearing, stopping, given_up},
                timeout=turn.total_seconds() * TURN if turn else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if hearing.done():
                return self._lost(hearing.exception())
            leaves, heard = stopping.done(), self._since is not None and self._telephony.replaces_listeners
            why = worker_leaves(f"the worker that listened to {self._provider} is stopping") if leaves else None
            # The next turn may be this worker's too, unless it leaves.
            if heard and (not leaves or await may_be_followed(self._client, ASKING)):
                await self._delivery.finish()
                beat.cancel()
                self._tell(why)  # and somebody else begins to listen
                await asyncio.wait({hearing}, timeout=self._stay.total_seconds())
            return why
        finally:
            # All have to be over before this is: two listeners of a node would take the connection from each other.
            for task in (hearing, stopping, given_up):
                task.cancel()
            await asyncio.gather(hearing, stopping, given_up, return_exceptions=True)

    def _lost(self, error: BaseException | None) -> ApplicationError:
        if isinstance(error, ListenerReplaced):
            self._turns.fine(self._provider)  # it is somebody else's turn
        else:
            self._turns.lost(self._provider)
        return connection_lost(self._provider, error, CONNECT)

    async def _hear(self) -> None:
        """Pass on events until the connection is lost."""
        events = self._telephony.events()
        counting: asyncio.Task[NoReturn] | None = None
        try:
            async with asyncio.timeout(CONNECT.total_seconds()):
                await anext(events)
            self._since = datetime.now(UTC)
            self._turns.fine(self._provider)
            self._metrics.connected(self._provider, +1)
            await self._reconcile()
            counting = asyncio.create_task(self._metrics.count_legs(self._provider, self._telephony, COUNT))
            async for event in events:
                if isinstance(event, TransferAsked):
                    # Not waited for: nobody's events may be late because somebody presses a key.
                    self._note_heard("transfer_asked")
                    self._tasks.create_task(self._keys.follow(event))
                elif event is not None:
                    self._pass_on(event)
        finally:
            if counting is not None:
                counting.cancel()
                await asyncio.gather(counting, return_exceptions=True)
            self._metrics.connected(self._provider, -1 if self._since else 0)
            await _close(events)

    def _note_heard(self, kind: str) -> None:
        self._events += 1
        self._metrics.heard(self._provider, kind)

    def _look(self, owners: Mapping[str, OwnedLegs | None]) -> None:
        """Tell workflows what there is of their legs. Who finds more in it than news looks at the real state."""
        for owner, legs in sorted(owners.items()):
            self._delivery.post(owner, as_look(legs))
        self._reconciled += len(owners)
        self._metrics.looks(self._provider, len(owners))

    async def _reconcile(self) -> None:
        # Asked for after listening began, so that whatever is not in the answer yet will be heard.
        owners = await self._telephony.owners()
        self._look(owners)
        self._metrics.legs(self._provider, owners)
        logger.info("listening to %s, %d transfers look at the real state", self._provider, len(owners))
        self._tasks.create_task(self._reconcile_bereft(owners.keys()))

    async def _reconcile_bereft(self, owners: AbstractSet[str]) -> None:
        """Tell those whose last leg has ended while nobody listened, and all of them if the node was restarted.

        No leg names them any more, only Temporal knows of them. It takes its time over such a list, and the node must
        be listened to meanwhile.
        """
        try:
            bereft = await running_on(self._client, self._provider) - owners
        except RPCError as error:
            # Only who has no leg left is missed by this, and has its own time limits.
            logger.warning("who else is on %s cannot be found out: %s", self._provider, error)
            return
        self._look(dict.fromkeys(bereft))
        if bereft:
            logger.info("listening to %s, %d more without a leg look at the real state", self._provider, len(bereft))

    def _pass_on(self, event: LegEvent) -> None:
        self._note_heard(event.kind.value)
        self._delivery.post(event.owner, as_signal(event))


async def _close(events: AsyncIterator[LegEvent | TransferAsked | None]) -> None:
    # A generator that is merely left keeps its connection until the garbage collector comes by.
    if isinstance(events, AsyncGenerator):
        await events.aclose()
