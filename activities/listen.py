"""The listener of a provider node: a connection that Temporal keeps alive.

An event that nobody hears is never told again. So exactly one worker listens to a node at a time, for as long as it
can; when it dies, stops or loses the connection, Temporal has it done again, there or elsewhere, and whoever begins to
listen has every open transfer of the node look at the real state first.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.admission import Tenants
from activities.attempts import is_awaited, may_be_followed
from activities.delivery import PATIENCE
from activities.listener_errors import PAUSE, with_pause, worker_leaves
from activities.listener_metrics import ListenerMetrics
from activities.listener_session import CONNECT, Node, Session
from activities.telephony.interface import Telephony
from activities.transfer_key import TransferKeys
from activities.turns import Turns

BEATS = 4
"""Heartbeats in a time-out: this worker may stand still for three quarters of it before it is taken for dead."""

UNASKED = timedelta(seconds=3)
"""The heartbeat time-out to go by where there is none."""

TURN = 0.9
"""Part of its start-to-close time-out after which a listener ends by itself, in good order."""

STAY = timedelta(seconds=5)
"""Longest time that one whose turn is over hears on, until the next one listens: while nobody does, Asterisk takes
nobody into the application. It takes some tenths of a second."""

CLOSING = timedelta(seconds=2)
"""Longest wait for the connection of a turn that was cancelled to be closed. It takes a round trip, and for ever if the
node is gone; until then the worker cannot stop, and nobody else is told that the turn is over."""

ASKING = timedelta(seconds=1)
"""Longest wait for what Temporal knows of the next one."""

logger = logging.getLogger(__name__)


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
        node = Node(provider, telephony, self._client, keys, self._turns, self._metrics)
        turn = _Turn(node, self.leaving, self._stay)
        life = asyncio.create_task(turn.live())
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        try:
            why = await asyncio.shield(turn.over)
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details is not None and details.not_found and not details.cancel_requested:
                turn.given_up.set()  # somebody else is to listen, as this worker stood still for too long
            else:
                life.cancel()
                _, late = await asyncio.wait({life}, timeout=CLOSING.total_seconds())
                if late:
                    logger.warning("the connection to %s did not close in time", provider)
                    life.cancel()  # the closing too
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


class _Turn:
    """One worker's turn of listening, and the time after it until somebody else listens."""

    def __init__(self, node: Node, leaving: asyncio.Event, stay: timedelta) -> None:
        self.over: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        """What Temporal is told of the turn, once it is over; None if nothing is wrong."""
        self.given_up = asyncio.Event()
        """Is set when Temporal does not wait for this turn any more."""
        self._node = node
        self._leaving = leaving
        self._stay = stay

    async def live(self) -> None:
        """Listen until somebody else does, or until nobody can."""
        try:
            async with asyncio.TaskGroup() as tasks:
                session = Session(self._node, tasks)
                beat = tasks.create_task(_beat(session))
                why = await self._until_over(session, beat)
                # What was heard until now is sent, before anybody else listens and sends what comes after it.
                await session.finish()
                beat.cancel()
                if why is not None:
                    raise why
        except BaseExceptionGroup as group:
            self._tell(group.exceptions[0])
        else:
            self._tell(None)

    async def _until_over(self, session: Session, beat: asyncio.Task[NoReturn]) -> ApplicationError | None:
        """Listen until there is a reason not to.

        Returns:
            What to tell Temporal; None if the time is up and nothing is wrong.
        """
        hearing = asyncio.create_task(session.hear())
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
                return session.lost(hearing.exception())
            leaves, heard = stopping.done(), session.connected and self._node.telephony.replaces_listeners
            why = worker_leaves(f"the worker that listened to {self._node.name} is stopping") if leaves else None
            # The next turn may be this worker's too, unless it leaves.
            if heard and (not leaves or await may_be_followed(self._node.client, ASKING)):
                await session.finish()
                beat.cancel()
                self._tell(why)  # and somebody else begins to listen
                await asyncio.wait({hearing}, timeout=self._stay.total_seconds())
            return why
        finally:
            # All have to be over before this is: two listeners of a node would take the connection from each other.
            for task in (hearing, stopping, given_up):
                task.cancel()
            await asyncio.gather(hearing, stopping, given_up, return_exceptions=True)

    def _tell(self, why: BaseException | None) -> None:
        if not self.over.done():
            self.over.set_result(why)
        elif why is not self.over.result():
            # The next listener makes up for it: it has every transfer look at the real state.
            logger.warning("what was heard of %s after this worker's turn may be lost: %s", self._node.name, why)


async def _beat(session: Session) -> NoReturn:
    """Tell Temporal that this worker lives, in a task of its own: it must not depend on how much happens."""
    timeout = activity.info().heartbeat_timeout
    while True:
        activity.heartbeat(session.listening)
        await asyncio.sleep((timeout or UNASKED).total_seconds() / BEATS)
