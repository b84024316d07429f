"""What only the simulated exchange does: scripts, strangers, faults and the timeline."""

import asyncio

import pytest

from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import LegEventKind, Phase, Placement
from activities.telephony.simulator import SimulatedExchange, Snapshot, VirtualClock
from hookflash import Cause
from tests.providers.simulated import ANNA, BOB, CAROL, GONE, ON_HOLD, arrangement, listen

# Scripts.


@pytest.mark.parametrize(
    ("address", "after", "cause", "sip"),
    [
        ("sim:bob?busy", 0.1, Cause.BUSY, 486),
        ("sim:bob?decline=1s", 1.1, Cause.DECLINED, 603),
        ("sim:bob?unreachable", 0.1, Cause.UNREACHABLE, 503),
        ("sim:bob?invalid", 0.1, Cause.INVALID_DESTINATION, 404),
        ("sim:bob?silent", 5.0, Cause.UNREACHABLE, 480),
        ("sim:bob?ring", 5.0, Cause.NO_ANSWER, 480),
        ("sim:bob?answer=1s&hangup=2s", 3.1, Cause.HUNG_UP, None),
    ],
)
async def test_how_a_scripted_phone_ends(
    exchange: SimulatedExchange, clock: VirtualClock, address: str, after: float, cause: Cause, sip: int | None
) -> None:
    await exchange.arrange(arrangement(address=address, ring_timeout=5.0))
    clock.advance(after - 0.08)
    assert exchange.legs[BOB].live
    clock.advance(0.08)
    observed = (await exchange.arrange(arrangement(address=address))).legs[2]
    assert (observed.phase, observed.cause, observed.evidence.sip_status) == (Phase.ENDED, cause, sip)


async def test_a_bad_script_is_an_invalid_destination(exchange: SimulatedExchange) -> None:
    observed = (await exchange.arrange(arrangement(address="sim:bob?anwser=2s"))).legs[2]
    assert observed.cause == Cause.INVALID_DESTINATION
    assert observed.evidence.text == "anwser: unknown"


