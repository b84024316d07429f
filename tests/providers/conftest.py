"""The worlds that the contract suite runs in, whose Asterisk is shared and stopped at the end; a simulated call."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from activities.telephony.simulator import SimulatedExchange, VirtualClock
from tests.providers.asterisk_world import asterisk_world, stop_shared_node
from tests.providers.contract import Transfer
from tests.providers.simulated import ANNA, CAROL
from tests.providers.simulator_world import simulator_world
from tests.providers.twilio_world import twilio_world
from tests.providers.world import World

Open = Callable[[], AbstractAsyncContextManager[World]]

WORLDS = [
    pytest.param(simulator_world, id="simulator"),
    pytest.param(asterisk_world, id="asterisk", marks=pytest.mark.asterisk),
    pytest.param(twilio_world, id="twilio"),
]


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A provider with nobody at its phones yet. Afterwards: it has not seen what must never happen."""
    open_world: Open = request.param
    async with open_world() as world:
        yield world
        assert await world.violations() == []


@pytest.fixture
async def transfer(world: World) -> Transfer:
    """Customer and agent talk to each other."""
    return await Transfer.of_a_new_call(world)


@pytest.fixture(scope="session", autouse=True)
async def shared_node_stops() -> AsyncIterator[None]:
    """Stop the shared node at the end of the run, if a test has started it."""
    yield
    await stop_shared_node()


@pytest.fixture
def clock() -> VirtualClock:
    """Give the time of a simulated exchange."""
    return VirtualClock()


@pytest.fixture
def exchange(clock: VirtualClock) -> SimulatedExchange:
    """Give a simulated exchange with a call."""
    exchange = SimulatedExchange(clock)
    exchange.place_call(CAROL, ANNA)
    return exchange
