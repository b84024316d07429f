"""Who of an arrangement is where, and what that makes them: the questions that planning asks. Pure."""

from collections.abc import Iterable, Mapping

from activities.telephony.asterisk.causes import Ending
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import (
    BACKSTOP,
    HANDED_OFF,
    HELD,
    PLACE,
    RINGBACK,
    Channel,
    Picture,
    hold_bridge,
)
from activities.telephony.asterisk.verdicts import DIALLED_PLACEMENTS
from activities.telephony.model import Arrangement, Placement, WantedLeg

MUST_BE_UP = (Placement.IN_ROOM, Placement.ON_HOLD, Placement.HANDED_OFF)


class Scene:
    """An arrangement, and what is there of it."""

    def __init__(
        self, wanted: Arrangement, picture: Picture, settings: AsteriskSettings, ended: Mapping[str, Ending]
    ) -> None:
        self.wanted = wanted
        self.picture = picture
        self.settings = settings
        self.hold = hold_bridge(wanted.hold_music)
        living = [leg for leg in wanted.legs if leg.leg not in ended]
        self.legs = sorted(living, key=lambda leg: leg.leg != wanted.protected)
        """Legs that have not ended, the customer first."""
        self.channels = picture.channels

    def up(self, leg: str) -> bool:
        """Return whether a leg is there and answered."""
        channel = self.channels.get(leg)
        return channel is not None and channel.up

    def in_room(self, legs: Iterable[WantedLeg]) -> list[WantedLeg]:
        """Return those of the legs that are in the room."""
        return [leg for leg in legs if self.picture.in_room(leg.leg)]

    def to_dial(self, leg: WantedLeg) -> bool:
        """Whether a leg was never dialled, and is to be."""
        if leg.placement not in DIALLED_PLACEMENTS or leg.dial is None or leg.expired:
            return False
        channel = self.channels.get(leg.leg)
        untouched = channel is None or channel.state == "Down"
        return untouched and not self.picture.dialled(leg.leg)

    def drops(self, leg: WantedLeg) -> bool:
        """Whether a leg is ended before anybody comes in: it rings, or it was our target and is not wanted."""
        if leg.leg not in self.channels:
            return False
        up = self.up(leg.leg)
        if leg.placement in DIALLED_PLACEMENTS:
            return leg.expired and not up
        return leg.placement is Placement.GONE and (not up or self.picture.dialled(leg.leg))

    def comes_in(self, leg: WantedLeg) -> bool:
        """Whether a leg that is there belongs into the room and is not in it."""
        if leg.leg not in self.channels or self.picture.in_room(leg.leg) or self.drops(leg):
            return False
        rings = leg.placement is Placement.RINGING and not self.to_dial(leg)
        return rings or leg.placement is Placement.IN_ROOM

    def unanswered(self, leg: WantedLeg) -> bool:
        """Whether a caller waits for being answered."""
        channel = self.channels.get(leg.leg)
        return channel is not None and channel.state == "Ring" and leg.placement in MUST_BE_UP

    def pending(self) -> list[str]:
        """Return the legs that may still answer, and those whose time is up.

        What is heard in place of these says the next arrangement. Until then the waiting goes on hearing ringback: it
        would be in silence otherwise, and wait for nothing.
        """
        living = {leg.leg for leg in self.legs}
        return [
            leg.leg
            for leg in self.wanted.legs
            if leg.placement in DIALLED_PLACEMENTS and not self.up(leg.leg) and (leg.expired or leg.leg in living)
        ]

    def company(self, ins: list[WantedLeg], gone: list[WantedLeg]) -> tuple[str, ...]:
        """Return who can talk in the room after this wave. A member we know nothing of counts as up."""
        room = self.picture.room
        out = {leg.leg for leg in gone}
        members = [leg for leg in (room.channels if room else ()) if leg not in out]
        here = [leg for leg in members if leg not in self.channels or self.up(leg)]
        # Who is answered in this wave is up after it; who still rings is not, though it is in the room.
        coming = [leg.leg for leg in ins if self.up(leg.leg) or self.unanswered(leg)]
        return (*here, *coming)

    def forsaken(self, leg: str) -> bool:
        """Whether a leg is up and hears nobody and nothing."""
        if not self.up(leg) or self.picture.on_hold(leg):
            return False
        bridge = self.picture.bridge_of(leg)
        return bridge is None or len(bridge.channels) == 1

    def room_users(self) -> bool:
        """Whether the room is needed. A leg that is screened needs it for the note that it was dialled."""
        users = (Placement.IN_ROOM, *DIALLED_PLACEMENTS)
        return any(leg.placement in users for leg in self.legs)

    def rings_for(self, company: tuple[str, ...]) -> dict[str, str]:
        """Return who hears ringback, and for whom: nobody, or the only one in the room."""
        pending = self.pending()
        return {company[0]: pending[0]} if len(company) == 1 and pending else {}

    def handed_off(self, channel: Channel) -> bool:
        """Whether a leg goes on in the dialplan, which may well have put it into some Stasis application again."""
        noted = channel.variable(PLACE) == HANDED_OFF
        return not channel.controlled or (
            noted and not self.picture.in_room(channel.id) and not self.picture.on_hold(channel.id)
        )

    def answered_target(self, leg: WantedLeg) -> bool:
        """Return whether a leg was dialled here and has answered."""
        return self.up(leg.leg) and self.picture.dialled(leg.leg)

    @property
    def held(self) -> str:
        """What is noted on a leg that is on hold and hears this music."""
        return HELD + self.wanted.hold_music

    def place(self, leg: str) -> str:
        """Return what is noted of where a leg is."""
        channel = self.channels.get(leg)
        return channel.variable(PLACE) if channel is not None else ""

    def backstop_of(self, leg: str) -> str:
        """Return what is noted of the time-out behind a leg."""
        channel = self.channels.get(leg)
        return channel.variable(BACKSTOP) if channel is not None else ""

    def ringback_of(self, leg: str) -> str:
        """Return for whom a leg was told to hear ringback."""
        channel = self.channels.get(leg)
        return channel.variable(RINGBACK) if channel is not None else ""
