"""What can be done to a leg, one request or two each. Pure."""

from dataclasses import dataclass

from activities.telephony.twilio.resources import Record


@dataclass(frozen=True, slots=True)
class Keep:
    """Write a leg's record."""

    leg: str
    record: Record
    revision: str | None
    """The version that it replaces. None: there is none yet."""


@dataclass(frozen=True, slots=True)
class Join:
    """Move an answered call into the room, from wherever it is."""

    leg: str
    call: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Put a participant on hold, or change what it hears there."""

    leg: str
    call: str
    music: str


@dataclass(frozen=True, slots=True)
class Unhold:
    """Let a participant hear the room, and be heard."""

    leg: str
    call: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring somebody, who is in the room from the answer on."""

    leg: str
    to: str
    caller: str
    seconds: int
    record: Record


@dataclass(frozen=True, slots=True)
class Screen:
    """Ring somebody outside of the room, who hears a question after the answer, or waits in silence."""

    leg: str
    to: str
    caller: str
    seconds: int
    prompt: str
    """Name of the recording that asks. Empty: nothing is asked."""
    waits: int
    """How many seconds it may wait, if nothing is asked, until Twilio ends it."""
    detect_machine: bool
    record: Record


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a call unless it was answered; which of the two it is, Twilio decides."""

    leg: str
    call: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a call, whatever it is doing."""

    leg: str
    call: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """Send a call to a place of the operator's."""

    leg: str
    call: str
    url: str


@dataclass(frozen=True, slots=True)
class Farewell:
    """Let a call hear something alone, and then end."""

    leg: str
    call: str
    media: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Play something to one participant."""

    leg: str
    call: str
    media: str


Step = Keep | Join | Hold | Unhold | Dial | Screen | Cancel | HangUp | HandOff | Farewell | Announce
