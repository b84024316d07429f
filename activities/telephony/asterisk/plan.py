"""From an arrangement and what is there to the steps that are missing. Pure: no clock, no network.

The steps come in waves, and between two waves the caller looks again: first whatever can be taken back, then who is
handed off, then who is hung up for good, the room last. So nobody is let go because of a picture that is out of date.

Within the first wave, whoever must not hear the customer goes before the customer comes. A stop half-way leaves the
customer with a person or with music.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from activities.telephony.asterisk.addresses import (
    InvalidAddressError,
    caller_variables,
    destination,
    dialplan_place,
    header_variables,
)
from activities.telephony.asterisk.causes import ANSWERED_ELSEWHERE, NO_ANSWER, NORMAL_CLEARING, Ending
from activities.telephony.asterisk.scene import MUST_BE_UP, Scene
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import (
    ALONE,
    HELD,
    PLACE,
    PROMPTED,
    RINGBACK,
    ROOM,
    SCREENED,
    Channel,
    Picture,
)
from activities.telephony.asterisk.steps import (
    Adopt,
    Answer,
    Create,
    CreateHold,
    CreateRoom,
    DeleteRoom,
    Dial,
    HandOff,
    HangUp,
    Leave,
    Move,
    Music,
    Note,
    Prompt,
    Ring,
    Step,
    StopPrompt,
    StopRing,
)
from activities.telephony.asterisk.verdicts import DIALLED_PLACEMENTS, endings
from activities.telephony.errors import Unsupported
from activities.telephony.model import Arrangement, Placement, WantedLeg

LONGEST_HOLD = timedelta(hours=1)
"""Longest hold budget that a request may ask for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next."""

    steps: tuple[Step, ...]
    """The next wave; empty when nothing is missing."""
    endings: Mapping[str, Ending]
    """Legs that are not to be had any more."""
    stands: bool
    """Whether the arrangement is true once nothing is missing."""


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
        return Plan(planner.comfort(), ended, stands)
    waves = (planner.arrange, planner.hand_off, planner.release)
    return Plan(next((steps for wave in waves if (steps := wave())), ()), ended, stands)


class _Planner(Scene):
    """Finds the steps that are missing."""

    # --- waves

    def comfort(self) -> tuple[Step, ...]:
        """Music for whoever was left alone. Without the missing leg, every other move could do harm."""
        waiting = [leg for leg in self.legs if leg.placement in MUST_BE_UP[:2] and self.forsaken(leg.leg)]
        return (*self._put_on_hold(waiting), *self._notes(waiting, company=()))

    def arrange(self) -> tuple[Step, ...]:
        """Everything that can be taken back."""
        holding = [leg for leg in self.legs if leg.placement is Placement.ON_HOLD]
        outs = [leg for leg in holding if not self.picture.on_hold(leg.leg)]
        screened = self.in_room(leg for leg in self.legs if leg.placement is Placement.SCREENING)
        drops = [leg for leg in self.legs if self.drops(leg)]
        ins = [leg for leg in self.legs if self.comes_in(leg)]
        company = self.company(ins, gone=[*outs, *screened, *drops])
        return (
            *self._adopt(),
            *self._create_room(),
            *(Answer(leg.leg) for leg in self.legs if self.unanswered(leg)),
            *self._put_on_hold(outs),
            *(Leave(leg.leg, self.wanted.room) for leg in screened),
            *(HangUp(leg.leg, self._reason(leg)) for leg in drops),
            *self._move_in(ins),
            *self._ringback(ins, company),
            *self._dial(),
            *self._prompts(),
            *self._notes(holding, company),
        )

    def hand_off(self) -> tuple[Step, ...]:
        """Whoever goes on in the dialplan."""
        return tuple(
            self._hand_off(leg, channel)
            for leg in self.legs
            if leg.placement is Placement.HANDED_OFF
            and (channel := self.channels.get(leg.leg)) is not None
            and not self.handed_off(channel)
        )

    def release(self) -> tuple[Step, ...]:
        """The end of legs that were in company until now, and of the room."""
        leaving = [leg for leg in self.legs if leg.placement is Placement.GONE and leg.leg in self.channels]
        steps: list[Step] = [HangUp(leg.leg, NORMAL_CLEARING) for leg in leaving]
        room, ours = self.picture.room, {leg.leg for leg in leaving}
        deserted = room is not None and not self.room_users() and ours.issuperset(room.channels)
        if not self.wanted.keep_room and deserted:
            steps.append(DeleteRoom(self.wanted.room))
        return tuple(steps)

    # --- what they need

    def _adopt(self) -> list[Step]:
        """Legs that are handed off need no owner, and one that was just created has got one already."""
        placements = (Placement.IN_ROOM, Placement.ON_HOLD, *DIALLED_PLACEMENTS)
        return [
            Adopt(leg.leg, self.wanted.owner, self.settings.app, channel.owner)
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

    def _put_on_hold(self, outs: list[WantedLeg]) -> list[Step]:
        steps: list[Step] = [CreateHold(self.hold)] if outs and self.picture.hold is None else []
        for leg in outs:
            steps += self._stop_prompt(leg)
            steps.append(Move(leg.leg, self.hold))
        # Also for whoever was moved by an attempt that went no further.
        unsure = [leg for leg in self.legs if self.picture.on_hold(leg.leg) and self.place(leg.leg) != self.held]
        if outs or any(leg.placement is Placement.ON_HOLD for leg in unsure):
            steps.append(Music(self.hold, self.wanted.hold_music))
        return steps

    def _move_in(self, ins: list[WantedLeg]) -> list[Step]:
        steps: list[Step] = []
        for leg in ins:
            steps += self._stop_prompt(leg)
            steps.append(Move(leg.leg, self.wanted.room))
        return steps

    def _stop_prompt(self, leg: WantedLeg) -> list[Step]:
        prompted = self.channels[leg.leg].variable(PROMPTED)
        return [StopPrompt(leg.leg)] if prompted else []

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

    def _dial(self) -> list[Step]:
        steps: list[Step] = []
        for leg in self.legs:
            if not self.to_dial(leg) or leg.dial is None:
                continue
            if leg.leg not in self.channels:
                to = destination(leg.dial.address, self.settings.trunk)
                # What the target should know is nobody's business behind a trunk.
                headers = {} if to.number else leg.dial.headers
                variables = header_variables(headers) | caller_variables(leg.dial.caller_id)
                steps.append(
                    Create(
                        leg.leg,
                        self.settings.app,
                        to.dial_string,
                        to.endpoint,
                        self.wanted.owner,
                        tuple(variables.items()),
                    )
                )
            if leg.placement is Placement.SCREENING:
                # Only a leg that Asterisk keeps can be written on. Nobody must be rung by one that it drops.
                steps.append(Note(leg.leg, ((PLACE, SCREENED),)))
            elif not self.picture.in_room(leg.leg):
                steps.append(Move(leg.leg, self.wanted.room, undialled=True))
            seconds = max(1, math.ceil(leg.dial.ring_timeout.total_seconds()))
            steps.append(Dial(leg.leg, self.wanted.room, seconds))
        return steps

    def _prompts(self) -> list[Step]:
        steps: list[Step] = []
        for leg in self.legs:
            channel = self.channels.get(leg.leg)
            prompt = leg.dial.prompt if leg.dial is not None else ""
            if leg.placement is not Placement.SCREENING or channel is None or not channel.up:
                continue
            if prompt and not channel.variable(PROMPTED):
                # In this order: while a leg is played to, everything else that is asked of it has to wait.
                steps += [Note(leg.leg, ((PROMPTED, "1"),)), Prompt(leg.leg, prompt)]
        return steps

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
            # A leg that never waited here has no time-out of ours, and may have one of somebody else's.
            if before != after and (before or after != ROOM):
                reported.append((PLACE, after))
                functions = self._backstop(waits=after != ROOM)
            if reported:
                steps.append(Note(leg.leg, tuple(reported), functions))
        return steps

    def _backstop(self, *, waits: bool) -> tuple[tuple[str, str], ...]:
        """Return the time-out behind a leg that waits: what still holds when the engine is dead.

        When it runs out, the leg leaves for extension ``T`` of its context (docs.asterisk.org, "Special Dialplan
        Extensions").
        """
        if not self.settings.hold_backstop:
            return ()
        limit = (self.wanted.hold_limit or LONGEST_HOLD) + self.settings.hold_backstop
        return (("TIMEOUT(absolute)", str(math.ceil(limit.total_seconds())) if waits else "0"),)

    def _hand_off(self, leg: WantedLeg, channel: Channel) -> HandOff:
        try:
            place = dialplan_place(leg.place)
        except InvalidAddressError as error:
            raise Unsupported(f"{leg.name} cannot be handed off: {error}") from error
        waits = channel.variable(PLACE) == ALONE or channel.variable(PLACE).startswith(HELD)
        rings = bool(channel.variable(RINGBACK))
        return HandOff(leg.leg, *place, waits=waits, rings=rings)

    def _reason(self, leg: WantedLeg) -> int:
        """Return the Q.850 cause for a leg that is dropped: a phone should not call an answered call missed."""
        if leg.expired:
            return NO_ANSWER
        taken = any(other.placement is not Placement.GONE and self.answered_target(other) for other in self.legs)
        return ANSWERED_ELSEWHERE if taken and not self.up(leg.leg) else NORMAL_CLEARING
