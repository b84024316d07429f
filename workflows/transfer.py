"""The transfer of a live call: hears what happens, lets the decision core decide, and carries out what it decides."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.telephony.model import SeenLeg
from hookflash import (
    Actor,
    Cause,
    CommandName,
    Evidence,
    Outcome,
    Party,
    ProviderEvent,
    Target,
    TransferRequest,
    TransferResult,
)
from hookflash._about import about
from hookflash.names import WORKFLOW_TYPE, owner_token
from workflows.admitting import admit
from workflows.aim import Aim
from workflows.arrange_input import arrange_input
from workflows.arranger import Arranger
from workflows.call import Call
from workflows.core import (
    Arranged,
    ArrangeFailed,
    Command,
    DigitPressed,
    Ending,
    Event,
    LegEnded,
    PlannedTarget,
    State,
    Timer,
    TimerFired,
    begin,
    deadlines,
    decide,
    refuse,
)
from workflows.declining import tell_declined
from workflows.feature_codes import DigitCollector
from workflows.handover import hand_over, take_over
from workflows.inbox import COMMAND_REJECTED, Inbox
from workflows.ledger import Ledger
from workflows.legs import Legs
from workflows.limits import CAUSE_FOLLOWS
from workflows.measuring import Measuring
from workflows.news import Asked, KeyPressed, News, NotArranged, Observed, Reconcile
from workflows.recordings import RecordingTroubles
from workflows.timers import Timers
from workflows.wording import happened, unheard

_NOBODY_WAITS = (Timer.LINGER, Timer.OVERALL_LIMIT)
"""Waits during which nobody need be on hold."""


@workflow.defn(name=WORKFLOW_TYPE)
class Transfer(Inbox):
    """One transfer. Its handlers (see ``Inbox``) only append to the inbox; ``_transfer`` is the single consumer."""

    def __init__(self) -> None:
        """Start with an empty inbox: handlers can run before ``run`` does."""
        super().__init__()
        self._call: Call | None = None
        self._told: set[str] = set()
        self._recordings = RecordingTroubles()
        self._unexplained: dict[str, asyncio.Task[None]] = {}

    @workflow.run
    async def run(self, request: TransferRequest) -> TransferResult:
        """Transfer a call. Business outcomes are results; a workflow cancel is an operator's ``cancel`` command.

        Args:
            request: Who is transferred, to whom, and within which limits.
        """
        transfer = asyncio.create_task(self._transfer(request))
        heard_cancel = False
        while True:
            try:
                return await asyncio.shield(transfer)
            except asyncio.CancelledError:
                # A cancel comes once. Anything else that cancels is the worker evicting the workflow.
                if heard_cancel or workflow.cancellation_reason() is None:
                    raise
                heard_cancel = True
                self._inbox.append(Asked(Command(CommandName.CANCEL, by=Actor.OPERATOR)))

    async def _transfer(self, request: TransferRequest) -> TransferResult:
        info = workflow.info()
        call = self._call = Call(request, owner_token(info.workflow_id, info.run_id), Legs(info.run_id, request))
        self._ledger = Ledger(request, call.legs, call.name, workflow.now())
        self._measuring = Measuring(request, self._ledger)
        self._codes = DigitCollector(request.policy.feature_codes)
        self._timers = Timers(
            call.length,
            call.describe,
            lambda deadline: self._inbox.append(TimerFired(deadline)),
            lambda deadline: call.rest(deadline, workflow.now()),
        )
        self._arranger = Arranger(lambda aim: arrange_input(call, aim), self._inbox.append)
        self._board.announce(request)
        try:
            self._state = await self._admit_and_begin(call)
        except ApplicationError:
            self._board.post_unbegun(request)
            raise
        while not self._state.ended:
            self._arranger.follow(self._state)
            if self._state.closing:
                self._timers.lapse()
            else:
                self._timers.keep(deadlines(self._state))
            self._board.post(call, self._state, self._timers.running, arranging=self._arranger.busy)
            await workflow.wait_condition(self._something_new)
            while self._inbox:
                await self._consume(call, self._inbox.popleft())
            call.legs.note_dialled(workflow.now())
        return await self._finish(call, self._state)

    async def _admit_and_begin(self, call: Call) -> State:
        """Ask the policy before anything is touched."""
        request = call.request
        verdict = await admit(
            request,
            call.asked_for,
            self._board.note,
            agent=call.called_back,
            places=call.places,
            caller_ids=call.caller_ids,
        )
        planned = call.plan(verdict) if verdict else ()
        denied = Cause.PROVIDER_ERROR if verdict is None else verdict.mode_denied
        for target in verdict.targets if verdict else ():
            if target.denied:
                if target is not call.agent_judged:
                    self._ledger.denied(target.name, target.denied)
                self._board.note(f"{target.name} must not be rung: {target.denied.value}")
                denied = denied or (None if planned else target.denied)
        for use in call.denied_hand_offs:
            self._board.note(f"{use} must not be used: {Cause.DESTINATION_DENIED.value}")
        for use in call.denied_numbers:
            self._board.note(f"{use} must not be shown: not one of the tenant's")
        if verdict and verdict.mode_reason:
            allowed = "denied" if verdict.mode_denied else "allowed"
            self._board.note(f"{request.mode.value} is {allowed}: {verdict.mode_reason}")
        asked = [it for it in self._inbox if isinstance(it, Asked) and it.command.name is CommandName.CANCEL]
        for cancel in asked:
            cancel.answered = True
        if asked:
            by = asked[0].command.by
            cause = Cause.OPERATOR_CANCELLED if by is Actor.OPERATOR else Cause.AGENT_CANCELLED
            return refuse(call.rules, Ending(Outcome.CANCELLED, cause, by))
        if denied:
            return refuse(call.rules, Ending(Outcome.REJECTED, denied, Actor.ENGINE))
        state = begin(call.rules, planned)
        self._ledger.first_step(state, workflow.now())
        return state

    async def _plan(self, target: Target) -> PlannedTarget:
        await workflow.wait_condition(lambda: self._call is not None)
        call = self._call
        assert call is not None
        admission = asyncio.create_task(admit(call.request, (target,), self._board.note))
        await workflow.wait_condition(lambda: admission.done() or self._board.result is not None)
        if not admission.done():
            admission.cancel()
            raise ApplicationError("cannot retarget: the transfer is over", type=COMMAND_REJECTED, non_retryable=True)
        verdict = await admission
        self._check_leg(target)  # again: another retarget may have named it meanwhile
        planned = call.add_target(target, verdict.targets[0]) if verdict else None
        if planned is None:
            denied = verdict.targets[0].denied if verdict else None
            why = f"{denied.value}" if denied else "the policy could not be asked"
            raise ApplicationError(f"cannot retarget: {why}", type=COMMAND_REJECTED, non_retryable=True)
        return planned

    def _check_leg(self, target: Target) -> None:
        # What was heard of that leg would be taken for the target's, and the one whose it is would be lost.
        if self._call is not None and target.leg is not None and self._call.has_part(target.leg):
            why = "target.leg has a part in this transfer already"
            raise ApplicationError(f"cannot retarget: {why}", type=COMMAND_REJECTED, non_retryable=True)

    def _number_of(self, leg: str) -> int:
        ref = self._call.legs.ref(leg) if self._call else None
        return ref.number if ref and ref.party is Party.TARGET else 0

    def _something_new(self) -> bool:
        self._arranger.raise_if_broken()
        self._timers.raise_if_broken()
        return bool(self._inbox)

    async def _consume(self, call: Call, news: News) -> None:
        match news:
            case Asked():
                news.refused = self._decide(call, news.command)
                news.answered = True
                if news.remaining is not None and news.command.timer is not None and not news.refused:
                    self._extend(call, news.command.timer, news.remaining)
            case Observed():
                await self._consume_observation(call, news)
            case NotArranged():
                self._board.note(f"provider: {news.why}")
                if self._state and news.aim == Aim.of(self._state):
                    self._ledger.impossible = news.why if news.permanently else ""
                    self._decide(call, ArrangeFailed(news.permanently))
            case TimerFired():
                # Several may be over at once, and what came of the first has settled the others.
                if self._state is not None and news.deadline in deadlines(self._state):
                    self._decide(call, news)
            case Reconcile():
                self._reconcile(call, news)
            case ProviderEvent():
                self._consume_event(call, news)
            case KeyPressed():
                self._consume_key(call, news)

    def _consume_event(self, call: Call, news: ProviderEvent) -> None:
        ref = call.legs.ref(news.leg)
        if news.kind == "unheard" and ref is not None:
            self._board.note(unheard(call.name(ref), news.evidence.text))
        for event in call.legs.heard(news):
            self._decide(call, event)

    def _reconcile(self, call: Call, news: Reconcile) -> None:
        """Take in what a look at the whole node has shown of our legs; look ourselves if there is more to it."""
        self._measuring.reconciling = True
        for leg in news.legs:
            for event in call.legs.heard(leg):
                self._measuring.saw()
                self._decide(call, event)
        if self._arranger.saw(news.mark):
            self._measuring.reconciling = False
        else:
            self._arranger.look_again()

    def _consume_key(self, call: Call, news: KeyPressed) -> None:
        for event in call.legs.heard(news.event):
            self._decide(call, event)
            assert self._state is not None
            typed = self._codes.hear(self._state, event, news.at) if isinstance(event, DigitPressed) else None
            if typed is not None:
                self._decide(call, typed.command, typed.code)

    def _extend(self, call: Call, timer: Timer, remaining: timedelta) -> None:
        if self._state is not None:
            self._timers.keep(deadlines(self._state))  # what has begun since the last look can be extended too
        length = self._timers.extend(timer, remaining)
        if timer is Timer.ACCEPT and length > call.accept_extended:
            call.accept_extended = length
            self._arranger.look_again()
        if timer not in _NOBODY_WAITS and length > call.hold_limit:
            call.hold_limit = length
            self._arranger.look_again()  # the provider's own time-out stands behind it, and has to move too

    async def _consume_observation(self, call: Call, news: Observed) -> None:
        call.since = news.observation.since or call.since
        if news.observation.stands:
            await take_over(news.observation, self._told)
        for seen in news.observation.legs:
            if line := self._recordings.news(call, seen):
                self._board.note(line)
                with about(leg=seen.leg):
                    workflow.logger.warning(line)
        for seen in news.observation.legs:
            if call.legs.awaits_cause(seen):
                self._allow_for_cause(seen)
            for event in call.legs.saw(seen):
                self._measuring.saw()
                self._decide(call, event)
        self._measuring.reconciling = False
        assert self._state is not None
        if any(seen.owner and seen.leg == call.other_line for seen in news.observation.legs):
            # For its sake the whole arrangement was refused, and nobody here needs it to be released.
            call.other_line = None
            self._board.note("agent's other call is in another transfer and stays there")
            self._arranger.look_again()
        elif news.aim != Aim.of(self._state):
            self._arranger.look_again()  # the state may come back to this aim, and nobody would remember what was seen
        else:
            if news.observation.stands:
                self._measuring.stands(self._state, workflow.now())
            # A surprise that changes nothing would be arranged again at once, for ever.
            self._decide(call, Arranged() if news.observation.stands else ArrangeFailed())

    def _allow_for_cause(self, seen: SeenLeg) -> None:
        """Give the event that says why a leg ended a moment to arrive: 'busy' says more than 'gone'."""
        leg, likeliest = seen.leg, seen.cause or Cause.PROVIDER_ERROR
        evidence = seen.evidence if seen.cause else Evidence()  # a cause that comes even later may still explain it

        async def allow() -> None:
            await workflow.sleep(CAUSE_FOLLOWS, summary="Why a leg ended is still to be told (500 ms)")
            self._inbox.append(ProviderEvent(kind="ended", leg=leg, cause=likeliest, evidence=evidence))

        if leg not in self._unexplained:
            self._unexplained[leg] = asyncio.create_task(allow())

    def _decide(self, call: Call, event: Event, code: str = "") -> str:
        """Let the core decide, and keep the books.

        Args:
            call: The call.
            event: What happened.
            code: Feature code by which a command was given; empty: it was not.

        Returns:
            Why a command was refused.
        """
        assert self._state is not None
        if isinstance(event, LegEnded):
            event = call.as_refused(event)
        now, before = workflow.now(), self._state
        decision = decide(before, event)
        self._state = decision.state
        self._ledger.note_event(event, now)
        if isinstance(event, Arranged):
            self._ledger.stood = before
        self._ledger.note_step(before, decision.state, now)
        line = happened(event, call.name, code)
        self._board.note(f"{line}: refused, {decision.refused}" if decision.refused else line)
        return decision.refused

    async def _finish(self, call: Call, state: State) -> TransferResult:
        self._timers.lapse()
        result = self._board.result = self._ledger.result(state, workflow.now())
        self._measuring.finished(result)
        self._board.post(call, state, (), arranging=False)
        await hand_over(call, state)
        if call.request.agent.asked_by_phone and (not state.begun or result.outcome is Outcome.REJECTED):
            await tell_declined(call)
        for news in self._inbox:
            if isinstance(news, Asked) and not news.answered:
                news.refused, news.answered = "the transfer is over", True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result
