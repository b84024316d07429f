"""What can be done to legs and rooms, each step with the requests it takes (docs.asterisk.org, "ARI REST API").

A step can be repeated, and it says which refusals are as good as success. Any other refusal means that the picture we
planned from is out of date.
"""

from dataclasses import dataclass
from typing import Any

from activities.telephony.asterisk.backstop import NONE, Backstop
from activities.telephony.asterisk.client import path
from activities.telephony.asterisk.departures import Farewell, GiveUp, HandOff, HangUp
from activities.telephony.asterisk.request import GONE, Note, Request, variable
from activities.telephony.asterisk.sounds import (
    FinishWhisper,
    HoldAgain,
    HoldOver,
    Listen,
    Music,
    Play,
    Prompt,
    Ring,
    StopListening,
    StopPlaying,
    StopPrompt,
    StopRing,
    StopWhisper,
    Whisper,
)
from activities.telephony.asterisk.state import ANNOUNCED, COMPANY, DIALLED, FORMER_OWNER, OWNER, REACHED
from activities.telephony.asterisk.transfer_key import Tell, key_variables


@dataclass(frozen=True, slots=True)
class Adopt:
    """Tell the owner what happens to a leg that somebody else made: subscribe first, then name the owner."""

    leg: str
    owner: str
    app: str
    former: str = ""
    """Who was told until now."""
    announced: bool = False
    """Whether the former owner had something announced. The new one counts its announcements from the beginning."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        where = path("applications", self.app, "subscription")
        query = {"eventSource": f"channel:{self.leg}"}
        subscribe = Request("POST", where, query, no_listener=frozenset({404}))
        # In this order: whoever stops half-way, the former owner can still be told.
        former = (variable(self.leg, FORMER_OWNER, self.former),) if self.former else ()
        forget = (variable(self.leg, ANNOUNCED, ""),) if self.announced else ()
        return subscribe, *former, *forget, variable(self.leg, OWNER, self.owner)


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Make the room. With DTMF events, because two legs in it would otherwise be joined without Asterisk listening."""

    room: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"type": "mixing,dtmf_events", "name": "hookflash"}
        return (Request("POST", path("bridges", self.room), query, fine=frozenset({409})),)


@dataclass(frozen=True, slots=True)
class CreateHold:
    """Make the node's holding bridge."""

    bridge: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"type": "holding", "name": "hookflash"}
        return (Request("POST", path("bridges", self.bridge), query, fine=frozenset({409})),)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a caller whom nobody has answered yet."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("POST", path("channels", self.leg, "answer")),)


@dataclass(frozen=True, slots=True)
class Move:
    """Put a leg into a bridge; it leaves any other by itself, and this one too if it is there already.

    Whom its phone shows, and whose number it calls from if it is yet to be dialled, is not Asterisk's to say: it would
    take the number of who is in the room, which may be the customer's.
    """

    leg: str
    bridge: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        where = path("bridges", self.bridge, "addChannel")
        query = {"channel": self.leg, "inhibitConnectedLineUpdates": "true"}
        # 422: it is not in Stasis, which takes a new leg some milliseconds.
        return (Request("POST", where, query, not_yet=frozenset({422})),)


@dataclass(frozen=True, slots=True)
class Leave:
    """Take a leg out of the room."""

    leg: str
    bridge: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        where = path("bridges", self.bridge, "removeChannel")
        return (Request("POST", where, {"channel": self.leg}, fine=frozenset({400, 404, 422})),)


@dataclass(frozen=True, slots=True)
class Create:
    """Make a leg without ringing anybody yet."""

    leg: str
    app: str
    dial_string: str
    endpoint: str
    owner: str
    variables: tuple[tuple[str, str], ...] = ()
    transfers_for: str = ""
    """Tenant in whose name its phone may transfer. Default: none."""
    reached: str = ""
    """Number by which others can show it. Default: its endpoint."""
    backstop: Backstop = NONE
    """What ends it if nobody comes back to it, from its first moment on. Default: nothing."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"endpoint": self.dial_string, "app": self.app, "channelId": self.leg}
        ours = {OWNER: self.owner, REACHED: self.reached or self.endpoint}
        functions = dict(self.variables)
        if self.backstop.seconds:
            ours |= [self.backstop.reported]
            functions |= [self.backstop.function]
        variables: dict[str, Any] = {name: {"value": value, "report_events": True} for name, value in ours.items()}
        body = {"variables": variables | functions | key_variables(self.transfers_for)}
        return (Request("POST", path("channels", "create"), query, body, fine=frozenset({409})),)


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring a leg that was made, having noted that it is rung: a second dial of a leg that is not ringing yet kills it.

    What happens when the note is set and the dial lost: nobody is rung, and the leg is ended at its deadline.
    """

    leg: str
    room: str
    seconds: int

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        note = {"variable": DIALLED + self.leg, "value": "1", "report_events": "true"}
        dial = path("channels", self.leg, "dial")
        return (
            Request("POST", path("bridges", self.room, "variable"), note),
            Request("POST", dial, {"timeout": str(self.seconds)}, fine=frozenset({409})),
        )


@dataclass(frozen=True, slots=True)
class NoteCompany:
    """Remember on the room who talks in it."""

    room: str
    legs: tuple[str, ...]

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        note = {"variable": COMPANY, "value": ",".join(self.legs), "report_events": "true"}
        return (Request("POST", path("bridges", self.room, "variable"), note),)


@dataclass(frozen=True, slots=True)
class DeleteRoom:
    """Remove the room."""

    room: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("DELETE", path("bridges", self.room), fine=GONE),)


OVER = frozenset({404, 409})
"""Refusals of a recording that has ended in the meantime."""


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Record nothing until told otherwise."""

    leg: str
    name: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("POST", path("recordings", "live", self.name, "pause"), fine=OVER),)


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    """Go on recording."""

    leg: str
    name: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("DELETE", path("recordings", "live", self.name, "pause"), fine=OVER),)


Step = (
    Adopt
    | CreateRoom
    | CreateHold
    | Answer
    | Move
    | Leave
    | Note
    | Create
    | Dial
    | NoteCompany
    | DeleteRoom
    | Music
    | Ring
    | StopRing
    | HoldAgain
    | HoldOver
    | Prompt
    | StopPrompt
    | Play
    | StopPlaying
    | Whisper
    | FinishWhisper
    | StopWhisper
    | Listen
    | StopListening
    | Tell
    | HangUp
    | GiveUp
    | HandOff
    | Farewell
    | PauseRecording
    | ResumeRecording
)
