"""What ARI shows of the legs and rooms of an arrangement, and the variables we leave on them.

All memory of an arrangement is kept in Asterisk itself, in variables that it reports (``report_events``, Asterisk
22.10) with every event and every GET. So any worker can continue where another one stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from activities.telephony.asterisk.addresses import TECHNOLOGY
from activities.telephony.model import Phase

OUR_PREFIX = "HOOKFLASH_"
"""What the names of all our variables begin with."""
OWNER = "HOOKFLASH_OWNER"
"""On a leg: workflow that is told its events."""
FORMER_OWNER = "HOOKFLASH_FORMER_OWNER"
"""On a leg: workflow that was told its events before. It has to learn that it is not any more, so this stays."""
RELEASED_FOR = "HOOKFLASH_RELEASED_FOR"
"""On a leg: the owner whose arrangement is about to end it. The answer to that arrangement says so, and no event."""
PLACE = "HOOKFLASH_PLACE"
"""On a leg: the last place where everything was done for it: ``hold:<class>``, ``alone``, ``room``,
``screened``, ``handed_off`` or ``farewell``."""
BACKSTOP = "HOOKFLASH_BACKSTOP"
"""On a leg with an absolute time-out of ours behind it: how many seconds it was set to, and for whom."""
SHOWN = "HOOKFLASH_SHOWN"
"""On a leg: the leg whose number its phone was told to show, if there was one that it may show."""
REACHED = "HOOKFLASH_REACHED"
"""On a leg that we have dialled: the number it was reached by. Its caller id would do, but Asterisk itself tells that
to everybody who is left with it."""
RINGBACK = "HOOKFLASH_RINGBACK"
"""On a leg: id of the ringing leg for which it was told to hear ringback."""
REPORTED = "HOOKFLASH_REPORTED"
"""On a leg: what its phone was last told of the transfer that it has asked for, and by whom."""
TENANT = "HOOKFLASH_TENANT"
"""On a leg: tenant in whose name its phone may transfer. Set by the engine, or by whoever made the leg."""
PROMPTED = "HOOKFLASH_PROMPTED"
"""On a leg: its prompt was started."""
ANNOUNCED = "HOOKFLASH_ANNOUNCED"
"""On a leg: number of the last announcement to it, noted before it is played: better never than twice."""
ANNOUNCING = "HOOKFLASH_ANNOUNCING"
"""On a leg: ``playing``: it may be hearing an announcement, until which it can be asked for nothing. ``whispering``:
a channel that whispers to it may be there without having been told what."""
PAUSED = "HOOKFLASH_PAUSED"
"""On a leg: name of the recording that we have paused, noted before it is: nobody else's pause is ours to end."""
TOLD_OF_HOLD = "HOOKFLASH_TOLD_OF_HOLD"
"""On a leg: partner of whose phone's hold it was told by us."""
LISTENED = "HOOKFLASH_LISTENED"
"""On a leg: whether it was listened for a machine: ``begun``, ``done``."""
DIALLED = "HOOKFLASH_DIALLED_"
"""On the room, followed by a leg's id: that leg was about to be dialled. On the room, because a leg that is refused at
once takes its own variables with it, and would then be dialled again."""
COMPANY = "HOOKFLASH_COMPANY"
"""On the room, while it has three members or more: who of them has answered. So the next look sees who has left."""

HOLD_PREFIX = "hookflash-hold-"
HELD = "hold:"
ALONE = "alone"
SCREENED = "screened"
ROOM = "room"
HANDED_OFF = "handed_off"
FAREWELL = "farewell"
PLAYING = "playing"
WHISPERING = "whispering"
BEGUN = "begun"
DONE = "done"


UNREADABLE = "unreadable"
"""State of a recording that Asterisk says nothing of."""


def hold_bridge(music: str) -> str:
    """Return the id of the node's one holding bridge for a class of music.

    Its members do not hear each other. It is shared, because a hundred waiting legs cost half as much in one bridge
    as in a hundred, and it stays, because nobody can delete it without a chance to hit somebody who just came in.
    """
    return HOLD_PREFIX + music


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Dialplan(_Shown):
    """Where a channel is in the dialplan."""

    app_name: str = ""
    context: str = ""
    exten: str = ""


class Caller(_Shown):
    """Who a channel says it is."""

    number: str = ""
    name: str = ""


