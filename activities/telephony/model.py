"""The arrangement of a call and what a provider saw: the only language between the engine and a provider.

The engine never sends a sequence of commands. It states where every leg must be, and the provider makes it true.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from pydantic import BaseModel, ConfigDict

from hookflash import Cause
from hookflash._base import Brief
from hookflash.events import Evidence

DEFAULT_MUSIC = "default"
"""Class of the music where nobody names one."""


class Placement(StrEnum):
    """Where a leg must be."""

    IN_ROOM = "in_room"
    """Up, and in the transfer's room with whoever else is there."""
    ON_HOLD = "on_hold"
    """Up, outside the room, hearing music."""
    RINGING = "ringing"
    """Dialled, and joined to the room by the provider itself the moment it answers. Once it has answered it is where
    it must be, and is reported as answered."""
    SCREENING = "screening"
    """Dialled outside the room. Once it has answered it stays alone, hears the prompt and is asked for a digit. While
    it rings, whoever is alone in the room hears ringback, as for ``ringing``."""
    HANDED_OFF = "handed_off"
    """Given to a place of the provider's: a voicemail box, a queue, a call flow."""
    GONE = "gone"
    """Ended. A leg that does not exist, or was never dialled, is gone."""


class Phase(IntEnum):
    """How far a leg has come. It only ever moves forward."""

    NEW = 0
    """Not known to the provider; will be dialled."""
    DIALLING = 1
    """Dialled, nothing heard from the other side yet."""
    RINGING = 2
    ANSWERED = 3
    ENDED = 4


class Report(StrEnum):
    """What a phone is told of the transfer that its own transfer key has asked for (RFC 3515, section 2.4.5)."""

    PROGRESS = "progress"
    """It is under way."""
    ANSWERED = "answered"
    """Somebody else has the call now. The last word."""
    DECLINED = "declined"
    """Nothing has come of it. The last word."""


class Frozen(Brief, BaseModel):
    """Base of what travels between workflow and activity. Additive: unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Announcement(Frozen):
    """Something played to one leg, once, over whatever it hears. Nobody else hears it, and nobody waits for its end.

    A recording that the provider does not have is left out, and never costs the leg its call or its music; ``unheard``
    is reported.
    """

    media: str
    """Name of the recording."""
    number: int = 1
    """Number of the announcement to this leg, counted by each owner from 1. One that is higher than the last played
    for the same owner is new; all others are not played again. Default: the first."""


class LegRecording(Frozen):
    """A live recording on one leg. Somebody else began it and ends it; it goes with the leg wherever that goes.

    Nobody waits for a recording: what cannot be done to it is left undone, and said (``SeenLeg.recording``).
    """

    name: str
    """As the provider knows it. One that does not exist is left alone."""
    paused: bool = False
    """Whether it must be paused. One that somebody else has paused is not resumed. Default: it runs."""


class RecordingTrouble(StrEnum):
    """What is wrong with a recording that an arrangement names."""

    MISSING = "missing"
    """The provider has no such recording: it never had, or that one is over."""
    NOT_PAUSED = "not_paused"
    """It had to be paused, and may go on: what is said on hold, or in private, may be in it."""
    NOT_RESUMED = "not_resumed"
    """The engine has paused it and could not resume it."""


class Dial(Frozen):
    """How to ring a leg that is not there yet."""

    address: str
    """Where, in the provider's grammar. Already allowed by the policy."""
    ring_timeout: timedelta
    """The provider ends the ringing by itself after this time, whether the engine lives or not. It stands behind the
    engine's own limit, which is shorter: see ``WantedLeg.expired``."""
    accept_timeout: timedelta = timedelta(0)
    """For ``screening``: how long it may be asked after its answer. A provider that can end such a leg by itself does
    so some time after it, for the engine must be dead then. Default: it is not asked."""
    caller_id: str = ""
    """Number to show. Default: the provider's default."""
    caller_id_of: str = ""
    """Leg whose caller's number is shown, where the provider knows it; ``caller_id`` otherwise. Default: nobody's."""
    detect_machine: bool = False
    """For ``screening``: say whether a machine has answered, where the provider can. Default: do not listen for it."""
    headers: dict[str, str] = {}
    """Context for the far end, header name to value. Default: none."""
    prompt: str = ""
    """Announcement for a leg that is ``screening``; after it, or in its place if the provider does not have it, a short
    tone again and again, so that nobody sits in silence before a question. Default: none, and no tone."""


