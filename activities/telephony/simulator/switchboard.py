"""The exchange's switch: what can be done to a leg, what a phone does by itself, and who is told."""

from collections import Counter
from collections.abc import Callable, Iterable

from activities.telephony.model import (
    Announcement,
    Dial,
    LegEvent,
    LegEventKind,
    Phase,
    Placement,
    Report,
    TransferAsked,
)
from activities.telephony.simulator import recordings
from activities.telephony.simulator.clock import Clock
from activities.telephony.simulator.legs import EVIDENCE, Leg, Room
from activities.telephony.simulator.present import Present
from activities.telephony.simulator.script import SCHEME, BadScript, Manner, parse_address
from hookflash import Cause, Evidence

_REFUSALS = {
    Manner.BUSY: Cause.BUSY,
    Manner.UNREACHABLE: Cause.UNREACHABLE,
    Manner.INVALID: Cause.INVALID_DESTINATION,
}
_NEVER_RANG = Evidence(sip_status=480, q850=19, text="Never rang")


class Switchboard:
    """Legs, rooms and phones.

    Every method is one change that a real exchange makes in one go. After it the ``changed`` callback is called with
    the id of the call and what happened, and events go to ``told``.
    """

    def __init__(
        self, clock: Clock, changed: Callable[[str, str], None], told: Callable[[LegEvent | TransferAsked], None]
    ) -> None:
        self.legs: dict[str, Leg] = {}
        """Every leg there ever was."""
        self.present = Present()
        """Those that have not ended, or still hear a farewell."""
        self.rooms: dict[str, Room] = {}
        self.dials: Counter[str] = Counter()
        """How often the phone of each leg was dialled."""
        self._to_check: set[str] = set()
        """Rooms that somebody has left, or where ringback was started, since the last change was over."""
        self._clock = clock
        self._changed = changed
        self._told = told

    # What the engine can have done.

    def put_up(self, legs: Iterable[Leg], room: Room) -> None:
        """Begin a call between legs that are up already, in a room of the exchange's own."""
        self.rooms[room.id] = room
        legs = tuple(legs)
        for leg in legs:
            self._take_in(leg)
            self._talk(leg)
        self._after(legs, "call placed")

    def watch(self, legs: Iterable[Leg], owner: str, because: str) -> None:
        """Tell this owner from now on what happens to the legs."""
        legs = tuple(legs)
        for leg in legs:
            leg.owner, leg.former_owner = owner, leg.owner
            leg.announced = 0  # each owner counts its own announcements
        self._after(legs, because)

    def move_to_call(self, leg: Leg, customer: str) -> None:
        """Let a leg belong to the call of this customer from now on, wherever it came from."""
        known = self.legs.get(customer)
        leg.call = known.call if known else leg.call

    def create_room(self, room: str) -> None:
        """Make an empty room."""
        self.rooms[room] = Room(room)

    def remove_room(self, room: str) -> None:
        """Remove a room; nobody is in it."""
        del self.rooms[room]

    def start_ringback(self, room: str) -> None:
        """Let whoever is or comes alone into a room hear ringback, until the phone it is for has been dialled."""
        self.rooms[room].ringback = True
        self._to_check.add(room)

    def hold(self, legs: Iterable[Leg], music: str, because: str) -> None:
        """Take legs out of their rooms, to the music."""
        legs = tuple(legs)
        for leg in legs:
            self._put(leg, Placement.ON_HOLD)
            leg.music = music
        self._after(legs, because)

    def join(self, legs: Iterable[Leg], room: str, because: str) -> None:
        """Bring legs that are up into a room, all at once."""
        legs = tuple(legs)
        for leg in legs:
            self._put(leg, Placement.IN_ROOM, room)
        self._after(legs, because)

    def hand_off(self, leg: Leg, place: str, because: str) -> None:
        """Give a leg to a place of the exchange's; from then on nobody watches it."""
        leg.stop_announcement()
        self._put(leg, Placement.HANDED_OFF)
        leg.place, leg.owner = place, ""
        self._after((leg,), because)

    def announce(self, leg: Leg, announcement: Announcement, because: str) -> None:
        """Play a recording to a leg, over whatever it hears; one that still plays is broken off."""
        leg.stop_announcement()
        leg.announced = announcement.number
        if recordings.can_play(announcement.media):
            leg.announcement = self._clock.call_later(recordings.SECONDS, lambda: self._end_announcement(leg))
        else:
            self._tell_unheard(leg, announcement.media)
        self._after((leg,), because)

    def show(self, leg: Leg, partner: Leg, because: str) -> None:
        """Let a phone show the number of somebody else from now on."""
        leg.shown = partner.number
        self._after((leg,), because)

    def pause_recording(self, leg: Leg, *, paused: bool, because: str) -> None:
        """Pause the recording of a leg, or resume it, if that can be done."""
        if leg.recording_stuck:
            return
        leg.recording_paused = leg.paused_by_engine = paused
        self._after((leg,), because)

    def redirect(self, leg: Leg, placement: Placement, room: str, because: str) -> None:
        """Change where a leg that still rings is put at the answer."""
        self._put(leg, placement, room)
        self._after((leg,), because)

    def dial(self, leg: Leg, dial: Dial, because: str) -> None:
        """Ring a phone. The exchange itself puts the leg in its place at the answer."""
        self._take_in(leg)
        self.dials[leg.id] += 1
        leg.shown, leg.prompt, leg.detect_machine = self._number_to_show(dial), dial.prompt, dial.detect_machine
        if room := self.rooms.get(leg.room):
            room.ringback = False  # the phone's own ringing takes over
        try:
            leg.phone, leg.script = parse_address(dial.address)
        except BadScript as bad:
            evidence = EVIDENCE[Cause.INVALID_DESTINATION].model_copy(update={"text": str(bad)})
            self.end(leg, Cause.INVALID_DESTINATION, because, evidence)
            return
        self._later(leg, dial.ring_timeout.total_seconds(), lambda: self.time_out(leg, "ring time-out"))
        manner = leg.script.manner
        if cause := _REFUSALS.get(manner):
            self._later(leg, leg.script.ring_after, lambda: self.end(leg, cause, f"{leg.name}: {cause}"))
        elif manner != Manner.SILENT:
            self._later(leg, leg.script.ring_after, lambda: self._ring(leg))
        self._after((leg,), because)

    def time_out(self, leg: Leg, because: str) -> None:
        """End a leg that has not answered in time."""
        if leg.rang:
            self.end(leg, Cause.NO_ANSWER, because)
        else:
            self.end(leg, Cause.UNREACHABLE, because, _NEVER_RANG)

    def end(self, leg: Leg, cause: Cause, because: str, evidence: Evidence | None = None) -> None:
        """End a leg, whoever wants it. A leg that has ended stays as it is.

        That it was released is told by the answer to the arrangement that has asked for it, all else by an event.
        """
        if leg.live:
            self._conclude(leg, cause, evidence)
            if cause is not Cause.RELEASED:
                self._tell(leg, LegEventKind.ENDED)
            self.present.remove(leg)
            self._after((leg,), because)

    def say_farewell(self, leg: Leg, because: str) -> None:
        """Take a leg that is up out of everything, let it hear a recording alone, and only then let go of it.

        Whoever asks is told from now on that it has ended, and nobody owns it any more.
        """
        self._conclude(leg, Cause.RELEASED)
        self._put(leg, Placement.GONE)
        leg.owner, leg.leaving = "", True
        self._later(leg, recordings.SECONDS, lambda: self._let_go(leg, f"the farewell of {leg.name} is over"))
        self._after((leg,), because)

    # What phones do.

    def answer(self, leg: Leg) -> None:
        """Answer a leg that rings."""
        if not leg.ringing:
            raise ValueError(f"{leg.id} does not ring")
        leg.cancel_timers()
        leg.phase = Phase.ANSWERED
        self._tell(leg, LegEventKind.ANSWERED)
        screened = leg.placement == Placement.SCREENING
        if screened and leg.detect_machine and leg.script.manner == Manner.MACHINE:
            self._tell(leg, LegEventKind.MACHINE)
        if screened and leg.prompt and not recordings.can_play(leg.prompt):
            self._tell_unheard(leg, leg.prompt)
        self._talk(leg)
        self._after((leg,), f"{leg.name} answers")

    def hang_up(self, leg: Leg) -> None:
        """End a leg from its own side: hang up, or decline while it rings."""
        if leg.leaving:
            self._let_go(leg, f"{leg.name} hangs up")
        elif leg.ringing:
            self.end(leg, Cause.DECLINED, f"{leg.name} declines")
        else:
            self.end(leg, Cause.HUNG_UP, f"{leg.name} hangs up")

    def press(self, leg: Leg, digit: str) -> None:
        """Press a key on a phone that is up."""
        if leg.phase != Phase.ANSWERED:
            raise ValueError(f"{leg.id} is not up")
        self._tell(leg, LegEventKind.DIGIT, digit)

    def ask_transfer(self, leg: Leg, destination: str, other: Leg | None = None) -> None:
        """Press the transfer key of a phone that is up: its partner is to go to somebody else.

        Args:
            leg: Whose phone.
            destination: Whom it asks for.
            other: Its leg in another call, whose other party is to get the partner. Default: somebody is rung.
        """
        if not leg.up:
            raise ValueError(f"{leg.id} is not up")
        leg.waits_for_report = True
        address = f"{SCHEME}{destination}"
        try:
            parse_address(address)
        except BadScript:
            address = ""
        self._told(
            TransferAsked(
                leg=leg.id,
                owner=leg.owner,
                again=bool(leg.owner) and leg.reported == f"{Report.PROGRESS} {leg.owner}",
                tenant=leg.transfers_for,
                callable_at=f"{SCHEME}{leg.number}",
                customer=self._partner(leg),
                destination=destination,
                address=address,
                consults=other is not None,
                consulting=other.id if other else "",
                consulted=self._partner(other) if other else "",
            )
        )

    def _partner(self, leg: Leg) -> str:
        """Return the only other party in the room of a leg, empty if there is none."""
        inside = self.present.of_room(leg.room) if leg.room else ()
        others = [it.id for it in inside if it.up and it.is_in(leg.room) and it is not leg]
        return others[0] if len(others) == 1 else ""

    def _ring(self, leg: Leg) -> None:
        leg.phase, leg.rang = Phase.RINGING, True
        self._tell(leg, LegEventKind.RINGING)
        self._after((leg,), f"{leg.name} rings")
        if leg.script.manner in (Manner.ANSWER, Manner.MACHINE):
            self._later(leg, leg.script.delay, lambda: self.answer(leg))
        elif leg.script.manner == Manner.DECLINE:
            self._later(leg, leg.script.delay, lambda: self.hang_up(leg))

    def _talk(self, leg: Leg) -> None:
        script = leg.script
        if script.hang_up_after is not None:
            self._later(leg, script.hang_up_after, lambda: self.hang_up(leg))
        if script.press:
            self._later(leg, script.press_after, lambda: self.press(leg, script.press))
        if script.transfer:
            self._later(leg, script.press_after, lambda: self.ask_transfer(leg, script.transfer))

    # What the exchange does by itself.

    def _take_in(self, leg: Leg) -> None:
        self.legs[leg.id] = leg
        self.present.add(leg)

    def _put(self, leg: Leg, placement: Placement, room: str = "") -> None:
        self._to_check.add(leg.room)
        leg.placement, leg.room = placement, room

    def _end_announcement(self, leg: Leg) -> None:
        leg.announcement = None
        self._after((leg,), f"the announcement to {leg.name} is over")

    def _conclude(self, leg: Leg, cause: Cause, evidence: Evidence | None = None) -> None:
        """End a leg as far as anybody is told."""
        leg.cancel_timers()
        leg.stop_announcement()
        leg.phase, leg.cause = Phase.ENDED, cause
        leg.evidence = evidence or EVIDENCE[cause]

    def _let_go(self, leg: Leg, because: str) -> None:
        """End what is left of a leg that hears its farewell."""
        leg.cancel_timers()
        leg.leaving = False
        self.present.remove(leg)
        self._after((leg,), because)

    def _number_to_show(self, dial: Dial) -> str:
        known = self.legs.get(dial.caller_id_of)
        return known.number if known is not None and known.live else dial.caller_id

    # Who is told.

    def _later(self, leg: Leg, delay: float, action: Callable[[], None]) -> None:
        leg.timers.append(self._clock.call_later(delay, action))

    def _tell(self, leg: Leg, kind: LegEventKind, digit: str = "") -> None:
        if leg.owner:
            event = LegEvent(
                owner=leg.owner, leg=leg.id, kind=kind, cause=leg.cause, digit=digit, evidence=leg.evidence
            )
            self._told(event)

    def _tell_unheard(self, leg: Leg, recording: str) -> None:
        if leg.owner:
            evidence = Evidence(text=recording)
            self._told(LegEvent(owner=leg.owner, leg=leg.id, kind=LegEventKind.UNHEARD, evidence=evidence))

    def _after(self, legs: Iterable[Leg], because: str) -> None:
        legs = tuple(legs)
        self._to_check.update(leg.room for leg in legs)
        while self._to_check:
            self._check(self._to_check.pop())
        for call in dict.fromkeys(leg.call for leg in legs):
            self._changed(call, because)

    def _check(self, name: str) -> None:
        room = self.rooms.get(name)
        if room is None:
            return
        members = [leg for leg in self.present.of_room(name) if leg.is_in(name)]
        if room.own and not members:
            del self.rooms[name]
        if sum(leg.up for leg in members) > 1:
            room.ringback = False  # a voice ends it
