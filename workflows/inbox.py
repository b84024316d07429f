"""How a transfer is reached: commands as updates, hold and unhold as signals too, provider events, and the status."""

from abc import ABC, abstractmethod
from collections import deque
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from hookflash import (
    Accept,
    Actor,
    Cancel,
    CommandName,
    Decline,
    Extend,
    Hold,
    Party,
    ProviderEvent,
    Retarget,
    Target,
    TransferStatus,
    Unhold,
)
from hookflash.converter import Unreadable
from hookflash.names import PROVIDER_EVENT_SIGNAL, STATUS_QUERY
from workflows.core import Command, PlannedTarget, State, Timer, decide, possible
from workflows.news import Asked, KeyPressed, News, Reconcile
from workflows.notice_board import NoticeBoard

COMMAND_REJECTED = "CommandRejected"
"""Type of the error that a refused command ends with."""

MOST_PROVIDER_EVENTS = 1000
"""Events after which a transfer listens to no keys any more: its journal and its history are for more than those. How
many it is sent at all is for the listener to limit."""


class Inbox(ABC):
    """Base of the workflow: its handlers. They only append, so that a single consumer sees everything in order."""

    def __init__(self) -> None:
        """Start empty: handlers can run before ``run`` does."""
        self._inbox: deque[News] = deque()
        self._board = NoticeBoard()
        self._state: State | None = None
        self._provider_events = 0

    @abstractmethod
    async def _plan(self, target: Target) -> PlannedTarget:
        """Ask the policy for a further target, and number it."""

    def _check(self, command: Command) -> None:
        """Refuse at once what makes no sense now; a refusal here leaves nothing in the history."""
        if self._state is not None:
            refused = decide(self._state, command).refused
            if refused:
                raise self._rejection(command, refused)

    @abstractmethod
    def _number_of(self, leg: str) -> int:
        """Return the number of the target that a leg belongs to; 0 if it is no target's."""

    @abstractmethod
    def _check_leg(self, target: Target) -> None:
        """Refuse a further target that is a leg with a part in this transfer already."""

    async def _obey(
        self, command: Command, remaining: timedelta | None = None, noted: int | None = None
    ) -> TransferStatus:
        """Have a command carried out.

        Args:
            command: Which.
            remaining: For ``extend``: how long the wait runs from now on.
            noted: How many lines the journal had when the command came. Default: as many as now.
        """
        noted = self._board.noted if noted is None else noted
        self._check(command)  # again: a target has to be admitted first, and the transfer may be over since
        asked = Asked(command, remaining=remaining)
        self._inbox.append(asked)
        await workflow.wait_condition(lambda: asked.answered)
        if asked.refused:
            raise self._rejection(command, asked.refused)
        return self._board.since(noted)

    def _rejection(self, command: Command, why: str) -> ApplicationError:
        assert self._state is not None
        now = ", ".join(possible(self._state)) or "nothing"
        text = f"cannot {command.name.value} in stage {self._state.stage.value}: {why}; possible now: {now}"
        return ApplicationError(text, type=COMMAND_REJECTED, non_retryable=True)

    @workflow.update(name="hold", description='Put a party on hold. Body: {"party": "customer"}, or nothing.')
    async def hold(self, order: Hold | None = None) -> TransferStatus:
        """Put a party on hold."""
        return await self._obey(_hold(order))

    @hold.validator
    def _check_hold(self, order: Hold | None = None) -> None:
        self._check(_hold(order))

    @workflow.update(name="unhold", description='Bring a party into the room. Body: {"party": "customer"}, or nothing.')
    async def unhold(self, order: Unhold | None = None) -> TransferStatus:
        """Bring a party into the room."""
        return await self._obey(_unhold(order))

    @unhold.validator
    def _check_unhold(self, order: Unhold | None = None) -> None:
        self._check(_unhold(order))

    @workflow.update(name="swap", description="Customer and target change places. No body.")
    async def swap(self) -> TransferStatus:
        """Let customer and target change places."""
        return await self._obey(Command(CommandName.SWAP))

    @swap.validator
    def _check_swap(self) -> None:
        self._check(Command(CommandName.SWAP))

    @workflow.update(name="conference", description="All three talk; a ringing target joins when it answers. No body.")
    async def conference(self) -> TransferStatus:
        """Let all three talk."""
        return await self._obey(Command(CommandName.CONFERENCE))

    @conference.validator
    def _check_conference(self) -> None:
        self._check(Command(CommandName.CONFERENCE))

    @workflow.update(name="complete", description="The agent leaves; a ringing target rings on. No body.")
    async def complete(self) -> TransferStatus:
        """Let the agent leave."""
        return await self._obey(Command(CommandName.COMPLETE))

    @complete.validator
    def _check_complete(self) -> None:
        self._check(Command(CommandName.COMPLETE))

    @workflow.update(name="cancel", description='The customer goes back. Body: {"by": "agent"}, or nothing.')
    async def cancel(self, order: Cancel | None = None) -> TransferStatus:
        """Give up: the customer goes back to the agent."""
        noted = self._board.noted
        self._board.note(f"cancel: {order.reason}" if order and order.reason else "")
        return await self._obey(_cancel(order), noted=noted)

    @cancel.validator
    def _check_cancel(self, order: Cancel | None = None) -> None:
        self._check(_cancel(order))

    @workflow.update(name="retarget", description='Ring somebody else. Body: {"target": {"address": "pjsip:claims"}}')
    async def retarget(self, order: Retarget) -> TransferStatus:
        """Ring somebody else instead."""
        noted = self._board.noted
        planned = await self._plan(order.target)
        return await self._obey(Command(CommandName.RETARGET, target=planned), noted=noted)

    @retarget.validator
    def _check_retarget(self, order: Retarget) -> None:
        self._check(Command(CommandName.RETARGET, target=self._state.current if self._state else None))
        self._check_leg(order.target)

    @workflow.update(name="accept", description='A target that is asked takes the call. Body: {"leg": …}, or nothing.')
    async def accept(self, order: Accept | None = None) -> TransferStatus:
        """Let in a target that is asked to accept."""
        return await self._obey(self._answer(CommandName.ACCEPT, order))

    @accept.validator
    def _check_accept(self, order: Accept | None = None) -> None:
        self._check(self._answer(CommandName.ACCEPT, order))

    @workflow.update(name="decline", description='A target that is asked refuses. Body: {"leg": …}, or nothing.')
    async def decline(self, order: Decline | None = None) -> TransferStatus:
        """Refuse on behalf of a target that is asked to accept."""
        return await self._obey(self._answer(CommandName.DECLINE, order))

    @decline.validator
    def _check_decline(self, order: Decline | None = None) -> None:
        self._check(self._answer(CommandName.DECLINE, order))

    def _answer(self, name: CommandName, order: Accept | Decline | None) -> Command:
        number = self._number_of(order.leg) if order and order.leg else None
        return Command(name, by=Actor.TARGET, number=number)

    @workflow.update(
        name="extend", description='A wait runs longer. Body: {"wait": "hold_budget", "remaining": "PT5M"}'
    )
    async def extend(self, order: Extend) -> TransferStatus:
        """Let a wait run longer."""
        return await self._obey(_extend(order), order.remaining)

    @extend.validator
    def _check_extend(self, order: Extend) -> None:
        self._check(_extend(order))

    @workflow.signal(name="hold", description='As the update, nobody waits. Body: {"party": "customer"}, or nothing.')
    def hold_signal(self, order: Hold | Unreadable | None = None) -> None:
        """Put a party on hold; nobody waits for the answer."""
        assert not isinstance(order, Unreadable)  # the guard drops and notes it
        self._inbox.append(Asked(_hold(order)))

    @workflow.signal(name="unhold", description='As the update, nobody waits. Body: {"party": "agent"}, or nothing.')
    def unhold_signal(self, order: Unhold | Unreadable | None = None) -> None:
        """Bring a party into the room; nobody waits for the answer."""
        assert not isinstance(order, Unreadable)
        self._inbox.append(Asked(_unhold(order)))

    @workflow.signal(name=PROVIDER_EVENT_SIGNAL, description="What the provider reports of a leg. Sent by listeners.")
    def provider_event(self, event: ProviderEvent | Unreadable) -> None:
        """Hear what happened to a leg. What is not understood is ignored."""
        assert not isinstance(event, Unreadable)
        self._provider_events += 1
        if event.kind == "reconcile":
            legs = tuple(ProviderEvent(kind=phase, leg=leg) for leg, phase in event.legs.items())
            self._inbox.append(Reconcile(legs, event.mark))
        elif event.kind != "digit":
            self._inbox.append(event)
        elif self._provider_events <= MOST_PROVIDER_EVENTS:
            self._inbox.append(KeyPressed(event, workflow.now()))

    def note_dropped_signal(self, name: str, problem: str) -> None:
        """Write a signal that made no sense into the journal: its sender was told nothing."""
        self._board.note_at_once(f"signal {name} dropped: {problem}")

    @workflow.query(name=STATUS_QUERY, description="Stage, who is where, running waits, journal, possible commands.")
    def status(self) -> TransferStatus:
        """Return what is going on."""
        return self._board.status


def _hold(order: Hold | None) -> Command:
    return Command(CommandName.HOLD, order.party if order else Party.CUSTOMER)


def _unhold(order: Unhold | None) -> Command:
    return Command(CommandName.UNHOLD, order.party if order else Party.CUSTOMER)


def _cancel(order: Cancel | None) -> Command:
    return Command(CommandName.CANCEL, by=Actor(order.by) if order else Actor.AGENT)


def _extend(order: Extend) -> Command:
    return Command(CommandName.EXTEND, timer=Timer(order.wait.value))