async def test_a_gated_phone_presses_its_key(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    events = await listen(exchange)
    gated = arrangement(agent=ON_HOLD, target=Placement.SCREENING, address="sim:bob?answer=1s&press=1&after=2s")
    await exchange.arrange(gated)
    clock.advance(3.05)
    assert [(event.kind, event.digit) for event in await events()] == [
        (LegEventKind.RINGING, ""),
        (LegEventKind.ANSWERED, ""),
        (LegEventKind.DIGIT, "1"),
    ]


async def test_parties_of_a_call_have_scripts_too(clock: VirtualClock) -> None:
    exchange = SimulatedExchange(clock)
    exchange.place_call(CAROL, ANNA, customer_script="hangup=5s")
    clock.advance(4.9)
    assert exchange.legs[CAROL].live
    clock.advance(0.1)
    assert not exchange.legs[CAROL].live
    with pytest.raises(ValueError, match="in a call already"):
        exchange.place_call("sim:dave", ANNA)
    exchange.hang_up(ANNA)
    assert exchange.rooms == frozenset()
    exchange.place_call(CAROL, ANNA)
    assert exchange.legs[CAROL].live


async def test_an_expired_ring_was_not_answered(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    await exchange.arrange(arrangement())
    clock.advance(1.0)
    observed = await exchange.arrange(arrangement(expired=True))
    assert observed.stands
    assert observed.legs[2].cause == Cause.NO_ANSWER


async def test_who_is_released_was_not_left_unanswered(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    await exchange.arrange(arrangement(address="sim:bob?answer=1s"))
    clock.advance(2.0)
    observed = await exchange.arrange(arrangement(target=GONE, expired=True))
    assert observed.legs[2].cause == Cause.RELEASED


# Finding legs, waiting for them, strangers.


async def test_the_newest_leg_that_rings_at_an_address(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    assert exchange.leg_of("sim:bob") is None
    await exchange.arrange(arrangement(address="sim:bob?ring=100ms"))
    assert exchange.leg_of("sim:bob?ring=100ms") == exchange.leg_of("sim:bob") == BOB
    exchange.answer(BOB)
    assert exchange.leg_of("sim:bob") is None
    with pytest.raises(ValueError, match="does not ring"):
        exchange.answer(BOB)


async def test_waiting_for_something_to_happen(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    await exchange.until(lambda: exchange.legs[CAROL].up)
    waiting = asyncio.create_task(exchange.until(lambda: exchange.leg_of("sim:bob") == BOB))
    await asyncio.sleep(0)
    assert not waiting.done()
    await exchange.arrange(arrangement())
    await waiting


async def test_strangers_are_in_a_call_when_asked_for(clock: VirtualClock) -> None:
    exchange = SimulatedExchange(clock, answer_for_strangers=True)
    observed = await exchange.arrange(arrangement())
    assert observed.stands
    assert exchange.snapshot(CAROL).hears == {"customer": ("music",), "agent": ("ringback",)}
    exchange.hang_up(CAROL)
    assert (await exchange.arrange(arrangement())).legs[0].cause == Cause.HUNG_UP


async def test_strangers_are_unknown_by_default(clock: VirtualClock) -> None:
    observed = await SimulatedExchange(clock).arrange(arrangement())
    assert not observed.stands
    *strangers, target = observed.legs
    assert {leg.cause for leg in strangers} == {Cause.UNKNOWN_LEG}
    assert target.phase is Phase.NEW, "nothing was dialled, and nothing has ended"


# Faults.


async def test_an_outage_lets_nothing_through(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    await exchange.arrange(arrangement(address="sim:bob?answer=1s"))
    events = exchange.events()
    assert await anext(events) is None
    exchange.faults.outage = True
    clock.advance(2.0)
    with pytest.raises(ProviderUnavailable):
        await anext(events)
    with pytest.raises(ProviderUnavailable):
        await exchange.arrange(arrangement())
    with pytest.raises(ProviderUnavailable):
        await exchange.owners()
    with pytest.raises(ProviderUnavailable):
        await anext(exchange.events())
    exchange.faults.outage = False
    assert (await exchange.arrange(arrangement())).legs[2].phase == Phase.ANSWERED


async def test_a_slow_request(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    exchange.faults.slow(3.0)
    request = asyncio.create_task(exchange.arrange(arrangement()))
    await asyncio.sleep(0)
    clock.advance(2.9)
    await asyncio.sleep(0)
    assert not request.done()
    assert exchange.rings(BOB) == 0
    clock.advance(0.1)
    assert (await request).stands
    assert exchange.rings(BOB) == 1


async def test_it_counts_what_was_asked_of_it(exchange: SimulatedExchange) -> None:
    await exchange.arrange(arrangement())
    await exchange.arrange(arrangement())
    await exchange.owners()
    assert exchange.requests == {"arrange": 2, "owners": 1}


# The timeline.


async def test_the_timeline_tells_the_call(clock: VirtualClock) -> None:
    told: list[Snapshot] = []
    exchange = SimulatedExchange(clock, on_change=told.append)
    exchange.place_call(CAROL, ANNA)
    clock.advance(0.5)
    await exchange.arrange(arrangement(address="sim:bob?answer=2s"))
    clock.advance(3.0)
    assert exchange.timeline == tuple(told)
    assert [snapshot.lines() for snapshot in told if snapshot.settled] == [
        ("0.00", "customer hears agent", "agent hears customer"),
        ("0.50", "customer hears music", "agent hears ringback", "target rings"),
        ("0.55", "customer hears music", "agent hears ringback", "target rings"),
        ("2.55", "customer hears music", "agent hears target", "target hears agent"),
    ]
    last = told[-1]
    assert (last.in_room, last.on_hold, last.ringing) == (("agent", "target"), ("customer",), ())
    assert last.hears["agent"] == ("target",)


async def test_in_real_time() -> None:
    exchange = SimulatedExchange()
    exchange.place_call(CAROL, ANNA)
    await exchange.arrange(arrangement(address="sim:bob?ring=1ms&answer=1ms"))
    await exchange.until(lambda: exchange.legs[BOB].up)
    assert exchange.snapshot(CAROL).hears["agent"] == ("target",)
    exchange.faults.slow(0.001)
    assert (await exchange.arrange(arrangement(target=GONE))).stands
    assert exchange.violations == ()
