"""The exchange's own records: legs and rooms."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from activities.telephony.model import Phase, Placement, Report
from activities.telephony.simulator.clock import Timer
from activities.telephony.simulator.script import SCHEME, Script
from hookflash import Cause, Evidence

HEARD_RINGING = frozenset({Placement.IN_ROOM, Placement.SCREENING})
"""Where a leg is put at the answer if its ringing is heard in a room."""


@dataclass
class Room:
    """Where legs hear each other."""

    id: str
    own: bool = False
    """The exchange made it for a call of its own, and removes it with the last member."""
    ringback: bool = False
    """Ringback was started ahead of a dial, so that nobody sits in silence until the phone is reached."""


class Filed(StrEnum):
    """Fields by which legs are found."""

    CALL = "call"
    ROOM = "room"
    OWNER = "owner"


class FiledField:
    """A field by which a leg is found, empty by default: with each change the leg is filed anew, so both agree."""

    def __set_name__(self, _: type, name: str) -> None:
        self._field = Filed(name)

    def __get__(self, leg: "Leg | None", _: type) -> str:
        return "" if leg is None else leg.__dict__[self._field]  # of no leg: a dataclass asks for the default

    def __set__(self, leg: "Leg", value: str) -> None:
        before = leg.__dict__.get(self._field, value)
        leg.__dict__[self._field] = value
        if leg.filed_anew is not None and value != before:
            leg.filed_anew(leg, self._field, before, value)


@dataclass(kw_only=True)
class Leg:
    """One party's call with the exchange."""

    id: str
    name: str
    call: FiledField = FiledField()
    """Id of the customer's leg of the call it belongs to."""
    phase: Phase
    placement: Placement
    """Where it is; before the answer: where the exchange puts it at the answer."""
    room: FiledField = FiledField()
    """For ``in_room``: which. For ``screening``: the one where its ringing is heard."""
    phone: str = ""
    """Name of the phone that was dialled."""
    dialled_at: datetime | None = None
    shown: str = ""
    """Number that the phone shows as its partner's."""
    prompt: str = ""
    """For ``screening``: recording that it hears once it has answered."""
    detect_machine: bool = False
    """For ``screening``: somebody wants to know whether a machine has answered."""
    owner: FiledField = FiledField()
    former_owner: str = ""
    music: str = ""
    place: str = ""
    cause: Cause | None = None
    evidence: Evidence = field(default_factory=Evidence)
    rang: bool = False
    script: Script = field(default_factory=Script)
    """How its phone behaves."""
    timers: list[Timer] = field(default_factory=lambda: list[Timer]())
    recording: str = ""
    """Name of the recording that runs on it."""
    recording_stuck: bool = False
    """It can be neither paused nor resumed."""
    recording_paused: bool = False
    paused_by_engine: bool = False
    """Only then may the engine resume it."""
    announced: int = 0
    """Number of the last announcement that was played to it."""
    announcement: Timer | None = None
    """The end of the announcement that it hears now, over everything else."""
    transfers_for: str = ""
    """Tenant in whose name its phone may transfer."""
    reports: list[Report] = field(default_factory=lambda: list[Report]())
    """What its phone was told of the transfers that it has asked for."""
    reported: str = ""
    """What it was last told, and by whom, whether it has asked for anything or not."""
    waits_for_report: bool = False
    """It has asked for a transfer, and has not been told the end of it."""
    leaving: bool = False
    """It has ended as far as anybody is told, and still hears its farewell."""
    filed_anew: "Callable[[Leg, Filed, str, str], None] | None" = field(
        default=None, init=False, repr=False, compare=False
    )
    """Told the field, what it was and what it is now. None: nobody keeps the leg, as it has gone or is a copy."""

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.phase != Phase.ENDED

    @property
    def up(self) -> bool:
        """Whether it was answered, has not ended and is still the exchange's to move."""
        return self.phase == Phase.ANSWERED and self.placement != Placement.HANDED_OFF

    @property
    def ringing(self) -> bool:
        """Whether it was dialled and waits for the answer."""
        return self.phase in (Phase.DIALLING, Phase.RINGING)

    @property
    def number(self) -> str:
        """Number of its phone: the name of the phone, ``carol`` for ``sim:carol``."""
        return self.phone or self.id.removeprefix(SCHEME)

    def is_in(self, room: str) -> bool:
        """Whether it is in a room, or will be once it answers."""
        return self.live and self.placement == Placement.IN_ROOM and self.room == room

    def rings_for(self, room: str) -> bool:
        """Whether it rings, and who is alone in this room waits for it."""
        return self.ringing and self.room == room and self.placement in HEARD_RINGING

    def told(self, report: Report) -> None:
        """Take in what has come of the transfer that its phone has asked for, if it has asked for any."""
        if self.waits_for_report:
            self.reports.append(report)
            self.waits_for_report = report is Report.PROGRESS

    def stop_announcement(self) -> None:
        """Break off what is being announced to it, if anything is."""
        if self.announcement is not None:
            self.announcement.cancel()
            self.announcement = None

    def cancel_timers(self) -> None:
        """Forget everything its phone was going to do."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


EVIDENCE = {
    Cause.BUSY: Evidence(sip_status=486, q850=17, text="Busy Here"),
    Cause.DECLINED: Evidence(sip_status=603, q850=21, text="Decline"),
    Cause.NO_ANSWER: Evidence(sip_status=480, q850=19, text="No answer"),
    Cause.UNREACHABLE: Evidence(sip_status=503, q850=34, text="Service Unavailable"),
    Cause.INVALID_DESTINATION: Evidence(sip_status=404, q850=1, text="Not Found"),
    Cause.HUNG_UP: Evidence(q850=16, text="Normal Clearing"),
    Cause.RELEASED: Evidence(q850=16, text="Released by the engine"),
}
"""What the exchange says about each cause: the codes a real Asterisk shows."""

ANSWERED_ELSEWHERE = Evidence(q850=26, text="Answered elsewhere")
"""What it says of a phone that was released while it rang, because another one had been answered."""
