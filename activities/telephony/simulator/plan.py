"""From an arrangement and the real state to the steps that are missing, in an order that is safe to stop anywhere.

Whoever leaves goes before the customer comes, and after somebody else has come where the customer is with them:
nobody overhears the customer, and the customer is never alone for an instant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from activities.telephony.model import Arrangement, Phase, Placement, WantedLeg
from activities.telephony.simulator.hearing import Sound, around
from activities.telephony.simulator.legs import HEARD_RINGING, Leg, Room
from activities.telephony.simulator.present import Present
from activities.telephony.simulator.recordings import can_play

ON_ANSWER = {
    Placement.RINGING: Placement.IN_ROOM,
    Placement.SCREENING: Placement.SCREENING,
    Placement.IN_ROOM: Placement.IN_ROOM,
    Placement.ON_HOLD: Placement.ON_HOLD,
}
"""Where a leg that still rings is put when it answers, by where it is wanted."""

_RUNG = frozenset({Placement.RINGING, Placement.SCREENING})
_PLACED = frozenset({Placement.IN_ROOM, Placement.ON_HOLD})
_TOGETHER = frozenset({Placement.IN_ROOM, Placement.RINGING})
"""Where a leg that is up is in the room: one that is to ring has been answered, or was there before."""

_Condition = Callable[[Leg, WantedLeg], bool]


class StepKind(StrEnum):
    """What the exchange can do in one go."""

    WATCH = "watch"
    CREATE_ROOM = "create room"
    HOLD = "hold"
    RINGBACK = "ringback"
    JOIN = "join"
    HAND_OFF = "hand off"
    REDIRECT = "redirect"
    DIAL = "dial"
    EXPIRE = "expire"
    HANG_UP = "hang up"
    SAY_FAREWELL = "say farewell to"
    SHOW = "show the partner to"
    GIVE_KEY = "give the transfer key to"
    TELL = "tell the phone of"
    ANNOUNCE = "announce to"
    PAUSE = "pause the recording of"
    RESUME = "resume the recording of"
    REMOVE_ROOM = "remove room"


@dataclass(frozen=True)
class Step:
    """One change, for some of the legs at once."""

    kind: StepKind
    legs: tuple[WantedLeg, ...] = ()

    def __str__(self) -> str:
        names = ", ".join(leg.name or leg.leg for leg in self.legs)
        return f"{self.kind} {names}".strip()


@dataclass(frozen=True)
class Plan:
    """What to do now, and whether the arrangement stands once it is done."""

    steps: tuple[Step, ...]
    stands: bool
    waits_in_vain: bool
    """Somebody is to wait for a phone that does not ring any more, and the engine has yet to learn it: from what is
    observed."""


def make_plan(wanted: Arrangement, legs: Mapping[str, Leg], present: Present, rooms: Mapping[str, Room]) -> Plan:
    """Return the steps from the state of the legs and rooms to the arrangement; none if it stands."""
    return _Planner(wanted, legs, present, rooms).plan()


class _Planner:
    def __init__(
        self, wanted: Arrangement, legs: Mapping[str, Leg], present: Present, rooms: Mapping[str, Room]
    ) -> None:
        self.wanted = wanted
        self.legs = legs
        self.present = present
        self.rooms = rooms
        self.customer = wanted.protected

    def plan(self) -> Plan:
        watch = self._pick(lambda leg, _: leg.live and not _away(leg) and leg.owner != self.wanted.owner)
        first = (Step(StepKind.WATCH, watch),) if watch else ()
        if any(self._lost(leg) for leg in self.wanted.legs):
            return Plan(self._comfort(), stands=False, waits_in_vain=True)
        in_vain = any(self._in_vain(leg) for leg in self.wanted.legs)
        return Plan(first + self._all_steps(), stands=True, waits_in_vain=in_vain)

    def _lost(self, wanted: WantedLeg) -> bool:
        """Whether a leg that must be up is not there any more."""
        leg = self.legs.get(wanted.leg)
        match wanted.placement:
            case Placement.IN_ROOM | Placement.ON_HOLD:
                return leg is None or not leg.live or _away(leg)
            case Placement.HANDED_OFF:
                return leg is None or not (leg.live or _away(leg))
            case _:
                return False

    def _in_vain(self, want: WantedLeg) -> bool:
        leg = self.legs.get(want.leg)
        if leg is None:
            over = not self._needs_dial(want)
        else:
            screened = want.placement == Placement.SCREENING and leg.phase == Phase.ANSWERED
            over = not leg.live or (screened and want.known < Phase.ANSWERED)
        return want.placement in _RUNG and over

    def _comfort(self) -> tuple[Step, ...]:
        """Music for who was left alone. Nothing else: without the missing leg, every other move could do harm."""
        alone = self._pick(lambda leg, _: leg.up and leg.is_in(leg.room) and self._hears_nothing(leg))
        return (Step(StepKind.HOLD, alone),) if alone else ()

    def _hears_nothing(self, leg: Leg) -> bool:
        return Sound.SILENCE in around(leg, self.present, self.rooms)

    def _all_steps(self) -> tuple[Step, ...]:
        room = self.wanted.room
        joins = self._pick(lambda leg, want: want.placement in _TOGETHER and leg.up and not leg.is_in(room))
        holds = self._pick(lambda leg, want: want.placement == Placement.ON_HOLD and self._needs_hold(leg))
        releases = self._pick(lambda leg, want: leg.live and _unwanted(leg, want))
        comes = any(self._is_customer(want) for want in joins)
        first_out = [want for want in (*holds, *releases) if self._goes_first(want, comes)]

        tells = self._pick(self._needs_telling)
        going = [want for want in tells if want in releases]
        steps: list[Step] = self._each(StepKind.TELL, tuple(going))
        steps += self._each(StepKind.PAUSE, self._pick(self._needs_pause))
        if self._needs_room() and room not in self.rooms:
            steps.append(Step(StepKind.CREATE_ROOM))
        steps += self._out(holds, releases, first_out)
        if self._needs_ringback():
            steps.append(Step(StepKind.RINGBACK))
        steps += self._each(StepKind.REDIRECT, self._pick(self._needs_redirect))
        if joins:
            steps.append(Step(StepKind.JOIN, joins))
        resumed = self._pick(self._needs_resumption)
        away = tuple(want for want in resumed if want.placement == Placement.HANDED_OFF)
        steps += self._each(StepKind.RESUME, away)
        steps += self._each(StepKind.HAND_OFF, self._pick(self._needs_hand_off))
        customer_released = [want for want in releases if self._is_customer(want)]
        steps += self._out((), releases, customer_released)
        steps += self._out(holds, (), [want for want in holds if want not in first_out])
        steps += self._each(StepKind.DIAL, tuple(want for want in self.wanted.legs if self._needs_dial(want)))
        done = [*first_out, *customer_released]
        steps += self._out((), releases, [want for want in releases if want not in done])
        steps += self._each(StepKind.RESUME, tuple(want for want in resumed if want not in away))
        steps += self._each(StepKind.SHOW, self._pick(self._needs_to_show))
        steps += self._each(StepKind.GIVE_KEY, self._pick(self._needs_key))
        steps += self._each(StepKind.TELL, tuple(want for want in tells if want not in going))
        # Last, so that what is announced hides no silence that one of the other steps would cause.
        steps += self._each(StepKind.ANNOUNCE, self._pick(self._needs_announcement))
        if not self.wanted.keep_room and room in self.rooms and not self._needs_room():
            steps.append(Step(StepKind.REMOVE_ROOM))
        return tuple(steps)

    def _goes_first(self, want: WantedLeg, customer_comes: bool) -> bool:
        """Whether a leg has to be out before anybody comes in."""
        if self._is_customer(want):
            return want.placement == Placement.ON_HOLD
        return customer_comes and self.legs[want.leg].is_in(self.wanted.room)

    def _out(
        self, holds: tuple[WantedLeg, ...], releases: tuple[WantedLeg, ...], chosen: list[WantedLeg]
    ) -> list[Step]:
        """Return the steps that take the chosen legs out of the room, the customer first."""
        ordered = sorted(chosen, key=lambda want: not self._is_customer(want))
        held = [Step(StepKind.HOLD, (want,)) for want in ordered if want in holds]
        released = [Step(_release(self.legs[want.leg], want), (want,)) for want in ordered if want in releases]
        return held + released

    def _needs_room(self) -> bool:
        return self.wanted.keep_room or any(self._uses_room(want) for want in self.wanted.legs)

    def _uses_room(self, want: WantedLeg) -> bool:
        if want.placement not in (Placement.IN_ROOM, Placement.RINGING):
            return False
        leg = self.legs.get(want.leg)
        return self._needs_dial(want) if leg is None else leg.live and not _unwanted(leg, want)

    def _needs_hold(self, leg: Leg) -> bool:
        held = leg.placement == Placement.ON_HOLD and leg.music == self.wanted.hold_music
        return leg.up and not held

    def _needs_ringback(self) -> bool:
        """Whether somebody will be alone in the room until the phone they wait for is dialled, or is given up.

        What is heard in place of one whose time is up says the next arrangement.
        """
        room = self.rooms.get(self.wanted.room)
        waits = any(self._needs_dial(want) for want in self.wanted.legs) or bool(self._pick(_overdue))
        alone = sum(want.placement == Placement.IN_ROOM for want in self.wanted.legs) == 1
        return waits and alone and not (room is not None and room.ringback)

    def _needs_hand_off(self, leg: Leg, want: WantedLeg) -> bool:
        return want.placement == Placement.HANDED_OFF and leg.up

    def _needs_redirect(self, leg: Leg, want: WantedLeg) -> bool:
        target = ON_ANSWER.get(want.placement)
        if not leg.ringing or target is None or _unwanted(leg, want):
            return False
        return leg.placement != target or (target in HEARD_RINGING and leg.room != self.wanted.room)

    def _needs_dial(self, want: WantedLeg) -> bool:
        return want.leg not in self.legs and to_be_dialled(want)

    def _needs_to_show(self, leg: Leg, want: WantedLeg) -> bool:
        partner = self.legs.get(want.shows)
        known = partner is not None and partner.live and leg.shown != partner.number
        return known and leg.up and want.placement == Placement.IN_ROOM

    def _needs_pause(self, leg: Leg, want: WantedLeg) -> bool:
        recording = want.recording
        there = recording is not None and leg.up and leg.recording == recording.name
        return there and recording is not None and recording.paused and not leg.recording_paused

    def _needs_resumption(self, leg: Leg, want: WantedLeg) -> bool:
        recording = want.recording
        there = recording is not None and leg.up and leg.recording == recording.name
        return there and recording is not None and not recording.paused and leg.paused_by_engine

    def _needs_announcement(self, leg: Leg, want: WantedLeg) -> bool:
        announcement = want.announcement
        if announcement is None or not announcement.media or not leg.up:
            return False
        # Each owner counts its own announcements; who takes a leg over now begins anew.
        played = leg.announced if leg.owner == self.wanted.owner else 0
        # One that is to ring and is up is in the room by then, or comes in with this plan.
        return want.placement in _PLACED | _TOGETHER and announcement.number > played

    def _needs_key(self, leg: Leg, want: WantedLeg) -> bool:
        return leg.up and want.placement in _PLACED and want.transfers_for not in ("", leg.transfers_for)

    def _needs_telling(self, leg: Leg, want: WantedLeg) -> bool:
        told = f"{want.report} {self.wanted.owner}"
        return leg.up and want.report is not None and leg.reported != told

    def _is_customer(self, want: WantedLeg) -> bool:
        return want.leg == self.customer

    def _each(self, kind: StepKind, chosen: tuple[WantedLeg, ...]) -> list[Step]:
        return [Step(kind, (want,)) for want in chosen]

    def _pick(self, condition: _Condition) -> tuple[WantedLeg, ...]:
        """Return the wanted legs that exist and meet a condition, the customer first."""
        chosen = [
            want for want in self.wanted.legs if (leg := self.legs.get(want.leg)) is not None and condition(leg, want)
        ]
        return tuple(sorted(chosen, key=lambda want: not self._is_customer(want)))


def to_be_dialled(want: WantedLeg) -> bool:
    """Return whether a leg that does not exist is to be dialled."""
    fresh = want.known == Phase.NEW and not want.expired
    return want.placement in _RUNG and fresh and want.dial is not None


def _away(leg: Leg) -> bool:
    return leg.placement == Placement.HANDED_OFF


def _overdue(leg: Leg, want: WantedLeg) -> bool:
    return want.expired and want.placement in _RUNG and leg.ringing


def _unwanted(leg: Leg, want: WantedLeg) -> bool:
    return want.placement == Placement.GONE or _overdue(leg, want)


def _release(leg: Leg, want: WantedLeg) -> StepKind:
    if want.placement != Placement.GONE:
        return StepKind.EXPIRE
    return StepKind.SAY_FAREWELL if leg.up and can_play(want.farewell) else StepKind.HANG_UP
