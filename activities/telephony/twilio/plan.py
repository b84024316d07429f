"""From an arrangement and what is there to the steps that are missing. Pure: no clock, no network.

The room is one conference, and who is on hold is in it, too, but hears only music. The steps come in waves, and between
two waves the caller looks again. Whoever must not be heard goes on hold before anybody else comes in; who is released
goes last. A stop half-way leaves the customer with a person or with music.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from activities.telephony.errors import Unsupported
from activities.telephony.model import Arrangement, Phase, Placement, WantedLeg
from activities.telephony.model import Dial as DialLeg
from activities.telephony.twilio.addresses import caller, destination
from activities.telephony.twilio.causes import Ending, unanswered
from activities.telephony.twilio.picture import Picture
from activities.telephony.twilio.resources import Left, Record
from activities.telephony.twilio.settings import TwilioSettings
from activities.telephony.twilio.steps import (
    Announce,
    Cancel,
    Dial,
    Farewell,
    HandOff,
    HangUp,
    Hold,
    Join,
    Keep,
    Screen,
    Step,
    Unhold,
)
from activities.telephony.twilio.verdicts import DIALLED_PLACEMENTS, check_movable, endings
from hookflash import Cause

MUST_BE_UP = (Placement.IN_ROOM, Placement.ON_HOLD, Placement.HANDED_OFF)
RING_SECONDS = (5, 600)
"""What Twilio takes as ``Timeout``. It adds about five seconds of its own; the engine's own limit decides."""
LET_IN = timedelta(seconds=60)
"""How much longer than it may be asked a leg waits to be let in, until Twilio ends it: the engine must be dead then."""
RINGBACK = "ringback"
"""Name of the music for who waits alone for phones that are not in the room."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next."""

    steps: tuple[Step, ...]
    """The next wave; empty when nothing is missing that we could do."""
    endings: Mapping[str, Ending]
    """Legs that are not to be had any more."""
    stands: bool
    """Whether the arrangement is true once nothing is missing."""
    waits: bool = False
    """Whether a leg that was moved, or perhaps dialled, has yet to appear in the room."""


def make_plan(wanted: Arrangement, picture: Picture, settings: TwilioSettings) -> Plan:
    """Return what is missing.

    Raises:
        Unsupported: Twilio can never do it.
    """
    ended = endings(wanted, picture, settings)
    planner = _Planner(wanted, picture, settings, ended)
    if any(leg.leg in ended and leg.placement in MUST_BE_UP for leg in wanted.legs):
        return Plan(tuple(planner.comfort()), ended, stands=False)
    check_movable(wanted, picture)
    planner.check_places()
    waves = (planner.gather, planner.rearrange, planner.dial, planner.hand_off, planner.release)
    for wave in waves:
        steps = tuple(wave())
        if steps:
            return Plan(steps, ended, stands=True)
        if picture.joining:
            return Plan((), ended, stands=True, waits=True)
    return Plan(tuple(planner.announce()), ended, stands=True)


