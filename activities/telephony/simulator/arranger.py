"""Carries out arrangements on the switchboard, step by step."""

from dataclasses import dataclass
from datetime import UTC, datetime

from activities.telephony.errors import Unsupported
from activities.telephony.model import (
    Arrangement,
    LegRecording,
    Observation,
    Phase,
    Placement,
    RecordingTrouble,
    SeenLeg,
    WantedLeg,
)
from activities.telephony.simulator.legs import ANSWERED_ELSEWHERE, HEARD_RINGING, Leg
from activities.telephony.simulator.marking import mark_of
from activities.telephony.simulator.plan import ON_ANSWER, Step, StepKind, make_plan, to_be_dialled
from activities.telephony.simulator.switchboard import Switchboard
from hookflash import Cause, Evidence

NO_SUCH_PLACE = "missing"
"""The only place that a call cannot be handed off to."""

_MAY_SILENCE = frozenset({StepKind.WATCH, StepKind.DIAL, StepKind.EXPIRE})
"""Steps after which the customer may be alone for a moment: that a phone did not answer is not the engine's doing."""


@dataclass(frozen=True)
class Progress:
    """What is being carried out at this moment."""

    wanted: dict[str, Placement]
    may_fall_silent: bool
    """The step may leave the customer alone until the engine decides again."""


