"""What there is of an arrangement with Twilio. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activities.telephony.model import Phase
from activities.telephony.twilio.resources import Call, Conference, Document, Left, Participant, Record


@dataclass(frozen=True)
class Picture:
    """Everything that was read in one look."""

    records: Mapping[str, Document]
    """Records of the legs that have one."""
    room: Conference | None
    participants: tuple[Participant, ...]
    """Who is in the room, or rings to be."""
    calls: Mapping[str, Call]
    """Calls of the legs that are not in the room, by leg."""
    said_at: datetime | None = None
    """When this was so, by Twilio's own clock."""
    joining: frozenset[str] = field(default_factory=lambda: frozenset[str]())
    """Legs that were moved into the room and are not there yet."""

    def record(self, leg: str) -> Record | None:
        """Return what is kept of a leg."""
        document = self.records.get(leg)
        return document.data if document is not None else None

    def participant(self, leg: str) -> Participant | None:
        """Return the participant that a leg is in this room, or is about to be."""
        sid = self.call_of(leg)
        return next((it for it in self.participants if it.label == leg or (sid and it.call_sid == sid)), None)

    def call_of(self, leg: str) -> str:
        """Return the sid of a leg's call; empty if it is not known."""
        return call_of(leg, self.record(leg))

    def sid(self, leg: str) -> str:
        """Return the sid of a leg's call, also if only the room tells it."""
        participant = self.participant(leg)
        return participant.call_sid if participant is not None else self.call_of(leg)

    def left(self, leg: str) -> Left | None:
        """Return where a leg has gone for good."""
        record = self.record(leg)
        return record.left if record is not None else None

    def owner(self, leg: str) -> str:
        """Return who owns a leg that is there; empty if nobody does. Who hears its farewell is not there any more."""
        record = self.record(leg)
        if record is None or record.left is Left.FAREWELL or self.phase(leg) in (None, Phase.ENDED):
            return ""
        return record.owner

    def phase(self, leg: str) -> Phase | None:
        """Return how far a leg has come; None if Twilio does not know it."""
        participant = self.participant(leg)
        if participant is not None and participant.phase < Phase.ENDED:
            return participant.phase
        call = self.calls.get(leg)
        return call.phase if call is not None else None

    def live(self, leg: str) -> bool:
        """Return whether a leg exists and has not ended."""
        return self.phase(leg) not in (None, Phase.ENDED)

    def up(self, leg: str) -> bool:
        """Return whether a leg was answered and has not ended."""
        return self.phase(leg) is Phase.ANSWERED

    def in_conference(self, leg: str) -> bool:
        """Return whether a leg is up in the room, on hold or not."""
        participant = self.participant(leg)
        return participant is not None and participant.up

    def on_hold(self, leg: str) -> bool:
        """Return whether a leg is in the room and hears only its music."""
        participant = self.participant(leg)
        return participant is not None and participant.up and participant.hold

    def talks(self, leg: str) -> bool:
        """Return whether a leg hears the room and is heard."""
        return self.in_conference(leg) and not self.on_hold(leg)

    def undecided(self, leg: str, limit: timedelta) -> bool:
        """Return whether a leg was perhaps dialled a moment ago, and may still appear."""
        document = self.records.get(leg)
        return document is not None and unanswered(document) and not overdue(document, self.said_at, limit)


def unanswered(document: Document) -> bool:
    """Return whether a leg was perhaps dialled, and what became of it is not known."""
    return document.data.dialled and not document.data.call and document.data.ending is None


def overdue(document: Document, now: datetime | None, limit: timedelta) -> bool:
    """Return whether a leg would have appeared by now. Not, while it is not known when it was dialled, or the time."""
    made = document.date_created
    return made is not None and now is not None and now - made >= limit


def call_of(leg: str, record: Record | None) -> str:
    """Return the sid of a leg's call; empty if it is not known. Legs that the engine did not dial are named by it."""
    if record is not None and record.call:
        return record.call
    return leg if len(leg) == 34 and leg.startswith("CA") else ""