class _Planner:
    def __init__(
        self, wanted: Arrangement, picture: Picture, settings: TwilioSettings, ended: Mapping[str, Ending]
    ) -> None:
        self.wanted = wanted
        self.picture = picture
        self.settings = settings
        living = [leg for leg in wanted.legs if leg.leg not in ended]
        self.legs = sorted(living, key=lambda leg: leg.leg != wanted.protected)
        """Legs that have not ended, the customer first."""

    # --- waves

    def comfort(self) -> Iterable[Step]:
        """Music for whoever was left alone. Without the missing leg, every other move could do harm."""
        talking = [it for it in self.picture.participants if it.up and not it.hold]
        for leg in self.legs:
            if leg.placement in MUST_BE_UP and self.picture.talks(leg.leg) and len(talking) == 1:
                yield self._hold(leg, self.wanted.hold_music)

    def gather(self) -> Iterable[Step]:
        """Make the legs ours, and bring those into the room who are to be on hold, while nobody else is in it."""
        yield from self._claim()
        for leg in self.legs:
            if leg.placement is Placement.ON_HOLD and self._comes_in(leg):
                yield Join(leg.leg, self.picture.sid(leg.leg))

    def rearrange(self) -> Iterable[Step]:
        """Who must not be heard goes, then who talks comes."""
        for leg in self.legs:
            if leg.placement is Placement.ON_HOLD and self._needs_music(leg, self.wanted.hold_music):
                yield from self._on_hold(leg, self.wanted.hold_music)
        for leg in self.legs:
            if self._drops(leg):
                yield from self._drop(leg)
        alone = self._alone_in_silence()
        for leg in self.legs:
            if not self._belongs_in(leg):
                continue
            if self._comes_in(leg):
                yield Join(leg.leg, self.picture.sid(leg.leg))
            elif leg is alone:
                if self._needs_music(leg, RINGBACK):
                    yield from self._on_hold(leg, RINGBACK)
            elif self.picture.on_hold(leg.leg):
                yield Unhold(leg.leg, self.picture.sid(leg.leg))

    def dial(self) -> Iterable[Step]:
        """Ring who was never rung."""
        for leg in self.legs:
            if leg.dial is not None and self._to_dial(leg):
                yield self._dial(leg, leg.dial)

    def hand_off(self) -> Iterable[Step]:
        """Send away who goes on elsewhere."""
        for leg in self.legs:
            if leg.placement is Placement.HANDED_OFF and self.picture.left(leg.leg) is not Left.HANDED_OFF:
                gone = Record(owner=self.wanted.owner, call=self.picture.sid(leg.leg), left=Left.HANDED_OFF)
                record = self.picture.record(leg.leg)
                former = {"former": record.former} if record is not None else {}
                place = quote(leg.place, safe=",*+")
                yield HandOff(leg.leg, self.picture.sid(leg.leg), f"{self.settings.places_url}/{place}")
                yield self._keep(leg, gone.model_copy(update=former))

    def release(self) -> Iterable[Step]:
        """Hang up on everybody else who goes."""
        for leg in self.legs:
            if leg.placement is Placement.GONE and self.picture.live(leg.leg):
                yield from self._drop(leg)

    def announce(self) -> Iterable[Step]:
        """Play what was not played yet."""
        for leg in self.legs:
            announcement, record = leg.announcement, self.picture.record(leg.leg)
            if announcement is None or record is None or not self.picture.in_conference(leg.leg):
                continue
            if announcement.media and announcement.number > record.announced:
                # Noted first: heard not at all is better than heard again and again.
                yield self._keep(leg, record.model_copy(update={"announced": announcement.number}))
                yield Announce(leg.leg, self.picture.sid(leg.leg), announcement.media)

    # --- what they need

    def check_places(self) -> None:
        """See that legs can be handed off.

        Raises:
            Unsupported: They cannot.
        """
        if self.settings.places_url is None and any(leg.placement is Placement.HANDED_OFF for leg in self.legs):
            raise Unsupported("nothing can be handed off: set HOOKFLASH_TWILIO_PLACES_URL")

    def _claim(self) -> Iterable[Step]:
        """Whoever goes is taken over too: its end is our doing, and nobody else's news."""
        for leg in self.legs:
            record = self.picture.record(leg.leg)
            if not self.picture.live(leg.leg) or self.picture.left(leg.leg) is not None:
                continue
            if record is None and leg.placement is not Placement.HANDED_OFF:
                held = leg.placement is Placement.ON_HOLD
                music = self.wanted.hold_music if held else ""
                yield self._keep(leg, Record(owner=self.wanted.owner, call=self.picture.sid(leg.leg), music=music))
            elif record is not None:
                anew = {} if record.owner == self.wanted.owner else {"former": record.owner, "announced": 0}
                stays = {"ending": None} if self.picture.up(leg.leg) and leg.placement is not Placement.GONE else {}
                ours = {"owner": self.wanted.owner, "call": self.picture.sid(leg.leg), **anew, **stays}
                if (kept := record.model_copy(update=ours)) != record:
                    yield self._keep(leg, kept)

    def _belongs_in(self, leg: WantedLeg) -> bool:
        return leg.placement is Placement.IN_ROOM or (leg.placement is Placement.RINGING and not self._drops(leg))

    def _comes_in(self, leg: WantedLeg) -> bool:
        """Whether a leg that is up is not in the room. Who rings as its participant comes in by itself."""
        up = self.picture.up(leg.leg) and leg.leg not in self.picture.joining
        return up and self.picture.participant(leg.leg) is None

    def _needs_music(self, leg: WantedLeg, music: str) -> bool:
        if not self.picture.in_conference(leg.leg):
            return False
        record = self.picture.record(leg.leg)
        return not self.picture.on_hold(leg.leg) or (record is not None and record.music != music)

    def _on_hold(self, leg: WantedLeg, music: str) -> Iterable[Step]:
        yield self._hold(leg, music)
        record = self.picture.record(leg.leg)
        if record is not None and record.music != music:
            yield self._keep(leg, record.model_copy(update={"music": music}))

    def _hold(self, leg: WantedLeg, music: str) -> Hold:
        return Hold(leg.leg, self.picture.sid(leg.leg), music)

    def _drops(self, leg: WantedLeg) -> bool:
        """Whether a leg is ended before anybody comes in: it rings, or it was our target and is not wanted."""
        if not self.picture.live(leg.leg):
            return False
        up, record = self.picture.up(leg.leg), self.picture.record(leg.leg)
        if leg.placement in DIALLED_PLACEMENTS:
            return leg.expired and not up
        return leg.placement is Placement.GONE and (not up or (record is not None and record.dialled))

    def _drop(self, leg: WantedLeg) -> Iterable[Step]:
        sid, record = self.picture.sid(leg.leg), self.picture.record(leg.leg)
        if leg.placement is not Placement.GONE:
            if record is not None and record.ending is None:
                # Noted before the end itself, so that whoever sees that knows why; taken back if it was answered.
                yield self._keep(leg, record.model_copy(update={"ending": unanswered(self._known(leg))}))
            yield Cancel(leg.leg, sid)
            return
        farewell = leg.farewell and self.picture.up(leg.leg)
        if not farewell and record is not None and record.ending is None:
            yield self._keep(leg, record.model_copy(update={"ending": Cause.RELEASED}))
        if not farewell:
            yield HangUp(leg.leg, sid)
            return
        yield Farewell(leg.leg, sid, leg.farewell)
        if record is not None:
            yield self._keep(leg, record.model_copy(update={"left": Left.FAREWELL}))

    def _known(self, leg: WantedLeg) -> Phase:
        return max(leg.known, self.picture.phase(leg.leg) or Phase.NEW)

    def _alone_in_silence(self) -> WantedLeg | None:
        """Return who would be: the phones that ring are outside of the room, and unheard.

        Or the time of these is up, and who comes from hold comes to wait for nobody. The next arrangement says what is
        heard in their place.
        """
        inside = [leg for leg in self.legs if self._belongs_in(leg)]
        if len(inside) != 1 or inside[0].placement is not Placement.IN_ROOM:
            return None
        (alone,) = inside
        unheard = [leg for leg in self.legs if leg.placement is Placement.SCREENING]
        if self.picture.on_hold(alone.leg):
            unheard += [leg for leg in self.wanted.legs if leg.placement in DIALLED_PLACEMENTS and leg.expired]
        return alone if any(not self.picture.up(leg.leg) for leg in unheard) else None

    def _to_dial(self, leg: WantedLeg) -> bool:
        untouched = self.picture.record(leg.leg) is None and not self.picture.live(leg.leg)
        return leg.placement in DIALLED_PLACEMENTS and untouched

    def _dial(self, leg: WantedLeg, dial: DialLeg) -> Step:
        least, most = RING_SECONDS
        seconds = min(max(round(dial.ring_timeout.total_seconds()), least), most)
        record = Record(owner=self.wanted.owner, dialled=True)
        to, shown = destination(dial.address), caller(dial.caller_id, self.settings)
        if leg.placement is Placement.RINGING:
            return Dial(leg.leg, to, shown, seconds, record.model_copy(update={"room": self.wanted.room}))
        waits = math.ceil((dial.accept_timeout + LET_IN).total_seconds())
        return Screen(leg.leg, to, shown, seconds, dial.prompt, waits, dial.detect_machine, record)

    def _keep(self, leg: WantedLeg, record: Record) -> Keep:
        document = self.picture.records.get(leg.leg)
        return Keep(leg.leg, record, document.revision if document is not None else None)
