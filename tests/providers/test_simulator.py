"""What only the simulated exchange does: scripts, strangers, faults, the timeline and the watch over every call."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import Arrangement, Dial, LegEvent, LegEventKind, Phase, Placement, WantedLeg
from activities.telephony.simulator import PartyView, SimulatedExchange, Snapshot, Sound, Violation, VirtualClock
from activities.telephony.simulator.watch import held_alone, overheard
from hookflash import Cause

CAROL, ANNA = "sim:carol", "sim:anna"
BOB = "hf-" + "b" * 32
IN_ROOM, ON_HOLD, RINGING, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING, Placement.GONE


def arrangement(
    customer: Placement = ON_HOLD,
    agent: Placement = IN_ROOM,
    target: Placement = RINGING,
    *,
    address: str = "sim:bob",
    ring_timeout: float = 20.0,
    expired: bool = False,
) -> Arrangement:
    dial = Dial(address=address, ring_timeout=timedelta(seconds=ring_timeout))
    return Arrangement(
        owner="transfer:sim:sim:carol",
        room="room",
        legs=(
            WantedLeg(leg=CAROL, name="customer", placement=customer, known=Phase.ANSWERED),
            WantedLeg(leg=ANNA, name="agent", placement=agent, known=Phase.ANSWERED),
            WantedLeg(leg=BOB, name="target", placement=target, dial=dial, expired=expired),
        ),
    )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def exchange(clock: VirtualClock) -> SimulatedExchange:
    exchange = SimulatedExchange(clock)
    exchange.place_call(CAROL, ANNA)
    return exchange


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


# The watch.


async def test_the_customer_alone_is_a_violation_at_once(exchange: SimulatedExchange) -> None:
    await exchange.arrange(arrangement(customer=IN_ROOM, agent=GONE, target=GONE))
    assert len(exchange.violations) == 1
    assert "the customer is in silence" in exchange.violations[0]


async def test_a_strict_exchange_raises(clock: VirtualClock) -> None:
    exchange = SimulatedExchange(clock, strict=True)
    exchange.place_call(CAROL, ANNA)
    with pytest.raises(Violation, match="in silence"):
        await exchange.arrange(arrangement(customer=IN_ROOM, agent=GONE, target=GONE))


async def test_a_silence_that_nobody_ends_is_a_violation(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    await exchange.arrange(arrangement(customer=IN_ROOM, agent=IN_ROOM, target=GONE))
    exchange.hang_up(ANNA)
    clock.advance(0.9)
    assert exchange.violations == ()
    clock.advance(0.2)
    assert len(exchange.violations) == 1


async def test_a_silence_that_the_engine_ends_in_time_is_none(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    await exchange.arrange(arrangement(customer=IN_ROOM, agent=IN_ROOM, target=GONE))
    exchange.hang_up(ANNA)
    clock.advance(0.9)
    await exchange.arrange(arrangement(customer=ON_HOLD, agent=GONE, target=GONE))
    clock.advance(60.0)
    assert exchange.violations == ()


async def test_a_call_that_no_transfer_watches_may_be_silent(exchange: SimulatedExchange, clock: VirtualClock) -> None:
    exchange.hang_up(ANNA)
    clock.advance(60.0)
    assert exchange.violations == ()


async def test_who_is_left_alone_gets_music_though_nothing_else_is_done(exchange: SimulatedExchange) -> None:
    exchange.hang_up(ANNA)
    observed = await exchange.arrange(arrangement(customer=IN_ROOM))
    assert not observed.stands
    assert exchange.snapshot(CAROL).hears == {"customer": ("music",)}
    assert exchange.rings(BOB) == 0


def view(leg: str, placement: Placement, *hears: str) -> PartyView:
    return PartyView(leg, leg, Phase.ANSWERED, placement, owned=True, around=frozenset(hears))


def moment(*parties: PartyView) -> Snapshot:
    return Snapshot(call="c", at=0.0, because="test", settled=True, parties=parties)


def test_the_watch_sees_who_is_on_hold_and_hears_somebody() -> None:
    fine = moment(view("c", ON_HOLD, Sound.MUSIC), view("a", IN_ROOM, "t"), view("t", IN_ROOM, "a"))
    assert held_alone(fine) == []
    wrong = moment(view("c", ON_HOLD, Sound.MUSIC, "a"), view("a", IN_ROOM, "c"))
    assert len(held_alone(wrong)) == 2


def test_the_watch_sees_who_is_not_alone_with_a_farewell() -> None:
    leaving = replace(view("c", GONE, Sound.ANNOUNCEMENT), phase=Phase.ENDED)
    assert held_alone(moment(leaving, view("a", IN_ROOM, Sound.SILENCE))) == []
    assert len(held_alone(moment(replace(leaving, around=frozenset({"a"})), view("a", IN_ROOM, "c")))) == 2


def test_the_watch_sees_what_is_behind_an_announcement() -> None:
    announced = replace(view("c", ON_HOLD, Sound.MUSIC), announcement=True)
    assert announced.hears == {Sound.ANNOUNCEMENT}
    assert held_alone(moment(announced)) == []
    joined = replace(announced, around=frozenset({"a"}))
    assert len(held_alone(moment(joined))) == 1
    assert len(overheard(moment(announced), moment(joined, view("a", GONE, "c")), {"c": IN_ROOM, "a": GONE})) == 2


def test_the_watch_sees_whom_a_step_lets_overhear() -> None:
    before = moment(view("c", ON_HOLD, Sound.MUSIC), view("t", IN_ROOM, Sound.SILENCE))
    after = moment(view("c", IN_ROOM, "t"), view("t", IN_ROOM, "c"))
    assert overheard(before, after, {"c": IN_ROOM, "t": IN_ROOM}) == []
    assert len(overheard(before, after, {"c": IN_ROOM, "t": GONE})) == 2
    assert len(overheard(before, after, {"c": ON_HOLD, "t": IN_ROOM})) == 2
    # They talked before; that the step has not parted them yet is no overhearing.
    assert overheard(after, after, {"c": IN_ROOM, "t": GONE}) == []
    held = replace(before, parties=(view("c", ON_HOLD, Sound.MUSIC),))
    assert overheard(replace(before, parties=()), held, {"c": ON_HOLD}) == []


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


async def listen(exchange: SimulatedExchange) -> Callable[[], Awaitable[list[LegEvent]]]:
    stream = exchange.events()
    assert await anext(stream) is None
    events: list[LegEvent] = []

    async def collect() -> None:
        async for event in stream:
            if isinstance(event, LegEvent):
                events.append(event)

    task = asyncio.create_task(collect())

    async def so_far() -> list[LegEvent]:
        await exchange.close()
        with pytest.raises(ProviderUnavailable):
            await task
        return events

    return so_far
