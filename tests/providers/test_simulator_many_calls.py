"""Many calls: none makes a change of another one dearer, and what is found quickly is what a look at all finds."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.telephony import simulator
from activities.telephony.model import Arrangement, Dial, Observation, Phase, Placement, WantedLeg
from activities.telephony.simulator import SimulatedExchange, Sound, VirtualClock
from activities.telephony.simulator.legs import Leg
from activities.telephony.simulator.present import Present

HERE = str(Path(simulator.__file__).parent)
FEW, MANY = 2, 200
CALLS = ("carol", "dora", "emma")
LEGS = tuple(leg for call in CALLS for leg in (f"sim:{call}", f"sim:{call}-agent", f"hf-{call}"))
_Trace = Callable[[FrameType, str, object], "_Trace | None"]
WORDS = st.sampled_from(["", "one", "two"])


def wanted(owner: str, placements: dict[str, Placement], exchange: SimulatedExchange) -> Arrangement:
    """Return where a transfer wants some legs, the customer first; what begins with ``hf`` is dialled."""
    return Arrangement(
        owner=owner,
        room=f"room-{owner}",
        legs=tuple(
            WantedLeg(
                leg=leg,
                name=leg,
                placement=placement,
                known=exchange.legs[leg].phase if leg in exchange.legs else Phase.NEW,
                dial=Dial(address=f"sim:{leg}", ring_timeout=timedelta(seconds=30)) if leg[:2] == "hf" else None,
                place="voicemail",
            )
            for leg, placement in placements.items()
        ),
    )


def consultation(call: str, exchange: SimulatedExchange, *, swapped: bool = False) -> Arrangement:
    """Return a warm transfer's arrangement: agent and target talk, or agent and customer."""
    customer, target = (Placement.IN_ROOM, Placement.ON_HOLD)[:: 1 if swapped else -1]
    placements = {f"sim:{call}": customer, f"sim:{call}-agent": Placement.IN_ROOM}
    target = target if f"hf-{call}" in exchange.legs else Placement.RINGING
    return wanted(f"transfer-{call}", {**placements, f"hf-{call}": target}, exchange)


async def consult(exchange: SimulatedExchange, call: str) -> None:
    """Place a call, and let its agent talk to the target."""
    exchange.place_call(f"sim:{call}", f"sim:{call}-agent")
    await exchange.arrange(consultation(call, exchange))
    exchange.answer(f"hf-{call}")
    await exchange.arrange(consultation(call, exchange))


def steps_of_the_exchange(act: Callable[[], None]) -> int:
    """Return how many instructions of the interpreter the simulator takes for something: the same with each run."""
    steps = 0

    def count(frame: FrameType, event: str, _: object) -> _Trace | None:
        nonlocal steps
        if not frame.f_code.co_filename.startswith(HERE):
            return None
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize("what", ["begin", "swap", "answer", "press", "ask", "hang up", "release"])
async def test_a_change_costs_the_same_however_many_other_calls_there_are(what: str) -> None:
    async def cost(others: int) -> int:
        exchange = SimulatedExchange(VirtualClock())
        for number in range(others):
            await consult(exchange, f"other-{number}")
        if what == "answer":
            exchange.place_call("sim:carol", "sim:carol-agent")
            await exchange.arrange(consultation("carol", exchange))
        elif what != "begin":
            await consult(exchange, "carol")
        swapped = consultation("carol", exchange, swapped=True)
        gone = wanted("transfer-carol", dict.fromkeys(LEGS[:3], Placement.GONE), exchange)
        acts: dict[str, Callable[[], None]] = {
            "begin": lambda: exchange.place_call("sim:carol", "sim:carol-agent"),
            "swap": lambda: _at_once(exchange.arrange(swapped)),
            "answer": lambda: exchange.answer("hf-carol"),
            "press": lambda: exchange.press("sim:carol", "1"),
            "ask": lambda: exchange.ask_transfer("sim:carol-agent", "claims"),
            "hang up": lambda: exchange.hang_up("sim:carol"),
            "release": lambda: _at_once(exchange.arrange(gone)),
        }
        return steps_of_the_exchange(acts[what])

    few = await cost(FEW)
    assert few > 0
    assert await cost(MANY) == few


def _at_once(arranging: Coroutine[None, None, Observation]) -> None:
    """Carry out what waits for nothing."""
    with pytest.raises(StopIteration):
        arranging.send(None)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_what_is_found_is_what_a_look_at_all_legs_finds(data: st.DataObject) -> None:
    async def example() -> None:
        exchange = SimulatedExchange(VirtualClock())
        for call in CALLS:
            exchange.place_call(f"sim:{call}", f"sim:{call}-agent")
        for _ in range(data.draw(st.integers(1, 8))):
            _a_phone_moves(exchange, data.draw(st.sampled_from(LEGS)), answers=data.draw(st.booleans()))
            placements = data.draw(st.dictionaries(st.sampled_from(LEGS), st.sampled_from(Placement), min_size=1))
            owner = data.draw(st.sampled_from(["one", "two"]))
            seen = await exchange.arrange(wanted(owner, placements, exchange))
            owners = await exchange.owners()
            if seen.mark and owner in owners:
                assert seen.mark == owners[owner].mark
            _the_same_as_a_look_at_all(exchange)

    asyncio.run(example())


def _a_phone_moves(exchange: SimulatedExchange, name: str, *, answers: bool) -> None:
    leg = exchange.legs.get(name)
    if leg is not None and leg.ringing and answers:
        exchange.answer(name)
    elif leg is not None and leg.live:
        exchange.hang_up(name)


def _the_same_as_a_look_at_all(exchange: SimulatedExchange) -> None:
    there = [leg for leg in exchange.legs.values() if leg.live or leg.leaving]
    for call in {leg.call for leg in there}:
        parties = exchange.snapshot(call).parties
        assert {party.leg for party in parties} == {leg.id for leg in there if leg.call == call}
        for party in parties:
            leg = exchange.legs[party.leg]
            if leg.up and leg.placement == Placement.IN_ROOM:
                voices = {it.id for it in there if it.up and it is not leg and it.is_in(leg.room)}
                assert party.hears == voices or (not voices and party.hears <= {Sound.SILENCE, Sound.RINGBACK})
                rung = any(it.rings_for(leg.room) for it in there)
                assert not (rung and Sound.SILENCE in party.hears)
    own = {room for room in exchange.rooms if room.startswith("exchange:")}
    assert own == {leg.room for leg in there if leg.live and leg.room.startswith("exchange:")}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["call", "room", "owner", "there"]), WORDS)))
def test_a_leg_is_found_under_what_it_is_now(changes: list[tuple[int, str, str]]) -> None:
    legs = [Leg(id=str(number), name="", phase=Phase.ANSWERED, placement=Placement.IN_ROOM) for number in range(4)]
    present = Present()
    for number, what, value in changes:
        leg = legs[number]
        if what != "there":
            setattr(leg, what, value)
        elif leg.id in present:
            present.remove(leg)
        else:
            present.add(leg)
        for name in ("", "one", "two"):
            assert set(_ids(present.of_call(name))) == {it.id for it in present.values() if it.call == name}
            assert set(_ids(present.of_room(name))) == {it.id for it in present.values() if it.room == name}
            assert set(_ids(present.of_owner(name))) == {it.id for it in present.values() if it.owner == name}


def _ids(legs: tuple[Leg, ...]) -> list[str]:
    return [leg.id for leg in legs]
