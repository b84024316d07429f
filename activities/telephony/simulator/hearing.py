"""Who hears whom: derived from where the legs are, never stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from activities.telephony.model import Phase, Placement
from activities.telephony.simulator.legs import Leg, Room
from activities.telephony.simulator.present import Present


class Sound(StrEnum):
    """What a leg can hear that is not a person."""

    MUSIC = "music"
    RINGBACK = "ringback"
    ANNOUNCEMENT = "announcement"
    PLACE = "the place it was handed to"
    SILENCE = "silence"


def around(leg: Leg, present: Present, rooms: Mapping[str, Room]) -> frozenset[str]:
    """Return the ids of the legs that a leg hears, or the sound, but for an announcement; nothing if it is not up.

    Alone in a room it hears ringback while somebody is rung for that room, be it to be screened first, and silence
    otherwise: an exchange does not play music by itself.
    """
    if leg.leaving:
        return frozenset({Sound.ANNOUNCEMENT})
    if leg.phase != Phase.ANSWERED:
        return frozenset()
    match leg.placement:
        case Placement.ON_HOLD:
            return frozenset({Sound.MUSIC})
        case Placement.SCREENING:
            return frozenset({Sound.ANNOUNCEMENT if leg.prompt else Sound.SILENCE})
        case Placement.HANDED_OFF:
            return frozenset({Sound.PLACE})
        case _:
            return _heard_in_room(leg, present, rooms)


def _heard_in_room(leg: Leg, present: Present, rooms: Mapping[str, Room]) -> frozenset[str]:
    others = [other for other in present.of_room(leg.room) if other.id != leg.id]
    voices = frozenset(other.id for other in others if other.up and other.is_in(leg.room))
    if voices:
        return voices
    room = rooms.get(leg.room)
    rung = any(other.rings_for(leg.room) for other in others) or (room is not None and room.ringback)
    return frozenset({Sound.RINGBACK if rung else Sound.SILENCE})


@dataclass(frozen=True)
class PartyView:
    """One leg of a call that is live, or ended and still hears its farewell, at one moment."""

    leg: str
    name: str
    phase: Phase
    placement: Placement
    owned: bool
    """A transfer watches it."""
    around: frozenset[str]
    """Ids of the legs, or the sound, that it hears but for an announcement to it alone. Empty before the answer."""
    announcement: bool = False
    """An announcement is played to it, over everything else."""

    @property
    def hears(self) -> frozenset[str]:
        """Ids of the legs it hears now, or one of the sounds. Empty before the answer."""
        return frozenset({Sound.ANNOUNCEMENT}) if self.announcement else self.around


@dataclass(frozen=True)
class Snapshot:
    """A call at one moment: who is where and who hears whom. Names are those of the parties."""

    call: str
    """Id of the customer's leg."""
    at: float
    """Seconds since the call began."""
    because: str
    """What happened just before."""
    settled: bool
    """False: an arrangement is being carried out, and this is one of its steps."""
    parties: tuple[PartyView, ...]

    @property
    def in_room(self) -> tuple[str, ...]:
        """Names of those who are up and in a room."""
        return self._names(Phase.ANSWERED, Placement.IN_ROOM)

    @property
    def on_hold(self) -> tuple[str, ...]:
        """Names of those who are up and on hold."""
        return self._names(Phase.ANSWERED, Placement.ON_HOLD)

    @property
    def screening(self) -> tuple[str, ...]:
        """Names of those who have answered and are asked for a digit."""
        return self._names(Phase.ANSWERED, Placement.SCREENING)

    @property
    def handed_off(self) -> tuple[str, ...]:
        """Names of those who were given to a place of the exchange's."""
        return self._names(Phase.ANSWERED, Placement.HANDED_OFF)

    @property
    def ringing(self) -> tuple[str, ...]:
        """Names of those who were dialled and have not answered."""
        return tuple(party.name for party in self.parties if party.phase in (Phase.DIALLING, Phase.RINGING))

    @property
    def hears(self) -> dict[str, tuple[str, ...]]:
        """What each party that is up hears: names of parties, or a sound."""
        names = {party.leg: party.name for party in self.parties}
        return {
            party.name: tuple(sorted(names.get(heard, heard) for heard in party.hears))
            for party in self.parties
            if party.hears
        }

    def lines(self) -> tuple[str, ...]:
        """Return it in words: the seconds, then ``customer hears music`` and so on, a line per party."""
        heard = (f"{name} hears {' and '.join(what)}" for name, what in self.hears.items())
        return (f"{self.at:.2f}", *heard, *(f"{name} rings" for name in self.ringing))

    def party(self, leg: str) -> PartyView | None:
        """Return a leg's part of it, None if the leg is not there."""
        return next((party for party in self.parties if party.leg == leg), None)

    def _names(self, phase: Phase, placement: Placement) -> tuple[str, ...]:
        return tuple(party.name for party in self.parties if party.phase == phase and party.placement == placement)


def parties_of(call: str, present: Present, rooms: Mapping[str, Room]) -> tuple[PartyView, ...]:
    """Return the legs of a call that are there, and what they hear now."""
    return tuple(
        PartyView(
            leg=leg.id,
            name=leg.name,
            phase=leg.phase,
            placement=leg.placement,
            owned=bool(leg.owner),
            around=around(leg, present, rooms),
            announcement=leg.announcement is not None,
        )
        for leg in present.of_call(call)
    )
