"""Whatever is asked of the exchange, in whatever order, and whatever goes wrong: it converges, and rings once."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import Announcement, Arrangement, Dial, Observation, Phase, Placement, WantedLeg
from activities.telephony.simulator import SimulatedExchange, Sound, VirtualClock
from activities.telephony.simulator.legs import Leg

CAROL, ANNA = "sim:carol", "sim:anna"
TARGETS = tuple("hf-" + digit * 32 for digit in "123")
LEGS = (CAROL, ANNA, *TARGETS)

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE

ADDRESSES = st.sampled_from(
    [
        "sim:bob",
        "sim:bob?answer=1s",
        "sim:bob?answer=1s&hangup=2s",
        "sim:bob?machine",
        "sim:bob?busy",
        "sim:bob?silent",
        "sim:bob?x",
    ]
)
PROMPTS = st.sampled_from(["prompt", "", "missing"])
SECONDS = st.sampled_from([0.0, 0.05, 0.5, 1.0, 3.0])
FAREWELLS = st.sampled_from(["", "farewell", "missing"])
ANNOUNCEMENTS = st.builds(Announcement, media=st.sampled_from(["recording", "missing"]), number=st.integers(1, 3))


@dataclass(frozen=True)
class Sounds:
    """What is to be played to each leg, now and when it is released."""

    announcements: dict[str, Announcement] = field(default_factory=lambda: dict[str, Announcement]())
    farewells: dict[str, str] = field(default_factory=lambda: dict[str, str]())


SILENT = Sounds()


class Engine:
    """Arranges, as an engine does that remembers how far each leg has come and repeats what went wrong."""

    def __init__(self, exchange: SimulatedExchange, data: st.DataObject) -> None:
        self.exchange = exchange
        self.known = {CAROL: Phase.ANSWERED, ANNA: Phase.ANSWERED}
        self._dials = {
            leg: Dial(
                address=data.draw(ADDRESSES),
                ring_timeout=timedelta(seconds=2),
                prompt=data.draw(PROMPTS),
                detect_machine=data.draw(st.booleans()),
            )
            for leg in TARGETS
        }

    def wanted(
        self, placements: dict[str, Placement], sounds: Sounds = SILENT, *, expired: bool = False
    ) -> Arrangement:
        return Arrangement(
            owner="transfer",
            room="room",
            legs=tuple(
                WantedLeg(
                    leg=leg,
                    name=leg,
                    placement=placement,
                    known=self.known.get(leg, Phase.NEW),
                    dial=self._dials.get(leg),
                    expired=expired and leg in TARGETS,
                    place="voicemail",
                    announcement=sounds.announcements.get(leg),
                    farewell=sounds.farewells.get(leg, ""),
                )
                for leg, placement in placements.items()
            ),
        )

    async def arrange(
        self, placements: dict[str, Placement], sounds: Sounds = SILENT, *, expired: bool = False
    ) -> Observation:
        while True:
            try:
                observation = await self.exchange.arrange(self.wanted(placements, sounds, expired=expired))
            except (OutcomeUnknown, ProviderUnavailable):
                continue
            for seen in observation.legs:
                self.known[seen.leg] = max(seen.phase, self.known.get(seen.leg, Phase.NEW))
            return observation


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run one example in a loop of its own."""
    asyncio.run(test())


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_arrangement_converges(data: st.DataObject) -> None:
    async def example() -> None:
        clock = VirtualClock()
        exchange = SimulatedExchange(clock)
        exchange.place_call(CAROL, ANNA)
        engine = Engine(exchange, data)
        for _ in range(data.draw(st.integers(1, 8))):
            _something_happens(data, exchange)
            _something_goes_wrong(data, exchange)
            placements = {leg: data.draw(st.sampled_from(Placement)) for leg in LEGS}
            sounds = _some_sounds(data)
            expired = data.draw(st.booleans())
            before = {leg.id: replace(leg) for leg in exchange.legs.values()}
            observation = await engine.arrange(placements, sounds, expired=expired)
            changes = exchange.changes
            again = await engine.arrange(placements, sounds, expired=expired)
            assert exchange.changes == changes
            assert again == observation
            if observation.stands:
                _everybody_is_in_place(exchange, engine.wanted(placements))
                _everybody_hears_what_is_played(exchange, before, engine.wanted(placements, sounds))
            owned = any(leg.live and leg.owner for leg in exchange.legs.values())
            assert (await exchange.owners()).keys() == ({"transfer"} if owned else set())
            clock.advance(data.draw(SECONDS))
        clock.advance(1.0)
        assert not any(leg.leaving or leg.announcement for leg in exchange.legs.values())
        assert all(exchange.rings(leg) <= 1 for leg in LEGS)

    run(example)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_sensible_arrangements_never_hurt_the_customer(data: st.DataObject) -> None:
    async def example() -> None:
        clock = VirtualClock()
        exchange = SimulatedExchange(clock, strict=True)
        exchange.place_call(CAROL, ANNA)
        engine = Engine(exchange, data)
        for _ in range(data.draw(st.integers(1, 10))):
            if not exchange.legs[CAROL].up:
                break
            if data.draw(st.booleans()):
                _something_goes_wrong(data, exchange)
            observation = await engine.arrange(_sensible(data, engine), _some_sounds(data))
            assert observation.stands
            _something_happens(data, exchange)
            for _ in range(data.draw(st.integers(0, 6))):
                if _customer_in_silence(exchange):
                    await engine.arrange(_safe(exchange))
                clock.advance(0.5)
        assert exchange.violations == ()

    run(example)


