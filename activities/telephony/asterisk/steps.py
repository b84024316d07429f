"""What can be done to legs and rooms, each step with the requests it takes (docs.asterisk.org, "ARI REST API").

A step can be repeated, and it says which refusals are as good as success. Any other refusal means that the picture we
planned from is out of date.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from activities.telephony.asterisk.client import path
from activities.telephony.asterisk.state import DIALLED, FORMER_OWNER, HANDED_OFF, OWNER, PLACE, RINGBACK

NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """One request to ARI and what its refusals mean."""

    method: str
    where: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    fine: frozenset[int] = NONE
    """Refusals that say: it is so already."""
    not_yet: frozenset[int] = NONE
    """Refusals that go away by themselves within milliseconds."""
    no_listener: frozenset[int] = NONE
    """Refusals that say: nobody has the application's event socket."""


def variable(leg: str, name: str, value: str) -> Request:
    """Return the request that sets a reported variable of a leg."""
    query = {"variable": name, "value": value, "report_events": "true"}
    return Request("POST", path("channels", leg, "variable"), query)


@dataclass(frozen=True, slots=True)
class Adopt:
    """Tell the owner what happens to a leg that somebody else made: subscribe first, then name the owner."""

    leg: str
    owner: str
    app: str
    former: str = ""
    """Who was told until now."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        where = path("applications", self.app, "subscription")
        query = {"eventSource": f"channel:{self.leg}"}
        subscribe = Request("POST", where, query, no_listener=frozenset({404}))
        # In this order: whoever stops half-way, the former owner can still be told.
        former = (variable(self.leg, FORMER_OWNER, self.former),) if self.former else ()
        return subscribe, *former, variable(self.leg, OWNER, self.owner)


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
    """Put a leg into a bridge; it leaves any other by itself."""

    leg: str
    bridge: str
    undialled: bool = False
    """Whether it is yet to be dialled. Without more ado it would then call from the number of who is in the room, which
    may be the customer's."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        where = path("bridges", self.bridge, "addChannel")
        query = {"channel": self.leg}
        if self.undialled:
            query["inhibitConnectedLineUpdates"] = "true"
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
class Music:
    """Play music in a holding bridge. To be repeated for everybody who enters: it ends when the last one leaves."""

    bridge: str
    music: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("POST", path("bridges", self.bridge, "moh"), {"mohClass": self.music}),)


@dataclass(frozen=True, slots=True)
class Ring:
    """Let a leg that is alone in the room hear ringback."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("POST", path("channels", self.leg, "ring")),)


@dataclass(frozen=True, slots=True)
class StopRing:
    """End the ringback of a leg."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        fine = frozenset({404, 409, 412})
        return (Request("DELETE", path("channels", self.leg, "ring"), fine=fine),)


@dataclass(frozen=True, slots=True)
class Note:
    """Set variables of a leg in one request."""

    leg: str
    reported: tuple[tuple[str, str], ...]
    """Ours, which we read again with every look."""
    functions: tuple[tuple[str, str], ...] = ()
    """Asterisk's own, such as ``TIMEOUT(absolute)``."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        variables: dict[str, Any] = dict(self.functions)
        variables |= {name: {"value": value, "report_events": True} for name, value in self.reported}
        return (Request("POST", path("channels", self.leg, "variables"), body={"variables": variables}),)


@dataclass(frozen=True, slots=True)
class Create:
    """Make a leg without ringing anybody yet."""

    leg: str
    app: str
    dial_string: str
    endpoint: str
    owner: str
    variables: tuple[tuple[str, str], ...] = ()

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"endpoint": self.dial_string, "app": self.app, "channelId": self.leg}
        variables: dict[str, Any] = {OWNER: {"value": self.owner, "report_events": True}}
        body = {"variables": variables | dict(self.variables)}
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
class Prompt:
    """Play the prompt from its beginning. Playback ids are not unique to Asterisk, so a former one is ended first."""

    leg: str
    prompt: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        play = path("channels", self.leg, "play", playback(self.leg))
        return *StopPrompt(self.leg).requests(), Request("POST", play, {"media": f"sound:{self.prompt}"})


@dataclass(frozen=True, slots=True)
class StopPrompt:
    """End the prompt, whether it still plays or not."""

    leg: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("DELETE", path("playbacks", playback(self.leg)), fine=frozenset({404})),)


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a leg."""

    leg: str
    cause: int
    """Q.850 cause, sent to the far end in a Reason header (RFC 3326)."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"reason_code": str(self.cause)}
        return (Request("DELETE", path("channels", self.leg), query, fine=frozenset({404})),)


@dataclass(frozen=True, slots=True)
class HandOff:
    """Let a leg go on in the dialplan. Its owner is told nothing more."""

    leg: str
    context: str
    extension: str
    priority: int
    waits: bool
    """Whether our time-out is behind it, which must not follow it."""
    rings: bool
    """Whether it was told to hear ringback, which would go on."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        functions = (("TIMEOUT(absolute)", "0"),) if self.waits else ()
        quiet = StopRing(self.leg).requests() if self.rings else ()
        forget = Note(self.leg, ((OWNER, ""), (RINGBACK, ""), (PLACE, HANDED_OFF)), functions)
        query = {"context": self.context, "extension": self.extension, "priority": str(self.priority)}
        return *quiet, *forget.requests(), Request("POST", path("channels", self.leg, "continue"), query)


@dataclass(frozen=True, slots=True)
class DeleteRoom:
    """Remove the room."""

    room: str

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        return (Request("DELETE", path("bridges", self.room), fine=frozenset({404})),)


Step = (
    Adopt
    | CreateRoom
    | CreateHold
    | Answer
    | Move
    | Leave
    | Music
    | Ring
    | StopRing
    | Note
    | Create
    | Dial
    | Prompt
    | StopPrompt
    | HangUp
    | HandOff
    | DeleteRoom
)


def playback(leg: str) -> str:
    """Return the id of a leg's prompt."""
    return f"prompt-{leg}"
