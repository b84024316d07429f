"""What Twilio says of calls, conferences and records, as far as the engine reads it. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from activities.telephony.model import Phase
from hookflash import Cause

CallStatus = Literal["queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"]
LIVE: tuple[CallStatus, ...] = ("queued", "ringing", "in-progress")


class _Resource(BaseModel):
    """Part of an answer; Twilio may add fields at any time."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Call(_Resource):
    """A call: one party."""

    sid: str
    status: CallStatus
    queue_time: str | None = None
    """How long it waits until it is dialled, in milliseconds. Default: not said."""
    parent_call_sid: str | None = None
    """The call whose ``<Dial><Number>`` made this one. Default: none."""

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.status in LIVE

    @property
    def phase(self) -> Phase:
        """How far it has come."""
        phases = {"queued": Phase.DIALLING, "ringing": Phase.RINGING, "in-progress": Phase.ANSWERED}
        return phases.get(self.status, Phase.ENDED)


class Participant(_Resource):
    """A call that is in a conference, or on its way into it."""

    call_sid: str
    label: str | None = None
    hold: bool = False
    status: Literal["queued", "connecting", "ringing", "connected", "complete", "failed"]

    @property
    def phase(self) -> Phase:
        """How far its call has come."""
        phases = {"ringing": Phase.RINGING, "connected": Phase.ANSWERED, "complete": Phase.ENDED, "failed": Phase.ENDED}
        return phases.get(self.status, Phase.DIALLING)

    @property
    def up(self) -> bool:
        """Whether it was answered."""
        return self.phase is Phase.ANSWERED


class DialledParticipant(Participant):
    """The answer to a dialling."""

    queue_time: str | None = None
    """How long it waits until it is dialled, in milliseconds. Default: not said."""


class Conference(_Resource):
    """A conference: the room."""

    sid: str
    friendly_name: str | None = None


class CallPage(_Resource):
    """Part of a list."""

    calls: tuple[Call, ...]
    next_page_uri: str | None = None


class ConferencePage(_Resource):
    """Part of a list."""

    conferences: tuple[Conference, ...]


class ParticipantPage(_Resource):
    """Part of a list."""

    participants: tuple[Participant, ...]


class Left(StrEnum):
    """Where a leg has gone for good, by our own doing."""

    HANDED_OFF = "handed_off"
    FAREWELL = "farewell"


class Record(_Resource):
    """What the engine keeps of a leg with Twilio, which has no variables on a call: a Sync document of its name."""

    owner: str
    """Who is told what happens to the leg."""
    former: str = ""
    """Who was told before. Default: nobody."""
    call: str = ""
    """Sid of its call. Default: it is not known (yet) what became of the dialling."""
    dialled: bool = False
    """Whether the engine has rung it: written before the dialling, so that nobody is ever rung twice."""
    room: str = ""
    """Room into which it was rung, where it is found by its label if the dialling was never answered. Default: it was
    rung outside of any, or not by the engine."""
    music: str = ""
    """Class of the music that it hears on hold. Default: it was not on hold yet."""
    announced: int = 0
    """Number of the last announcement of this owner. Default: none yet."""
    ending: Cause | None = None
    """Why it ended, where only the engine knows. Default: Twilio says it."""
    ending_text: str = ""
    """In Twilio's words. Default: none."""
    left: Left | None = None
    """Where it has gone for good. Default: nowhere."""


class Document(_Resource):
    """A record, and which version of it."""

    unique_name: str
    revision: str
    data: Record
    date_created: datetime | None = None


class _Meta(_Resource):
    next_page_url: str | None = None


class DocumentPage(_Resource):
    """Part of a list; what is not ours may have any data."""

    class Listed(_Resource):
        """A document of anybody's."""

        unique_name: str | None = None
        revision: str = ""
        data: object = None
        date_created: datetime | None = None

    documents: tuple[Listed, ...]
    meta: _Meta = Field(default_factory=_Meta)
