"""The watch over every call: keeps the timeline and finds what must never happen.

* Privacy: who is on hold hears music, or an announcement over it, and nobody, and nobody hears them. And no step of an
  arrangement lets the customer and somebody who is to be on hold, screened or gone hear each other anew.
* The customer of a call that a transfer watches is never in silence. A step of the engine's must not cause it for an
  instant; where a party caused it by hanging up, or by answering to be screened, the engine has a moment to do
  something about it. An announcement is no silence, but it hides none either: what is behind it has to be right.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from activities.telephony.model import Phase, Placement
from activities.telephony.simulator.clock import Clock, Timer
from activities.telephony.simulator.hearing import Snapshot, Sound

APART = frozenset({Placement.ON_HOLD, Placement.SCREENING, Placement.GONE})

_KEPT = 10_000
"""Changes that are remembered, so that a long run does not fill the memory."""


class Violation(AssertionError):
    """What must never happen has happened, in a strict exchange."""


def held_alone(snapshot: Snapshot) -> list[str]:
    """Return what is wrong about those on hold, and those who hear their farewell, a line each."""
    wrong: list[str] = []
    for held in snapshot.parties:
        if held.phase == Phase.ENDED:
            why, sound = "said farewell to", Sound.ANNOUNCEMENT
        elif held.phase == Phase.ANSWERED and held.placement == Placement.ON_HOLD:
            why, sound = "on hold", Sound.MUSIC
        else:
            continue
        if held.around != frozenset[str]({sound}):
            wrong.append(f"{held.name} is {why} and hears {', '.join(sorted(held.around))}")
        listeners = [party.name for party in snapshot.parties if held.leg in party.around]
        if listeners:
            wrong.append(f"{held.name} is {why} and heard by {', '.join(listeners)}")
    return wrong


def overheard(before: Snapshot, after: Snapshot, wanted: Mapping[str, Placement]) -> list[str]:
    """Return who a step let the customer hear, or hear the customer, though they are to be apart; a line each."""
    customer = after.call
    wrong: list[str] = []
    for party in after.parties:
        known = before.party(party.leg)
        for voice in party.around - (known.around if known else frozenset()):
            if after.party(voice) is None or customer not in (party.leg, voice):
                continue  # a sound, or two people who are not the customer
            other = party.leg if voice == customer else voice
            if wanted.get(other) in APART or wanted.get(customer) in APART:
                wrong.append(f"{party.name} overhears {voice} while they are to be apart")
    return wrong


def in_silence(snapshot: Snapshot) -> bool:
    """Whether the customer is up and hears nothing."""
    customer = snapshot.party(snapshot.call)
    return customer is not None and Sound.SILENCE in customer.hears


def alone(snapshot: Snapshot) -> bool:
    """Whether the customer is up and hears nothing, or will when what is announced is over."""
    customer = snapshot.party(snapshot.call)
    return customer is not None and Sound.SILENCE in customer.around


class Watch:
    """Looks at each call after every change."""

    def __init__(self, clock: Clock, grace: float, strict: bool, on_change: Callable[[Snapshot], None] | None) -> None:
        self.timeline: deque[Snapshot] = deque(maxlen=_KEPT)
        self.violations: list[str] = []
        self.on_change = on_change
        self._clock = clock
        self._grace = grace
        self._strict = strict
        self._last: dict[str, Snapshot] = {}
        self._silent: dict[str, Timer] = {}

    def look(
        self, snapshot: Snapshot, wanted: Mapping[str, Placement] | None = None, *, may_fall_silent: bool = True
    ) -> None:
        """Take in how a call is now.

        Args:
            snapshot: The call after the change.
            wanted: Where an arrangement wants the legs, if one of its steps caused the change.
            may_fall_silent: False: the change was the engine's own choice, so it must not silence the customer.

        Raises:
            Violation: The exchange is strict and something must never happen.
        """
        before = self._last.get(snapshot.call) or replace(snapshot, parties=())
        if snapshot.parties != before.parties or (snapshot.settled and not before.settled):
            self._last[snapshot.call] = snapshot
            self.timeline.append(snapshot)
            if self.on_change is not None:
                self.on_change(snapshot)
        wrong = held_alone(snapshot)
        if wanted is not None:
            wrong += overheard(before, snapshot, wanted)
        customer = snapshot.party(snapshot.call)
        owned = customer is not None and customer.owned
        if owned and alone(snapshot) and not alone(before) and not may_fall_silent:
            wrong.append("the customer is in silence")
        self._mind_silence(snapshot, owned and in_silence(snapshot))
        self._report(snapshot, wrong)

    def _mind_silence(self, snapshot: Snapshot, silent: bool) -> None:
        if not silent:
            if timer := self._silent.pop(snapshot.call, None):
                timer.cancel()
        elif snapshot.call not in self._silent:
            self._silent[snapshot.call] = self._clock.call_later(self._grace, lambda: self._too_long(snapshot))

    def _too_long(self, snapshot: Snapshot) -> None:
        self.violations.append(_told(snapshot, f"the customer was left in silence for more than {self._grace:g} s"))

    def _report(self, snapshot: Snapshot, wrong: list[str]) -> None:
        told = [_told(snapshot, text) for text in wrong]
        self.violations += told
        if told and self._strict:
            raise Violation("; ".join(told))


def _told(snapshot: Snapshot, text: str) -> str:
    return f"{snapshot.call} at {snapshot.at:.2f} s, {snapshot.because}: {text}"
