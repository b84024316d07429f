"""Keeps the books of a transfer: every attempt with its times, and how long the customer spent where."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hookflash import Attempt, Cause, FallbackTried, Outcome, Party, Stage, TransferRequest, TransferResult
from hookflash.events import Evidence
from workflows.core import LegAnswered, LegRang, LegRef, PlannedTarget, Standing, State
from workflows.core.events import Event, LegEnded
from workflows.core.rivals import leg_of
from workflows.legs import Legs

_NOTHING = timedelta()

_LEFT_WITH = {
    Outcome.SENT_TO_VOICEMAIL: ("voicemail",),
    Outcome.SENT_TO_QUEUE: ("queue",),
    Outcome.SENT_TO_FLOW: ("flow",),
}

_TAKEN_BY = {
    "recall": Outcome.RECALLED_AGENT,
    "target": Outcome.CONNECTED,
    "voicemail": Outcome.SENT_TO_VOICEMAIL,
    "queue": Outcome.SENT_TO_QUEUE,
    "flow": Outcome.SENT_TO_FLOW,
    "call_back": Outcome.CALLBACK_SCHEDULED,
    "hang_up": Outcome.FAILED,
}
"""Outcome that says that the customer ended up with a kind of fallback."""

_COUNTED: dict[str, Callable[[State], bool]] = {
    "held": lambda state: state.customer.up and not state.customer_with_person,
    "ringing": lambda state: state.target.calling or any(rival.standing.calling for rival in state.rivals),
    "consulting": lambda state: state.stage is Stage.CONSULTING,
    "with_agent": lambda state: state.customer is Standing.IN_ROOM and state.agent is Standing.IN_ROOM,
}


_OVER = (Standing.GONE, Standing.DISMISSED)


def _targets(state: State) -> dict[LegRef, Standing]:
    """Return the targets that a state speaks of, in the order of their numbers."""
    current = {state.target_leg: state.target} if state.target_leg else {}
    rivals = {leg_of(rival.target): rival.standing for rival in state.rivals}
    return dict(sorted((current | rivals).items()))


@dataclass
class _Entry:
    name: str
    ref: LegRef | None
    dialled_at: datetime | None = None
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    cause: Cause | None = None


@dataclass
class Ledger:
    """Is told of each event and each state, with the workflow's time."""

    request: TransferRequest
    legs: Legs
    name_of: Callable[[LegRef], str]
    """How operators call a leg."""
    started_at: datetime
    impossible: str = ""
    """Why the provider could never do what was asked of it last; empty: it always could."""
    stood: State | None = None
    """The last state that the provider has made true; None: none yet."""
    _fallbacks: list[FallbackTried] = field(default_factory=list[FallbackTried])
    _entries: list[_Entry] = field(default_factory=list[_Entry])
    _totals: dict[str, timedelta] = field(default_factory=lambda: dict.fromkeys(_COUNTED, _NOTHING))
    _since: datetime | None = None

    def denied(self, name: str, cause: Cause) -> None:
        """Record a target that was not allowed to be tried."""
        self._entries.append(_Entry(name, None, cause=cause))

    def note_event(self, event: Event, now: datetime) -> None:
        """Record what happened to a target's leg, whether it still counts or not."""
        entry = self._entry(event.leg) if isinstance(event, LegRang | LegAnswered | LegEnded) else None
        if entry is None:
            return
        if isinstance(event, LegRang):
            entry.rang_at = now
        elif isinstance(event, LegAnswered):
            entry.answered_at = now
        elif isinstance(event, LegEnded):
            entry.ended_at = now
            entry.cause = entry.cause or event.cause

    def first_step(self, state: State, now: datetime) -> None:
        """Record the first targets of a transfer."""
        self._since = now
        self._note_dialled(state, now)

    def note_step(self, before: State, after: State, now: datetime) -> None:
        """Record a decision, made at this time in one state and leading to another."""
        self._add_up(before, now)
        self._note_fallback(before, after, now)
        self._note_dialled(after, now)
        there = _targets(after)
        for leg, was in _targets(before).items():
            entry, standing = self._entry(leg), there.get(leg, Standing.GONE)
            if entry is None or was in _OVER:
                continue
            if standing.up and not was.up:
                entry.accepted_at = now
            if standing is Standing.DISMISSED and after.target.up:
                entry.cause = entry.cause or Cause.ANSWERED_ELSEWHERE
            if standing in _OVER:
                entry.cause = entry.cause or after.cause or Cause.RELEASED

    def _note_dialled(self, state: State, now: datetime) -> None:
        for leg, standing in _targets(state).items():
            if standing not in _OVER and self._entry(leg) is None:
                self._entries.append(_Entry(self.name_of(leg), leg, dialled_at=now))

    def _note_fallback(self, before: State, after: State, now: datetime) -> None:
        # Of a call that its node has lost, the entries before the call-back were left out.
        first = after.fallback - 1 if after.cause is Cause.NODE_DOWN else before.fallback
        for number in range(max(first, before.fallback), after.fallback):
            entry = after.rules.fallbacks[number]
            kind = "target" if isinstance(entry, PlannedTarget) else entry.removesuffix("_again")
            self._fallbacks.append(FallbackTried(kind=kind, at=now, took_customer=False))

    def _fallbacks_of(self, state: State) -> tuple[FallbackTried, ...]:
        if not self._fallbacks or not state.ending:
            return ()
        *before, last = self._fallbacks
        took = _TAKEN_BY.get(last.kind) is state.ending.outcome
        entry, current = state.rules.fallbacks[state.fallback - 1], state.current
        if isinstance(entry, PlannedTarget):  # somebody may have been rung in its place
            took = took and current is not None and current.number in (entry.number, entry.again)
        return (*before, last.model_copy(update={"took_customer": took}))

    def let_in_at(self, ref: LegRef) -> datetime | None:
        """Return when a target was let in: at the answer, or when it accepted. None: it was not."""
        entry = self._entry(ref)
        return entry.accepted_at if entry else None

    def result(self, state: State, now: datetime) -> TransferResult:
        """Return the result of a transfer that has ended."""
        assert state.ending is not None
        self._add_up(state, now)
        return TransferResult(
            outcome=state.ending.outcome,
            cause=state.ending.cause,
            evidence=self._evidence(state),
            ended_by=state.ending.by,
            customer_with=self._customer_with(state),
            mode=self.request.mode,
            attempts=tuple(self._attempt(entry) for entry in self._entries),
            fallbacks=self._fallbacks_of(state),
            started_at=self.started_at,
            ended_at=now,
            held=self._totals["held"],
            ringing=self._totals["ringing"],
            consulting=self._totals["consulting"],
            with_agent=self._totals["with_agent"],
        )

    def _add_up(self, state: State, now: datetime) -> None:
        if self._since is not None:
            for name, counts in _COUNTED.items():
                if counts(state):
                    self._totals[name] += now - self._since
        self._since = now

    def _entry(self, ref: LegRef) -> _Entry | None:
        return next((entry for entry in self._entries if entry.ref == ref), None)

    def _attempt(self, entry: _Entry) -> Attempt:
        leg = self.legs[entry.ref] if entry.ref else None
        return Attempt(
            target=entry.name,
            leg=leg.id if leg else "",
            dialled_at=entry.dialled_at,
            rang_at=entry.rang_at,
            answered_at=entry.answered_at,
            accepted_at=entry.accepted_at,
            ended_at=entry.ended_at,
            cause=self._cause(entry),
            evidence=leg.evidence if leg else Evidence(),
        )

    def _cause(self, entry: _Entry) -> Cause | None:
        # Told late, after the engine had to decide without it: it is still the truth about this attempt.
        late = self.legs[entry.ref].cause if entry.ref and entry.cause is Cause.PROVIDER_ERROR else None
        return late or entry.cause

    def _evidence(self, state: State) -> Evidence:
        """The provider's words on the leg that decided the outcome: the customer's, else the last target's.

        Of a call that its node has lost, those on whichever leg was missed first.
        """
        if state.ending and state.ending.cause is Cause.NODE_DOWN:
            return self.legs.first_ended_by(Cause.NODE_DOWN)
        if state.ending and state.ending.outcome is Outcome.CUSTOMER_LEFT:
            return self.legs[LegRef(Party.CUSTOMER)].evidence
        if state.ending and state.ending.outcome is Outcome.REJECTED and self.impossible:
            return Evidence(text=self.impossible)
        return self.legs[state.target_leg].evidence if state.target_leg else Evidence()

    def _customer_with(self, state: State) -> tuple[str, ...]:
        if state.ending and state.ending.outcome in _LEFT_WITH:
            return _LEFT_WITH[state.ending.outcome]
        if state.customer is Standing.GONE:
            return ()
        if state.ending and state.ending.outcome is Outcome.FAILED and self.stood is not None:
            # What was wanted last was never done.
            return _company(self.stood) if self.stood.customer is Standing.IN_ROOM else ("hold",)
        if state.ending and (state.ending.outcome is Outcome.REJECTED or state.current is None):
            return () if state.agent is Standing.GONE else ("agent",)  # nobody was moved
        return _company(state)


def _company(state: State) -> tuple[str, ...]:
    company = [it.value for it in (Party.AGENT, Party.TARGET) if state.standing(it) is Standing.IN_ROOM]
    return tuple(company) or ("hold",)
