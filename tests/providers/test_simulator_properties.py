"""Whatever is asked of the exchange, in whatever order, and whatever goes wrong: it converges, and rings once."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import Arrangement, Dial, Observation, Phase, Placement, WantedLeg
from activities.telephony.simulator import SimulatedExchange, Sound, VirtualClock

CAROL, ANNA = "sim:carol", "sim:anna"
TARGETS = tuple("hf-" + digit * 32 for digit in "12")
LEGS = (CAROL, ANNA, *TARGETS)

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE
RUNG = frozenset({RINGING, SCREENING})

ADDRESSES = st.sampled_from(
    ["sim:bob", "sim:bob?answer=1s", "sim:bob?answer=1s&hangup=2s", "sim:bob?busy", "sim:bob?silent", "sim:bob?x"]
)
SECONDS = st.sampled_from([0.0, 0.05, 0.5, 1.0, 3.0])


class Engine:
    """Arranges, as an engine does that remembers how far each leg has come and repeats what went wrong."""

    def __init__(self, exchange: SimulatedExchange, addresses: tuple[str, ...]) -> None:
        self.exchange = exchange
        self.known = {CAROL: Phase.ANSWERED, ANNA: Phase.ANSWERED}
        self._dials = {
            leg: Dial(address=address, ring_timeout=timedelta(seconds=2))
            for leg, address in zip(TARGETS, addresses, strict=True)
        }

    def wanted(self, placements: dict[str, Placement], *, expired: bool = False) -> Arrangement:
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
                )
                for leg, placement in placements.items()
            ),
        )

    async def arrange(self, placements: dict[str, Placement], *, expired: bool = False) -> Observation:
        while True:
            try:
                observation = await self.exchange.arrange(self.wanted(placements, expired=expired))
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
        engine = Engine(exchange, (data.draw(ADDRESSES), data.draw(ADDRESSES)))
        for _ in range(data.draw(st.integers(1, 8))):
            _something_happens(data, exchange)
            _something_goes_wrong(data, exchange)
            placements = {leg: data.draw(st.sampled_from(Placement)) for leg in LEGS}
            expired = data.draw(st.booleans())
            observation = await engine.arrange(placements, expired=expired)
            changes = exchange.changes
            again = await engine.arrange(placements, expired=expired)
            assert exchange.changes == changes
            assert again == observation
            if observation.stands:
                _everybody_is_in_place(exchange, engine.wanted(placements))
            clock.advance(data.draw(SECONDS))
        assert all(exchange.rings(leg) <= 1 for leg in LEGS)

    run(example)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_sensible_arrangements_never_hurt_the_customer(data: st.DataObject) -> None:
    async def example() -> None:
        clock = VirtualClock()
        exchange = SimulatedExchange(clock, strict=True)
        exchange.place_call(CAROL, ANNA)
        engine = Engine(exchange, (data.draw(ADDRESSES), data.draw(ADDRESSES)))
        for _ in range(data.draw(st.integers(1, 10))):
            if not exchange.legs[CAROL].up:
                break
            if data.draw(st.booleans()):
                _something_goes_wrong(data, exchange)
            observation = await engine.arrange(_sensible(data, engine))
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
    if leg is None or not leg.live:
        return
    if leg.ringing and data.draw(st.booleans()):
        exchange.answer(leg.id)
    elif data.draw(st.booleans()):
        exchange.hang_up(leg.id)


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
            choices = [RINGING, GONE]
        else:
            choices = [GONE]
        placements[leg] = data.draw(st.sampled_from(choices))
    company = [leg for leg, placement in placements.items() if placement in (IN_ROOM, RINGING)]
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
