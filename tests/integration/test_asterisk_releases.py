"""Legs that a real Asterisk ends for us, beside those that somebody else ends in the same words."""

from collections.abc import AsyncIterator

import pytest

from activities.telephony.asterisk import AsteriskTelephony
from activities.telephony.asterisk.state import RELEASED_FOR
from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import LegEventKind, Placement
from hookflash import Cause
from hookflash.events import Evidence
from tests.integration.recordings import now
from tests.providers.asterisk_world import AsteriskWorld, settings
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.providers.world import Feature, Party
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

AT_ONCE = 0.5

IN_ROOM, ON_HOLD, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.GONE


async def hang_up(world: AsteriskWorld, party: Party) -> None:
    """End a leg as any other client of ARI does: in the words that we use."""
    await world.node.ari.call("DELETE", f"/channels/{party.leg}", reason_code=16)


async def almost_release(world: AsteriskWorld, transfer: Transfer) -> None:
    """Release the agent, but for the end itself: it is noted, and nobody comes back to it."""
    world.proxy.go_wrong(Feature.HALF, 1)
    with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
        await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: GONE})
    channel = await world.node.ari.call("GET", f"/channels/{transfer.agent.leg}")
    assert channel["channelvars"][RELEASED_FOR] == transfer.owner


@pytest.mark.parametrize("was_to_end", [False, True], ids=["as ever", "it was to be released, and is kept"])
async def test_a_leg_that_somebody_else_ends_in_our_words_is_told(
    world: AsteriskWorld, transfer: Transfer, *, was_to_end: bool
) -> None:
    """Kept is an agent who was to be released in the moment in which the target left."""
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    if was_to_end:
        await almost_release(world, transfer)
        assert (await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})).stands
    async with listening(world) as listener:
        await hang_up(world, agent)
        assert (await listener.until(agent, LegEventKind.ENDED)).cause is Cause.RELEASED


async def test_a_leg_that_leaves_by_itself_before_it_is_ended_is_told(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    async with listening(world) as listener:
        await almost_release(world, transfer)
        await world.hang_up(agent)
        assert (await listener.until(agent, LegEventKind.ENDED)).cause is Cause.HUNG_UP
        answer = await transfer.arrange({customer: ON_HOLD, agent: GONE})
    assert seen(answer, agent).cause is Cause.HUNG_UP


async def test_a_leg_that_a_new_owner_has_is_told_of_whatever_was_noted(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    await almost_release(world, transfer)
    transfer.owner = "transfer:other/run"
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    async with listening(world) as listener:
        await hang_up(world, agent)
        ended = await listener.until(agent, LegEventKind.ENDED)
    assert (ended.owner, ended.cause) == ("transfer:other/run", Cause.RELEASED)


async def test_the_end_of_a_release_that_was_only_noted_is_seen_by_the_next_look(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    """Somebody else ends the leg in our words, in the moment between our note and our end: the look tells of it."""
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    await almost_release(world, transfer)
    async with listening(world) as listener:
        await hang_up(world, agent)
        kept = await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
        assert (kept.stands, seen(kept, agent).cause) == (False, Cause.RELEASED)
        await world.hang_up(customer)
        await listener.until(customer, LegEventKind.ENDED)
    assert listener.of(agent) == []


@pytest.fixture
async def elsewhere(world: AsteriskWorld) -> AsyncIterator[AsteriskTelephony]:
    """A provider in another process than the listener's."""
    provider = AsteriskTelephony(settings(world.node))
    yield provider
    await provider.close()


async def test_the_answer_has_all_of_the_end_wherever_the_listener_is(
    world: AsteriskWorld, transfer: Transfer, elsewhere: AsteriskTelephony
) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    async with listening(world) as listener:
        answer = await elsewhere.arrange(transfer.wanted({customer: ON_HOLD, agent: GONE}))
        again = await elsewhere.arrange(transfer.wanted({customer: ON_HOLD, agent: GONE}))
        await world.hang_up(customer)
        await listener.until(customer, LegEventKind.ENDED)
    assert listener.of(agent) == []
    assert seen(answer, agent).cause is seen(again, agent).cause is Cause.RELEASED
    assert seen(answer, agent).evidence == Evidence(q850=16, text="Normal Clearing")


async def test_nobody_waits_for_what_somebody_else_plays_to_a_leg(world: AsteriskWorld, transfer: Transfer) -> None:
    """While a leg is played to, Asterisk keeps whoever notes something on it waiting."""
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    await world.node.ari.call("POST", f"/channels/{agent.leg}/play", media="sound:hookflash-accept")
    await hear_exactly({world.phone_of(agent): {"accept"}})
    began = now()
    answer = await transfer.arrange({customer: ON_HOLD, agent: GONE})
    assert now() - began < AT_ONCE
    assert seen(answer, agent).cause is Cause.RELEASED