class Arranger:
    """Makes arrangements true."""

    def __init__(self, board: Switchboard) -> None:
        self.changes = 0
        """Steps carried out so far."""
        self.progress: Progress | None = None
        """None: nothing is being carried out, what happens comes from the phones."""
        self._board = board

    def arrange(self, wanted: Arrangement, limit: int | None = None) -> Observation:
        """Do what is missing.

        Args:
            wanted: Where every leg must be.
            limit: Stop after so many steps. Default: do them all.

        Raises:
            Unsupported: A place for a hand-off does not exist; nothing was done.
        """
        for leg in wanted.legs:
            if leg.placement == Placement.HANDED_OFF and leg.place in ("", NO_SUCH_PLACE):
                raise Unsupported(f"arrange: there is no place {leg.place!r} to hand {leg.name or leg.leg} off to")
        legs = self._board.legs
        theirs = {leg.leg: legs[leg.leg].owner for leg in wanted.legs if leg.leg in legs and legs[leg.leg].live}
        if not all(wanted.may_take(owner) for owner in theirs.values()):
            return Observation(legs=tuple(self._refused(leg, wanted, theirs) for leg in wanted.legs), stands=False)
        for leg in wanted.legs:
            if leg.leg in legs and leg.name:
                legs[leg.leg].name = leg.name
        for leg in theirs:
            self._board.move_to_call(legs[leg], wanted.protected)
        plan = make_plan(wanted, legs, self._board.present, self._board.rooms)
        placements = {leg.leg: leg.placement for leg in wanted.legs}
        try:
            for step in plan.steps[:limit]:
                may_fall_silent = plan.waits_in_vain or step.kind in _MAY_SILENCE
                self.progress = Progress(placements, may_fall_silent)
                self.changes += 1
                self._carry_out(step, wanted)
        finally:
            self.progress = None
        seen = tuple(self._seen(leg) for leg in wanted.legs)
        mark = mark_of(wanted.owner, self._board.present, self._board.rooms.keys()) if plan.stands else ""
        return Observation(legs=seen, stands=plan.stands, mark=mark)

    def _carry_out(self, step: Step, wanted: Arrangement) -> None:
        board, because = self._board, str(step)
        legs = [board.legs[leg.leg] for leg in step.legs if leg.leg in board.legs]
        match step.kind:
            case StepKind.WATCH:
                board.watch(legs, wanted.owner, because)
            case StepKind.CREATE_ROOM:
                board.create_room(wanted.room)
            case StepKind.HOLD:
                board.hold(legs, wanted.hold_music, because)
            case StepKind.RINGBACK:
                board.start_ringback(wanted.room)
            case StepKind.JOIN:
                board.join(legs, wanted.room, because)
            case StepKind.REMOVE_ROOM:
                board.remove_room(wanted.room)
            case StepKind.PAUSE | StepKind.RESUME:
                for leg in legs:
                    board.pause_recording(leg, paused=step.kind == StepKind.PAUSE, because=because)
            case _:
                for leg in step.legs:
                    self._carry_out_for_one(step.kind, leg, wanted, because)

    def _carry_out_for_one(self, kind: StepKind, want: WantedLeg, wanted: Arrangement, because: str) -> None:
        board = self._board
        if kind == StepKind.DIAL and want.dial is not None:
            board.dial(self._new_leg(want, wanted), want.dial, because)
            return
        leg = board.legs[want.leg]
        match kind:
            case StepKind.HAND_OFF:
                board.hand_off(leg, want.place, because)
            case StepKind.REDIRECT:
                board.redirect(leg, ON_ANSWER[want.placement], _room_for(want, wanted), because)
            case StepKind.EXPIRE:
                board.time_out(leg, because)
            case StepKind.SHOW:
                board.show(leg, board.legs[want.shows], because)
            case StepKind.GIVE_KEY:
                leg.transfers_for = want.transfers_for
            case StepKind.TELL:
                if want.report is not None:
                    leg.reported = f"{want.report} {wanted.owner}"
                    leg.told(want.report)
            case StepKind.ANNOUNCE:
                if want.announcement is not None:
                    board.announce(leg, want.announcement, because)
            case StepKind.SAY_FAREWELL:
                board.say_farewell(leg, because)
            case _:
                elsewhere = leg.ringing and self._has_target(wanted)
                board.end(leg, Cause.RELEASED, because, ANSWERED_ELSEWHERE if elsewhere else None)

    def _has_target(self, wanted: Arrangement) -> bool:
        """Whether somebody whom the exchange has rung is up and stays."""
        kept = [self._board.legs.get(want.leg) for want in wanted.legs if want.placement != Placement.GONE]
        return any(leg is not None and leg.up and self._board.dials[leg.id] for leg in kept)

    def _new_leg(self, want: WantedLeg, wanted: Arrangement) -> Leg:
        customer = wanted.protected
        known = self._board.legs.get(customer)
        return Leg(
            id=want.leg,
            name=want.name or want.leg,
            call=known.call if known else customer,
            phase=Phase.DIALLING,
            placement=ON_ANSWER[want.placement],
            room=_room_for(want, wanted),
            owner=wanted.owner,
            transfers_for=want.transfers_for,
            dialled_at=datetime.now(UTC),
        )

    def _refused(self, want: WantedLeg, wanted: Arrangement, theirs: dict[str, str]) -> SeenLeg:
        owner = theirs.get(want.leg, "")
        seen = self._seen(want) if want.leg in self._board.legs else SeenLeg(leg=want.leg, phase=want.known)
        return seen if wanted.may_take(owner) else seen.model_copy(update={"owner": owner})

    def _seen(self, want: WantedLeg) -> SeenLeg:
        leg = self._board.legs.get(want.leg)
        if leg is None:
            if to_be_dialled(want):  # somebody else was missing, and nothing was dialled
                return SeenLeg(leg=want.leg, phase=Phase.NEW)
            return SeenLeg(leg=want.leg, phase=Phase.ENDED, cause=Cause.UNKNOWN_LEG)
        if leg.live and leg.placement == Placement.HANDED_OFF != want.placement:
            # It talks to somebody else's voicemail or queue now, and no exchange gives it back.
            evidence = Evidence(text="Handed off")
            return SeenLeg(leg=want.leg, phase=Phase.ENDED, cause=Cause.RELEASED, evidence=evidence)
        return SeenLeg(
            leg=want.leg,
            phase=leg.phase,
            cause=leg.cause,
            evidence=leg.evidence,
            recording=_trouble(leg, want.recording) if leg.live else None,
            dialled_at=leg.dialled_at,
            former_owner=leg.former_owner,
        )


def _trouble(leg: Leg, recording: LegRecording | None) -> RecordingTrouble | None:
    if recording is None:
        return None
    if leg.recording != recording.name:
        return RecordingTrouble.MISSING
    if recording.paused:
        return None if leg.recording_paused else RecordingTrouble.NOT_PAUSED
    return RecordingTrouble.NOT_RESUMED if leg.paused_by_engine else None


def _room_for(want: WantedLeg, wanted: Arrangement) -> str:
    return wanted.room if ON_ANSWER[want.placement] in HEARD_RINGING else ""
