"""What an emulated account has: phones, calls, conferences, participants."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

LIVE = ("queued", "ringing", "in-progress")


def new_sid(kind: str) -> str:
    """Return a sid as Twilio makes them."""
    return kind + secrets.token_hex(16)


def now() -> datetime:
    """Return the time, as Twilio tells it: in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


class Manner(StrEnum):
    """What a phone does when it is rung."""

    RING = "ring"
    BUSY = "busy"
    SILENT = "silent"
    """It is never reached, and nothing says so."""
    FAILS = "fails"
    MACHINE = "machine"


@dataclass
class Phone:
    """Somebody who can be rung."""

    manner: Manner = Manner.RING
    rung: int = 0
    """How often it was rung."""


@dataclass(eq=False)
class EmulatedCall:
    """A call: one party."""

    sid: str
    to: str
    caller: str
    direction: str
    status: str = "queued"
    parent: str | None = None
    created: datetime = field(default_factory=now)
    started: datetime | None = None
    ended: datetime | None = None
    answered_by: str | None = None
    queue_time: int = 0
    callback: str = ""
    callback_events: tuple[str, ...] = ("completed",)
    sequence: int = 0
    sip_status: int | None = None
    """Final SIP status, if there was one."""
    doing: asyncio.Task[None] | None = None
    """What its TwiML has it do."""
    playing: str = ""
    """URL of what its TwiML plays to it."""
    keys: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue[str]())
    limit: asyncio.Task[None] | None = None
    """What ends its ringing."""
    shown: str = ""
    """Which number its phone shows."""
    machine: dict[str, str] = field(default_factory=lambda: dict[str, str]())
    """Parameters of the detection of machines."""
    first: tuple[str, str, str] = ("", "", "")
    """What it does when it is answered: method, URL, TwiML."""

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def up(self) -> bool:
        return self.status == "in-progress"


@dataclass(eq=False)
class EmulatedParticipant:
    """A call in a conference, or on its way into it."""

    call: EmulatedCall
    label: str | None = None
    muted: bool = False
    hold: bool = False
    hold_sound: str = ""
    announcing: str = ""
    early_media: bool = True
    end_on_exit: bool = False
    by_api: bool = True
    """Whether it was made by the REST interface, and so has nothing else to do when it leaves."""
    joined: bool = False
    left: asyncio.Event = field(default_factory=asyncio.Event)
    created: datetime = field(default_factory=now)

    @property
    def status(self) -> str:
        if self.joined:
            return "connected"
        return {"queued": "queued", "ringing": "ringing"}.get(self.call.status, "connecting")


@dataclass(eq=False)
class EmulatedConference:
    """A conference."""

    name: str
    sid: str = field(default_factory=lambda: new_sid("CF"))
    status: str = "init"
    created: datetime = field(default_factory=now)
    participants: dict[str, EmulatedParticipant] = field(default_factory=lambda: dict[str, EmulatedParticipant]())
    callback: str = ""
    callback_events: tuple[str, ...] = ()
    sequence: int = 0
    reason: str | None = None

    @property
    def members(self) -> list[EmulatedParticipant]:
        return [it for it in self.participants.values() if it.joined]