class Reason(Frozen):
    """Why a leg is handed off, for the place that takes it: a greeting or a report may depend on it."""

    transfer: str
    """Workflow id of the transfer."""
    outcome: str
    """Outcome of the transfer, one of ``hookflash.Outcome``."""
    cause: str = ""
    """Why, one of ``hookflash.Cause``. Default: none."""
    agent: str = ""
    """Id of the agent who transferred. Default: not said."""


class WantedLeg(Frozen):
    """One leg of an arrangement."""

    leg: str
    """The provider's id. Minted by the workflow before the first dial, so an unknown outcome can be looked up."""
    name: str
    """How operators call the party; for messages."""
    placement: Placement
    known: Phase = Phase.NEW
    """How far the engine knows the leg to have come. A leg known to be beyond ``NEW`` is never dialled again: if the
    provider does not have it, it has ended. Default: never heard of it."""
    dial: Dial | None = None
    """For ``ringing`` and ``screening``: how to ring it. Default: the leg exists already."""
    expired: bool = False
    """For ``ringing`` and ``screening``: its time is up. End it unless it has been answered, and so that nobody in the
    room hears a leg that is ended, nor is heard by it, whenever its answer comes. Default: let it ring."""
    place: str = ""
    """For ``handed_off``: where to. Default: none."""
    reason: Reason | None = None
    """For ``handed_off``: what the place is told, where the provider can. Default: nothing."""
    announcement: Announcement | None = None
    """For a leg that is up, in the room or on hold: what to play to it now. Default: nothing."""
    recording: LegRecording | None = None
    """What is to become of its recording: paused before it is moved, resumed after. Default: left alone."""
    shows: str = ""
    """For ``in_room``: leg whose number this leg's phone shows as its partner from now on, where the provider knows it
    and can update it: the caller's, or the one by which it was dialled. Default: not changed."""
    report: Report | None = None
    """What the phone is told, once everybody else is where they must be, and before it is released itself. A phone
    that has not asked for a transfer takes no notice. Default: nothing new."""
    transfers_for: str = ""
    """Tenant in whose name the phone may transfer with its own transfer key; the provider tells the engine when it is
    pressed, and does nothing by itself. Only for phones of the company. Default: none, the key is not the engine's."""
    farewell: str = ""
    """For ``gone``: name of the recording that the leg hears, alone, before the provider itself releases it. It counts
    as ended from the beginning. A leg that is not up, or a provider that does not have the recording: released at
    once. Default: released at once."""


class Arrangement(Frozen):
    """Where every leg of a transfer must be."""

    owner: str = ""
    """Who is told what happens to these legs from now on: ``hookflash.names.owner_token`` of a workflow run. Default:
    the run that asks for it; a provider is always given one."""
    take_from: tuple[str, ...] | None = None
    """The legs of whom may be taken over, as beginnings of owners; who owns them already may always arrange them, and
    legs without an owner are free. If a leg is anybody else's, nothing is done. Default: everybody's."""
    room: str
    """Id of the room, minted by the workflow."""
    legs: tuple[WantedLeg, ...]
    customer: str = ""
    """Leg that must never hear silence nor be overheard: it decides the order of the steps. Default: the first leg."""
    hold_music: str = DEFAULT_MUSIC
    """Class of music for whoever is on hold. Default: ``default``."""
    hold_limit: timedelta | None = None
    """Longest time anybody waits, by the engine's own timers. A provider that can end a wait by itself does so some
    time after it, for the engine must be dead then. Default: not said, an hour."""
    since: datetime | None = None
    """The last ``Observation.since`` of these legs: whether the node was restarted since then can be found out.
    Default: not known."""
    keep_room: bool = True
    """False: nobody needs the room any more; remove it. Default: keep it."""

    @property
    def protected(self) -> str:
        """The leg of `customer`, or the first; empty without legs."""
        return self.customer or (self.legs[0].leg if self.legs else "")

    def may_take(self, owner: str) -> bool:
        """Return whether a leg of this owner may be arranged."""
        free = self.take_from is None or owner in ("", self.owner)
        return free or owner.startswith(self.take_from or ())