class Channel(_Shown):
    """A channel as ARI shows it."""

    id: str
    name: str = ""
    caller: Caller = Caller()
    connected: Caller = Caller()
    """Whom its phone shows as its partner, as far as Asterisk knows."""
    state: str = "Unknown"
    dialplan: Dialplan = Dialplan()
    creationtime: str = ""
    channelvars: Mapping[str, object] = {}

    def variable(self, name: str) -> str:
        """Return one of our variables, empty if it is not set."""
        return str(self.channelvars.get(name) or "")

    @property
    def made_at(self) -> datetime | None:
        """When it was made, by the node's clock."""
        return moment(self.creationtime)

    @property
    def owner(self) -> str:
        """Workflow that is told its events."""
        return self.variable(OWNER)

    @property
    def former_owner(self) -> str:
        """Workflow that was told its events before, if there was one."""
        return self.variable(FORMER_OWNER)

    @property
    def released(self) -> bool:
        """Whether its owner is told of its end by the answer to the arrangement that ends it."""
        return bool(self.owner) and self.variable(RELEASED_FOR) == self.owner

    @property
    def endpoint(self) -> str:
        """Name of the PJSIP endpoint behind it, empty if there is none."""
        technology, _, rest = self.name.partition("/")
        return rest.rpartition("-")[0] if technology == TECHNOLOGY else ""

    @property
    def up(self) -> bool:
        """Whether it was answered."""
        return self.state == "Up"

    @property
    def starting(self) -> bool:
        """Whether it was just created: for some milliseconds it has neither an application nor variables."""
        return self.state == "Down" and not self.dialplan.app_name

    @property
    def controlled(self) -> bool:
        """Whether ARI may move it about."""
        return self.dialplan.app_name == "Stasis" or self.starting

    @property
    def leaving(self) -> bool:
        """Whether Asterisk plays it a farewell and then hangs up: to everybody it has ended."""
        return self.variable(PLACE) == FAREWELL and not self.controlled

    @property
    def announced(self) -> int:
        """Number of the last announcement to it, 0 if there was none."""
        number = self.variable(ANNOUNCED)
        return int(number) if number.isdecimal() else 0

    @property
    def phase(self) -> Phase:
        """How far it has come. ``Ring`` is a caller whom nobody has answered, ``Ringing`` one whom we call."""
        if self.up:
            return Phase.ANSWERED
        return Phase.RINGING if self.state in {"Ringing", "Ring"} else Phase.DIALLING


class Bridge(_Shown):
    """A bridge as ARI shows it."""

    id: str
    bridge_type: str = ""
    channels: tuple[str, ...] = ()
    bridgevars: Mapping[str, object] = {}

    def was_dialled(self, leg: str) -> bool:
        """Whether a leg was about to be dialled into this room."""
        return bool(self.bridgevars.get(DIALLED + leg))

    @property
    def company(self) -> tuple[str, ...]:
        """Who talked in this room when it was last arranged, if it had three members or more."""
        return tuple(leg for leg in str(self.bridgevars.get(COMPANY) or "").split(",") if leg)


class Status(_Shown):
    """How the node itself is."""

    startup_time: str = ""


class Information(_Shown):
    """What a node says of itself."""

    status: Status = Status()


def moment(text: str) -> datetime | None:
    """Read a time as ARI writes it (``2026-11-22T08:33:54.171+0000``); None if it is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


class Application(_Shown):
    """A Stasis application as ARI shows it."""

    channel_ids: frozenset[str] = frozenset()
    """Channels whose events it is told."""


class Endpoint(_Shown):
    """A SIP endpoint as ARI shows it."""

    state: str = "unknown"


class LiveRecording(_Shown):
    """A recording that is being made, as ARI shows it."""

    state: str = ""


class Variable(_Shown):
    """Value of a variable or a function."""

    value: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What was there when we looked."""

    channels: Mapping[str, Channel] = field(default_factory=dict[str, Channel])
    """By leg; legs that are not there are missing."""
    room: Bridge | None = None
    hold: Bridge | None = None
    """The holding bridge of the wanted class of music."""
    callers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By leg: number of its caller, of those that somebody is to be called in the name of."""
    partners: Mapping[str, Caller] = field(default_factory=dict[str, Caller])
    """By leg: the caller as whom phones may show it, of those that have yet to be shown; without a number if nobody
    knows it, or may. Only looked up once everybody is where they must be."""
    restarted: datetime | None = None
    """When the node was restarted, if that was after the legs of this arrangement were made. Only looked up when one
    of them is missing."""
    recordings: Mapping[str, str] = field(default_factory=dict[str, str])
    """By name: ``recording``, ``paused`` or ``UNREADABLE``, of those that the arrangement names and that are there."""
    tried_recordings: frozenset[str] = frozenset()
    """Those that we have tried to pause or to resume by now. Nobody waits for a second try."""
    everything: tuple[Bridge, ...] | None = None
    """All bridges of the node; only looked up when it matters who is with whom outside the room."""

    def bridge_of(self, leg: str) -> Bridge | None:
        """Return the bridge that a leg is in, as far as we looked."""
        known = self.everything or tuple(bridge for bridge in (self.room, self.hold) if bridge is not None)
        return next((bridge for bridge in known if leg in bridge.channels), None)

    def in_room(self, leg: str) -> bool:
        """Whether a leg is in the room."""
        return self.room is not None and leg in self.room.channels

    def on_hold(self, leg: str) -> bool:
        """Whether a leg is in the holding bridge."""
        return self.hold is not None and leg in self.hold.channels

    def dialled(self, leg: str) -> bool:
        """Whether a leg was dialled into this room, or was about to be."""
        return self.room is not None and self.room.was_dialled(leg)
