"""From an arrangement and what is there to the steps that are missing. Pure: no clock, no network.

The steps come in waves, and between two waves the caller looks again: first whatever can be taken back, then who is
handed off, then who is hung up for good and the room, and announcements last. So nobody is let go because of a picture
that is out of date, and nothing waits for what is only played.

Within the first wave, whoever must not hear the customer goes before the customer comes. A stop half-way leaves the
customer with a person or with music.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from activities.telephony.asterisk.addresses import caller_variables, destination, header_variables
from activities.telephony.asterisk.announcing import announcements, undisturbed
from activities.telephony.asterisk.backstop import Backstop, behind_called, behind_waiting, kept_up, taken_back
from activities.telephony.asterisk.causes import Ending
from activities.telephony.asterisk.introducing import introductions
from activities.telephony.asterisk.keys import freed
from activities.telephony.asterisk.leaving import dropped, handed_off, kept, released
from activities.telephony.asterisk.recording import pauses, resumptions
from activities.telephony.asterisk.scene import MUST_BE_UP, Scene
from activities.telephony.asterisk.screening import questions, stop_asking
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import ALONE, PLACE, RINGBACK, ROOM, SCREENED, Picture, hold_bridge
from activities.telephony.asterisk.steps import (
    Adopt,
    Answer,
    Create,
    CreateHold,
    CreateRoom,
    Dial,
    Leave,
    Move,
    Music,
    Note,
    Ring,
    Step,
    StopRing,
)
from activities.telephony.asterisk.transfer_key import keys, reports
from activities.telephony.asterisk.verdicts import DIALLED_PLACEMENTS, endings
from activities.telephony.model import Arrangement, Phase, Placement, WantedLeg
from activities.telephony.model import Dial as DialLeg


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next."""

    steps: tuple[Step, ...]
    """The next wave; empty when nothing is missing."""
    endings: Mapping[str, Ending]
    """Legs that are not to be had any more."""
    stands: bool
    """Whether the arrangement is true once nothing is missing."""
    settled: bool = False
    """Whether everybody is where they must be, and phones and legs only have to be told something. Default: no."""


def music_ahead(wanted: Arrangement) -> Music | None:
    """Return the music to ask for before anybody looks, which touches no leg: for whoever was never seen.

    They cannot be on hold already. For those who are, it would be asked for once more with each arrangement.
    """
    unseen = any(leg.placement is Placement.ON_HOLD and leg.known is Phase.NEW for leg in wanted.legs)
    return Music(hold_bridge(wanted.hold_music), wanted.hold_music) if unseen else None


def make_plan(wanted: Arrangement, picture: Picture, settings: AsteriskSettings, known: Mapping[str, Ending]) -> Plan:
    """Return what is missing.

    Args:
        wanted: The arrangement.
        picture: What is there.
        settings: Of the node.
        known: Endings of legs that were seen as they happened.

    Raises:
        Unsupported: ARI can never do it.
    """
    ended = endings(wanted, picture, known, settings.trunk)
    planner = _Planner(wanted, picture, settings, ended)
    stands = not any(leg.leg in ended and leg.placement in MUST_BE_UP for leg in wanted.legs)
    if not stands:
        return Plan(undisturbed(planner, planner.comfort()), ended, stands)
    waves = (planner.arrange, partial(handed_off, planner), partial(released, planner))
    steps = next((steps for wave in waves if (steps := wave())), ())
    return Plan(undisturbed(planner, steps or planner.say()), ended, stands, settled=not steps)


