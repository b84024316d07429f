"""The simulated exchange watches over every call: who is in silence, who is on hold with somebody, who overhears."""

from dataclasses import replace

import pytest

from activities.telephony.model import Phase, Placement
from activities.telephony.simulator import PartyView, SimulatedExchange, Snapshot, Sound, Violation, VirtualClock
from activities.telephony.simulator.watch import held_alone, overheard
from tests.providers.simulated import ANNA, BOB, CAROL, GONE, IN_ROOM, ON_HOLD, arrangement


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
