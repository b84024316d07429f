"""How a leg leaves us: hung up, given up, handed off, or with a farewell that Asterisk alone plays to its end."""

from dataclasses import dataclass, replace

from activities.telephony.asterisk.backstop import NONE
from activities.telephony.asterisk.client import path
from activities.telephony.asterisk.request import GONE, Note, Request, variable
from activities.telephony.asterisk.sounds import RECORDINGS, StopRing
from activities.telephony.asterisk.state import FAREWELL, HANDED_OFF, OWNER, PLACE, RELEASED_FOR, RINGBACK

UNNOTED = frozenset({404, 409})
"""Refusals of a note on a leg that is not there any more, or is none of ours: nothing can be noted on it."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a leg."""

    leg: str
    cause: int
    """Q.850 cause, sent to the far end in a Reason header (RFC 3326)."""
    released_for: str = ""
    """Owner that is told so by the answer, and need not be told by an event. It is noted before: in the end itself is
    no word that others could not use. Default: whoever owns it is told by an event."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        query = {"reason_code": str(self.cause)}
        note = replace(variable(self.leg, RELEASED_FOR, self.released_for), fine=UNNOTED)
        end = Request("DELETE", path("channels", self.leg), query, fine=GONE)
        return (note, end) if self.released_for else (end,)


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End a leg whose time is up, unless it is answered.

    Asterisk opens the media when it reads a 200 OK, and takes the leg for answered a moment later. A leg that is ended
    in that moment is heard by who waits for it. So it leaves the room first, where nobody hears it and it hears nobody,
    and is ended when whatever Asterisk had read by then must have been noted.
    """

    leg: str
    room: str
    """Which room it is in. Empty: in none, and nobody can hear it."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes to leave the room."""
        where = path("bridges", self.room, "removeChannel")
        leave = Request("POST", where, {"channel": self.leg}, fine=frozenset({400, 404, 422}))
        return (leave,) if self.room else ()


@dataclass(frozen=True, slots=True)
class HandOff:
    """Let a leg go on in the dialplan. Its owner is told nothing more."""

    leg: str
    context: str
    extension: str
    priority: int
    timed: bool
    """Whether a time-out of ours is behind it, which must not follow it."""
    rings: bool
    """Whether it was told to hear ringback, which would go on."""
    told: tuple[tuple[str, str], ...] = ()
    """Variables for the dialplan: why it gets this leg."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        there = (self.context, self.extension, self.priority)
        return _depart(self.leg, HANDED_OFF, there, timed=self.timed, rings=self.rings, told=self.told)


@dataclass(frozen=True, slots=True)
class Farewell:
    """Let a leg hear a recording alone, and Asterisk release it: none of us need be alive for that.

    It has ended from here on, so its owner is told nothing more.
    """

    leg: str
    recording: str
    timed: bool
    """As for ``HandOff``: its time-out would cut the recording short."""
    rings: bool

    context = RECORDINGS

    @property
    def extension(self) -> str:
        """The recording's name."""
        return self.recording

    @property
    def priority(self) -> int:
        """The first."""
        return 1

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        there = (self.context, self.extension, self.priority)
        return _depart(self.leg, FAREWELL, there, timed=self.timed, rings=self.rings)


def _depart(
    leg: str,
    noted: str,
    there: tuple[str, str, int],
    *,
    timed: bool,
    rings: bool,
    told: tuple[tuple[str, str], ...] = (),
) -> tuple[Request, ...]:
    context, extension, priority = there
    functions = (NONE.function,) if timed else ()
    quiet = StopRing(leg).requests() if rings else ()
    forget = Note(leg, ((OWNER, ""), (RINGBACK, ""), (PLACE, noted)), (*told, *functions))
    query = {"context": context, "extension": extension, "priority": str(priority)}
    return *quiet, *forget.requests(), Request("POST", path("channels", leg, "continue"), query)
