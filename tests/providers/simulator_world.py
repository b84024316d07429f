"""The contract's world in the simulated exchange, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from activities.telephony.model import Report
from activities.telephony.simulator import SimulatedExchange, Sound, VirtualClock
from activities.telephony.simulator.legs import Leg
from tests.providers.world import ANNOUNCEMENT, MUSIC, PLACE, RINGBACK, SILENCE, Feature, Manner, Party

_SOUNDS: dict[str, str] = {
    Sound.MUSIC: MUSIC,
    Sound.RINGBACK: RINGBACK,
    Sound.ANNOUNCEMENT: ANNOUNCEMENT,
    Sound.SILENCE: SILENCE,
    Sound.PLACE: PLACE,
}
_SCRIPTS = {Manner.RING: ""} | {manner: f"?{manner}" for manner in Manner if manner != Manner.RING}


class SimulatorWorld:
    """Implements ``World``."""

    unsupported: frozenset[Feature] = frozenset()
    place = "hookflash-fallback"
    missing_place = "missing"
    unknown_leg = "sim:nobody"
    recording = "hookflash-recording"
    missing_recording = "missing"

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.exchange = SimulatedExchange(self.clock)
        self._calls = 0

    @property
    def provider(self) -> SimulatedExchange:
        return self.exchange

    async def place_call(self) -> tuple[Party, Party]:
        self._calls += 1
        customer = Party("customer", f"sim:carol{self._calls}")
        agent = Party("agent", f"sim:anna{self._calls}")
        self.exchange.place_call(customer.leg, agent.leg)
        return customer, agent

    async def phone(self, name: str, manner: Manner) -> str:
        return f"sim:{name}{_SCRIPTS[manner]}"

    async def answer(self, party: Party) -> None:
        self.exchange.answer(party.leg)

    async def hang_up(self, party: Party) -> None:
        self.exchange.hang_up(party.leg)

    async def press(self, party: Party, digit: str) -> None:
        self.exchange.press(party.leg, digit)

    async def ask_transfer(self, party: Party, destination: str) -> None:
        self.exchange.ask_transfer(party.leg, destination)

    async def told(self, party: Party) -> list[Report]:
        return self.exchange.legs[party.leg].reports

    async def hears(self, party: Party) -> frozenset[str]:
        legs = self.exchange.legs
        if party.leg not in legs:
            return frozenset()
        view = self.exchange.snapshot(legs[party.leg].call).party(party.leg)
        heard = view.hears if view else frozenset[str]()
        return frozenset(_SOUNDS[one] if one in _SOUNDS else legs[one].name for one in heard)

    async def caller_id(self, party: Party) -> str:
        return self.exchange.legs[party.leg].shown

    async def record(self, party: Party, name: str) -> None:
        self.exchange.record(party.leg, name)

    async def pause_recording(self, name: str) -> None:
        for leg in self._recorded(name):
            leg.recording_paused = True

    def let_recordings_fail(self, *, fail: bool) -> None:
        self.exchange.let_recordings_fail(fail=fail)

    async def recording_state(self, name: str) -> str:
        return next(("paused" if leg.recording_paused else "recording" for leg in self._recorded(name)), "")

    def _recorded(self, name: str) -> list[Leg]:
        return [leg for leg in self.exchange.legs.values() if leg.live and leg.recording == name]

    async def rings(self, party: Party) -> int:
        return self.exchange.rings(party.leg)

    async def leftovers(self) -> list[str]:
        legs = [leg.id for leg in self.exchange.legs.values() if leg.live or leg.leaving]
        return [*legs, *sorted(self.exchange.rooms)]

    async def changes(self) -> int:
        return self.exchange.changes

    def go_wrong(self, feature: Feature, steps: int = 0) -> None:
        match feature:
            case Feature.UNAVAILABLE:
                self.exchange.faults.unavailable()
            case Feature.ANSWER_LOST:
                self.exchange.faults.answer_lost()
            case Feature.HALF:
                self.exchange.faults.half(steps)
            case _:
                raise ValueError(f"{feature} cannot go wrong")

    async def pause(self) -> None:
        self.clock.advance(0.05)
        await asyncio.sleep(0)  # whoever listens takes in what has just happened

    async def violations(self) -> list[str]:
        return list(self.exchange.violations)


@asynccontextmanager
async def simulator_world() -> AsyncGenerator[SimulatorWorld]:
    """Open a fresh exchange."""
    world = SimulatorWorld()
    yield world
    await world.exchange.close()
