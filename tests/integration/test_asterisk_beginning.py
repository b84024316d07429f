"""How a transfer begins on a real Asterisk: music is asked for first, and nobody is left in silence half-way."""

import asyncio

import pytest

from activities.telephony.errors import OutcomeUnknown
from activities.telephony.model import Placement
from tests.providers.asterisk_world import WINDOW, AsteriskWorld
from tests.providers.contract import Transfer
from tests.providers.world import MUSIC, SILENCE, Feature, eventually, expect

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD = Placement.IN_ROOM, Placement.ON_HOLD
HOLD = "/bridges/hookflash-hold-default"
FIRST_REQUESTS = 8
"""More than a first arrangement makes that take somebody from a talk to music."""


async def has_holding_bridge(world: AsteriskWorld, *, there: bool) -> None:
    """Let the node have its holding bridge, or not have it yet."""
    if there:
        await world.node.ari.call("POST", HOLD, type="holding", ok=(200, 409))
    else:
        await world.node.ari.call("DELETE", HOLD, ok=(204, 404))


@pytest.mark.parametrize("there", [True, False], ids=["as usual", "the first hold on this node"])
async def test_music_is_the_first_that_is_asked_for(world: AsteriskWorld, transfer: Transfer, *, there: bool) -> None:
    """Whether there is a bridge for it or not; and nobody's music begins again with the arrangements that follow."""
    await has_holding_bridge(world, there=there)
    held = {transfer.customer: ON_HOLD, transfer.agent: IN_ROOM}
    transfer.known.clear()
    before = len(world.proxy.requests)
    await transfer.arrange(held)
    assert world.proxy.requests[before] == f"POST /ari{HOLD}/moh"
    await expect(world, {transfer.customer: {MUSIC}, transfer.agent: {SILENCE}})
    before = len(world.proxy.requests)
    await transfer.arrange(held)
    assert f"POST /ari{HOLD}/moh" not in world.proxy.requests[before:]
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
    await expect(world, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})


async def test_an_engine_that_dies_while_it_begins_leaves_the_customer_with_the_agent_or_with_music(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    """Whatever its last request was: also if that was the music, before anybody had looked."""
    customer, agent = transfer.customer, transfer.agent
    await has_holding_bridge(world, there=True)
    left_with: set[str] = set()

    loop = asyncio.get_running_loop()
    died = loop.time()

    async def with_somebody() -> bool:
        if loop.time() < died + WINDOW:
            return False  # what was heard before is no proof
        heard = await world.hears(customer)
        left_with.update(heard)
        return heard in (frozenset({"agent"}), frozenset({MUSIC}))

    for requests in range(FIRST_REQUESTS):
        transfer.known.clear()
        world.go_wrong(Feature.HALF, requests)
        with pytest.raises(OutcomeUnknown):
            await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
        died = loop.time()
        await eventually(world, with_somebody, lambda: f"the customer is left with {left_with}")
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
        await expect(world, {customer: {MUSIC}, agent: {SILENCE}})
        await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
        await expect(world, {customer: {"agent"}, agent: {"customer"}})
    assert left_with >= {"agent", MUSIC}


async def test_music_for_nobody_is_music_for_the_next(world: AsteriskWorld, transfer: Transfer) -> None:
    """It was asked for in vain, as the call is another transfer's. Nobody heard it, and who comes next does."""
    await has_holding_bridge(world, there=True)
    other = Transfer(world, transfer.customer, transfer.agent)
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
    theirs = other.wanted({other.customer: ON_HOLD, other.agent: IN_ROOM})
    before = len(world.proxy.requests)
    assert not (await world.provider.arrange(theirs.model_copy(update={"take_from": ()}))).stands
    assert [it for it in world.proxy.requests[before:] if not it.startswith("GET ")] == [f"POST /ari{HOLD}/moh"]
    await expect(world, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})
    await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    await expect(world, {transfer.customer: {MUSIC}, transfer.agent: {SILENCE}})