class _Planner(Scene):
    """Finds the steps that are missing."""

    # --- waves

    def comfort(self) -> tuple[Step, ...]:
        """Music for whoever was left alone. Without the missing leg, every other move could do harm."""
        waiting = [leg for leg in self.legs if leg.placement in MUST_BE_UP[:2] and self.forsaken(leg.leg)]
        return (
            *self._begin_music(waiting),
            *self._put_on_hold(waiting),
            *self._notes(waiting, company=()),
        )

    def arrange(self) -> tuple[Step, ...]:
        """Everything that can be taken back."""
        holding = [leg for leg in self.legs if leg.placement is Placement.ON_HOLD]
        outs = [leg for leg in holding if not self.picture.on_hold(leg.leg)]
        screened = self.in_room(leg for leg in self.legs if leg.placement is Placement.SCREENING)
        drops = [leg for leg in self.legs if self.drops(leg)]
        ins = [leg for leg in self.legs if self.comes_in(leg)]
        away = [*outs, *screened, *drops]
        company = self.company(ins, gone=away)
        return (
            *self._begin_music(outs),
            *self._adopt(),
            *kept(self),
            *pauses(self),
            *self._create_room(),
            *(Answer(leg.leg) for leg in self.legs if self.unanswered(leg)),
            *self._put_on_hold(outs),
            *(Leave(leg.leg, self.wanted.room) for leg in screened),
            *(step for leg in drops for step in dropped(self, leg)),
            *self._move_in(ins),
            *freed(self, company, moved=[leg.leg for leg in away]),
            *self._ringback(ins, company),
            *self._dial(company),
            *kept_up(self, company),
            *questions(self),
            *self._notes(holding, company),
            *resumptions(self),
            *keys(self),
            *reports(self),
        )

    def say(self) -> tuple[Step, ...]:
        """What phones show and legs are told, once everybody is where they must be."""
        return (*introductions(self), *announcements(self))

    # --- what they need

    def _adopt(self) -> list[Step]:
        """Legs that are handed off need no owner, and one that was just created has got one already."""
        placements = (Placement.IN_ROOM, Placement.ON_HOLD, *DIALLED_PLACEMENTS)
        return [
            Adopt(leg.leg, self.wanted.owner, self.settings.app, channel.owner, channel.announced > 0)
            for leg in self.legs
            if (channel := self.channels.get(leg.leg)) is not None
            # Whoever goes is taken over too if it was watched: its end is our doing, and nobody else's news.
            and (leg.placement in placements or (channel.owner and leg.placement is Placement.GONE))
            and channel.owner != self.wanted.owner
            and not channel.starting
        ]

    def _create_room(self) -> list[Step]:
        needed = self.picture.room is None and self.room_users()
        return [CreateRoom(self.wanted.room)] if needed else []

    def _begin_music(self, outs: list[WantedLeg]) -> list[Step]:
        """Music before its first listener is there: its first packet comes 20 ms after it was asked for.

        Where the holding bridge was there, it may have begun before anybody looked.
        """
        music = Music(self.hold, self.wanted.hold_music)
        if not outs:
            return []
        if self.picture.hold is None:
            return [CreateHold(self.hold), music]
        return [] if music_ahead(self.wanted) else [music]

    def _put_on_hold(self, outs: list[WantedLeg]) -> list[Step]:
        steps: list[Step] = []
        for leg in outs:
            steps += stop_asking(self, leg)
            steps.append(Move(leg.leg, self.hold))
        # Once more: it has ended if the last listener left just before they came. Also for whoever was moved by an
        # attempt that went no further.
        unsure = [leg for leg in self.legs if self.picture.on_hold(leg.leg) and self.place(leg.leg) != self.held]
        if outs or any(leg.placement is Placement.ON_HOLD for leg in unsure):
            steps.append(Music(self.hold, self.wanted.hold_music))
        return steps

    def _move_in(self, ins: list[WantedLeg]) -> list[Step]:
        steps: list[Step] = []
        for leg in ins:
            steps += stop_asking(self, leg)
            steps += taken_back(self, leg.leg)
            steps.append(Move(leg.leg, self.wanted.room))
        return steps

    def _ringback(self, ins: list[WantedLeg], company: tuple[str, ...]) -> list[Step]:
        """Ringback for who is alone in the room while somebody rings.

        Asterisk plays it by itself only to who was alone in the room before the 180, and it goes on after the ringing
        has ended.
        """
        moved = {leg.leg for leg in ins}
        listener = self.rings_for(company)
        steps: list[Step] = []
        for leg in self.legs:
            if leg.placement in (Placement.GONE, Placement.HANDED_OFF):
                continue
            marked = self.ringback_of(leg.leg)
            if leg.leg in listener and (leg.leg in moved or marked != listener[leg.leg]):
                steps.append(Ring(leg.leg))
            elif leg.leg not in listener and marked and self.picture.in_room(leg.leg):
                steps.append(StopRing(leg.leg))
        return steps

    def _dial(self, company: tuple[str, ...]) -> list[Step]:
        steps: list[Step] = []
        for leg in self.legs:
            if not self.to_dial(leg) or leg.dial is None:
                continue
            backstop, is_there = behind_called(self, leg, company), leg.leg in self.channels
            if not is_there:
                steps.append(self._create(leg, leg.dial, backstop))
            noted = [(PLACE, SCREENED)] if leg.placement is Placement.SCREENING else []
            if leg.placement is Placement.RINGING and not self.picture.in_room(leg.leg):
                steps.append(Move(leg.leg, self.wanted.room))
            # Only a leg that Asterisk keeps can be written on. Nobody must be rung by one that it drops.
            if is_there:
                # Nobody knows how long ago it was made, and its whole ringing is to come.
                steps.append(Note(leg.leg, (*noted, backstop.reported), (backstop.function,)))
            elif noted:
                steps.append(Note(leg.leg, tuple(noted)))
            seconds = max(1, math.ceil(leg.dial.ring_timeout.total_seconds()))
            steps.append(Dial(leg.leg, self.wanted.room, seconds))
        return steps

    def _create(self, leg: WantedLeg, dial: DialLeg, backstop: Backstop) -> Create:
        to = destination(dial.address, self.settings.trunk)
        # What the target should know is nobody's business behind a trunk.
        headers = {} if to.number else dial.headers
        caller = caller_variables(self.picture.callers.get(dial.caller_id_of, ""))
        variables = header_variables(headers) | (caller or caller_variables(dial.caller_id))
        return Create(
            leg.leg,
            self.settings.app,
            to.dial_string,
            to.endpoint,
            self.wanted.owner,
            tuple(variables.items()),
            "" if to.number else leg.transfers_for,
            to.number,
            backstop,
        )

    def _notes(self, holding: list[WantedLeg], company: tuple[str, ...]) -> list[Step]:
        """What is remembered on each leg once everything was done for it, in one request per leg."""
        places = {leg.leg: self.held for leg in holding}
        places |= {leg: ALONE if len(company) == 1 else ROOM for leg in company}
        rings = self.rings_for(company)
        steps: list[Step] = []
        for leg in self.legs:
            if leg.leg not in places or leg.placement in (Placement.GONE, Placement.HANDED_OFF):
                continue
            reported: list[tuple[str, str]] = []
            functions: tuple[tuple[str, str], ...] = ()
            if self.ringback_of(leg.leg) != rings.get(leg.leg, ""):
                reported.append((RINGBACK, rings.get(leg.leg, "")))
            before, after = self.place(leg.leg), places[leg.leg]
            moved = before != after and (before or after != ROOM)
            if moved:
                reported.append((PLACE, after))
            backstop = behind_waiting(self, leg.leg, waits=after != ROOM)
            if backstop and (moved or backstop.noted != self.backstop_of(leg.leg)):
                reported.append(backstop.reported)
                functions = (backstop.function,)
            if reported:
                steps.append(Note(leg.leg, tuple(reported), functions))
        return steps