class SeenLeg(Frozen):
    """What the provider said of one leg, after it did what was missing."""

    leg: str
    phase: Phase
    cause: Cause | None = None
    """For an ended leg: why. ``unknown_leg`` if the provider never heard of it. Default: not ended, or ended and the
    cause is only in the event that said so, which may still be on its way."""
    evidence: Evidence = Evidence()
    """For an ended leg: the provider's own words."""
    owner: str = ""
    """Who owns this leg, if it is somebody from whom it may not be taken. Default: nobody."""
    recording: RecordingTrouble | None = None
    """What is wrong with its recording. Default: nothing, or none was named."""
    dialled_at: datetime | None = None
    """For a leg that was dialled to make this arrangement true: when, by the clock of whoever dialled it. Its ringing
    time counts from there, however long the news is on its way. Default: it was not, or long before."""
    assumed: bool = False
    """For an ended leg: nobody saw it end, so the cause is only the likeliest, and the event that says otherwise may
    still be on its way. Default: no."""
    former_owner: str = ""
    """Workflow that was told about this leg before the present owner. It stays, so that a lost answer loses nothing:
    whoever is told twice does not mind. Default: nobody."""


class Observation(Frozen):
    """Answer of ``arrange``."""

    legs: tuple[SeenLeg, ...]
    """One entry per leg of the arrangement, in its order. The activity passes on those of which there is news: a leg
    that is as far as the arrangement knew, and of which there is nothing else to say, is left out."""
    stands: bool
    """True: the arrangement is true now. False: a leg that had to be up was found ended, and nothing else was
    changed beyond what keeps the others safe; decide again. Also False, with nothing done at all, if a leg is
    somebody else's: see ``SeenLeg.owner``."""

    since: datetime | None = None
    """When the youngest of the legs that are there was made, by the provider's own clock. Default: not said, or as in
    the arrangement."""
    mark: str = ""
    """``OwnedLegs.mark`` as it must be for as long as this arrangement is true. Default: none is, look again."""

    @property
    def refused(self) -> bool:
        """Whether somebody else arranges one of these legs."""
        return any(leg.owner for leg in self.legs)


class OwnedLegs(Frozen):
    """The live legs of one owner, as a look at the whole node shows them."""

    phases: Mapping[str, Phase]
    """How far each has come, by leg."""
    mark: str = ""
    """Stands for everything that an arrangement could find wrong with these legs and the rooms they are in, but for how
    far they have come. Equal marks say that nothing of it has changed; marks of different providers say nothing.
    Default: not known, only ``arrange`` can tell."""


class LegEventKind(StrEnum):
    """What can happen to a leg."""

    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    DIGIT = "digit"
    MACHINE = "machine"
    """A leg that is screened was answered by a machine."""
    UNHEARD = "unheard"
    """A recording could not be played to a leg; most likely there is no such file."""


class LegEvent(Frozen):
    """Something a provider reported by itself."""

    owner: str
    """Who watches the leg, as set by the last arrangement."""
    leg: str
    kind: LegEventKind
    cause: Cause | None = None
    """For ``ended``. Default: not ended."""
    digit: str = ""
    """For ``digit``: one of ``0-9*#A-D``. Default: none."""
    evidence: Evidence = Evidence()
    """For ``ended``: the provider's own words. For ``unheard``: the name of the recording."""


class TransferAsked(Frozen):
    """A phone's own transfer key was pressed: somebody wants to be rid of the party it talks with (RFC 3515)."""

    leg: str
    """Leg of the phone that asks. It waits for a ``Report``."""
    owner: str = ""
    """Who watches that leg. Default: nobody."""
    again: bool = False
    """Whether this phone is being told already of a transfer that it has asked for. Default: no."""
    tenant: str = ""
    """In whose name; see ``WantedLeg.transfers_for``. Default: not known."""
    callable_at: str = ""
    """Address at which the phone can be called. Default: none that the engine may call."""
    customer: str = ""
    """Leg of the only other party in its conversation. Default: it talks with nobody, or with several."""
    destination: str = ""
    """Whom it asks for, as it was dialled: any text at all. Default: nobody."""
    address: str = ""
    """The same as an address of the provider's, not yet allowed by anybody. Default: it cannot be one."""
    consults: bool = False
    """Whether it asks to be replaced in another of its own calls (RFC 5589, section 7). Default: somebody is to be
    rung."""
    consulting: str = ""
    """For ``consults``: its leg in that call. Default: there is no such call."""
    consulted: str = ""
    """For ``consults``: leg of the only other party there. Default: none, or several."""