def _something_happens(data: st.DataObject, exchange: SimulatedExchange) -> None:
    leg = exchange.legs.get(data.draw(st.sampled_from(LEGS)))
    if leg is None or not (leg.live or leg.leaving):
        return
    if leg.ringing and data.draw(st.booleans()):
        exchange.answer(leg.id)
    elif data.draw(st.booleans()):
        exchange.hang_up(leg.id)


def _some_sounds(data: st.DataObject) -> Sounds:
    return Sounds(
        announcements=data.draw(st.dictionaries(st.sampled_from(LEGS), ANNOUNCEMENTS, max_size=2)),
        farewells=dict.fromkeys(LEGS, data.draw(FAREWELLS)),
    )


def _something_goes_wrong(data: st.DataObject, exchange: SimulatedExchange) -> None:
    faults = exchange.faults
    match data.draw(st.sampled_from(["nothing", "unavailable", "answer_lost", "half"])):
        case "unavailable":
            faults.unavailable()
        case "answer_lost":
            faults.answer_lost()
        case "half":
            faults.half(data.draw(st.integers(0, 6)))
        case _:
            pass


def _everybody_is_in_place(exchange: SimulatedExchange, wanted: Arrangement) -> None:
    for want in wanted.legs:
        leg = exchange.legs.get(want.leg)
        live = leg is not None and leg.live
        if want.placement == GONE:
            assert not live
        elif want.placement == HANDED_OFF:
            assert leg is not None
            assert leg.placement == HANDED_OFF or leg.ringing
        elif want.placement in (IN_ROOM, ON_HOLD):
            assert leg is not None
            assert live
            assert leg.placement == want.placement
            assert leg.placement != IN_ROOM or leg.room == wanted.room


def _everybody_hears_what_is_played(exchange: SimulatedExchange, before: dict[str, Leg], wanted: Arrangement) -> None:
    """Check who hears an announcement or a farewell now: those to whom it is new, and those who heard it before."""
    now = exchange.snapshot(CAROL)
    for want in wanted.legs:
        was, party = before.get(want.leg), now.party(want.leg)
        played = want.announcement
        if want.placement in (IN_ROOM, ON_HOLD):
            assert was is not None
            assert party is not None
            new = played is not None and played.media == "recording" and played.number > was.announced
            assert party.announcement == (new or was.announcement is not None)
        elif want.placement == GONE:
            leaves = was is not None and (was.leaving or (was.up and want.farewell == "farewell"))
            assert (party is not None) == leaves
            assert party is None or party.hears == {Sound.ANNOUNCEMENT}
        elif party is not None and party.announcement:
            assert played is not None or (was is not None and was.announcement is not None)


def _sensible(data: st.DataObject, engine: Engine) -> dict[str, Placement]:
    """Return an arrangement that an engine may want: it leaves the customer with somebody, ringing or music."""
    placements: dict[str, Placement] = {}
    for leg in (ANNA, *TARGETS):
        state = engine.exchange.legs.get(leg)
        if state is None:
            fresh = engine.known.get(leg, Phase.NEW) == Phase.NEW
            choices = [RINGING, SCREENING, GONE] if fresh else [GONE]
        elif state.up:
            choices = [IN_ROOM, ON_HOLD, GONE]
        elif state.ringing:
            choices = [RINGING, SCREENING, GONE]
        else:
            choices = [GONE]
        placements[leg] = data.draw(st.sampled_from(choices))
    company = [leg for leg, placement in placements.items() if placement in (IN_ROOM, RINGING, SCREENING)]
    customer = data.draw(st.sampled_from([IN_ROOM, ON_HOLD])) if company else ON_HOLD
    return {CAROL: customer, **placements}


def _customer_in_silence(exchange: SimulatedExchange) -> bool:
    customer = exchange.snapshot(CAROL).party(CAROL)
    return customer is not None and Sound.SILENCE in customer.hears


def _safe(exchange: SimulatedExchange) -> dict[str, Placement]:
    """Return everybody to where they are, and the customer to the music."""
    placements: dict[str, Placement] = {CAROL: ON_HOLD if exchange.legs[CAROL].up else GONE}
    for leg in (ANNA, *TARGETS):
        state = exchange.legs.get(leg)
        if state is None or not state.live:
            placements[leg] = GONE
        elif state.ringing:
            placements[leg] = RINGING if state.placement == IN_ROOM else SCREENING
        else:
            placements[leg] = state.placement
    return placements
