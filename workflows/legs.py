"""The legs of one transfer: their ids, how far each has come, and what news of them means to the decision core."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from activities.telephony.model import Phase, SeenLeg
from hookflash import Cause, ProviderEvent, TransferRequest
from hookflash.events import Evidence
from workflows.core import CUSTOMER, DigitPressed, Event, LegAnswered, LegEnded, LegRang, LegRef, MachineAnswered
from workflows.core.state import Party
from workflows.ids import mint


@dataclass
class Leg:
    """One leg and what is known of it. Phases only move forward; ``ended`` is final."""

    ref: LegRef
    id: str
    phase: Phase = Phase.NEW
    dialled_at: datetime | None = None
    cause: Cause | None = None
    evidence: Evidence = field(default_factory=Evidence)


class Legs:
    """Every leg a transfer ever had.

    Ids are minted before the first call to the provider, from the run and the leg's own name: an unknown outcome can
    be looked up, and a cancel in mid-dial cannot leak a leg.
    """

    def __init__(self, run: str, request: TransferRequest) -> None:
        self._run = run
        self._legs: dict[LegRef, Leg] = {}
        self._by_id: dict[str, Leg] = {}
        for ref, leg_id in ((CUSTOMER, request.customer.leg), (LegRef(Party.AGENT), request.agent.leg)):
            self._add(Leg(ref, leg_id))
        if request.agent.asked_by_phone:
            # It was there when it asked. Many phones hang up right after, which must not look like a wrong request.
            self[LegRef(Party.AGENT)].phase = Phase.ANSWERED
        self.room = self.mint("room")

    def mint(self, name: str) -> str:
        """Return the provider's id for a leg or a room of this transfer."""
        return mint(self._run, name)

    def __getitem__(self, ref: LegRef) -> Leg:
        """Return a leg; one that is asked for the first time gets its id now."""
        return self._legs.get(ref) or self._add(Leg(ref, self.mint(str(ref))))

    def __contains__(self, ref: LegRef) -> bool:
        """Return whether a leg was ever asked for."""
        return ref in self._legs

    def know(self, ref: LegRef, leg_id: str) -> None:
        """Take in a leg that is there already, and has the id that its provider gave it."""
        self._add(Leg(ref, leg_id))

    def ref(self, leg: str) -> LegRef | None:
        """Return whose leg an id is; None if it is nobody's here."""
        found = self._by_id.get(leg)
        return found.ref if found else None

    def note_dialled(self, now: datetime) -> None:
        """Note of all legs that are known to have been dialled since the last time that they are by now.

        The provider's own time may be that of a clock before ours.
        """
        for leg in self._legs.values():
            if leg.phase is not Phase.NEW:
                leg.dialled_at = min(leg.dialled_at or now, now)

    def first_ended_by(self, cause: Cause) -> Evidence:
        """Return the evidence of a leg that ended for this cause, empty if none did."""
        return next((leg.evidence for leg in self._legs.values() if leg.cause is cause), Evidence())

    def awaits_cause(self, seen: SeenLeg) -> bool:
        """Return whether an observed end of a leg is news, and its cause is not known."""
        leg = self._by_id.get(seen.leg)
        return leg is not None and leg.phase is not Phase.ENDED and is_unexplained(seen)

    def _add(self, leg: Leg) -> Leg:
        self._legs[leg.ref] = leg
        self._by_id[leg.id] = leg
        return leg

    def heard(self, event: ProviderEvent) -> Iterator[Event]:
        """Yield what a provider's event means. What is late, doubled, unknown or malformed means nothing."""
        leg = self._by_id.get(event.leg)
        if leg is None:
            return
        if event.kind == "digit" and leg.phase is Phase.ANSWERED:
            yield DigitPressed(leg.ref, event.digit)
        elif event.kind == "machine" and leg.phase is Phase.ANSWERED:
            yield MachineAnswered(leg.ref)
        elif event.kind in _PHASES:
            yield from self._advance(leg, _PHASES[event.kind], _cause(event.cause), event.evidence)

    def saw(self, seen: SeenLeg) -> Iterator[Event]:
        """Yield what ``arrange`` saw of a leg that had not been heard of yet."""
        leg = self._by_id.get(seen.leg)
        if leg is not None and seen.dialled_at is not None:
            # News of a leg that rings may have come first, and as late as this.
            leg.dialled_at = min(leg.dialled_at or seen.dialled_at, seen.dialled_at)
        if leg is not None and seen.owner:
            # Somebody else's leg is none of ours, and what became of it none of our news.
            yield from self._advance(leg, Phase.ENDED, Cause.IN_TRANSFER, Evidence(text="in another transfer"))
        elif leg is not None and not is_unexplained(seen):
            yield from self._advance(leg, seen.phase, seen.cause, seen.evidence)

    def _advance(self, leg: Leg, phase: Phase, cause: Cause | None, evidence: Evidence) -> Iterator[Event]:
        if phase is Phase.ENDED and leg.phase is phase and leg.evidence == Evidence() != evidence:
            leg.cause, leg.evidence = cause or leg.cause, evidence  # ended was known, why was not
        if phase <= leg.phase:
            return
        former, leg.phase = leg.phase, phase
        if phase is Phase.ENDED:
            leg.cause, leg.evidence = cause or Cause.PROVIDER_ERROR, evidence
            yield LegEnded(leg.ref, leg.cause)
        elif phase is Phase.ANSWERED:
            yield LegAnswered(leg.ref)
        elif phase is Phase.RINGING and former < phase:
            yield LegRang(leg.ref)


def is_unexplained(seen: SeenLeg) -> bool:
    """Return whether a leg has ended and only an event, still on its way perhaps, could tell why."""
    return seen.phase is Phase.ENDED and (seen.cause is None or seen.assumed)


_PHASES = {"ringing": Phase.RINGING, "answered": Phase.ANSWERED, "ended": Phase.ENDED}


def _cause(text: str) -> Cause | None:
    # A newer provider may know causes that this engine does not: the leg has ended all the same.
    return Cause(text) if text in set(Cause) else None
