"""What every provider promises when legs are not there and requests go wrong: nothing is done twice, or half."""

import pytest

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import Phase, Placement
from hookflash import Cause
from tests.providers.contract import Transfer, seen
from tests.providers.steps import Steps, needs
from tests.providers.world import MUSIC, PLACE, RINGBACK, Feature, Party, World, expect

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
HANDED_OFF, GONE = Placement.HANDED_OFF, Placement.GONE


async def test_an_unknown_leg_changes_nothing(world: World, transfer: Transfer) -> None:
    customer, target = transfer.customer, await transfer.target()
    stranger = Party("agent", world.unknown_leg)
    observed = await transfer.arrange({customer: ON_HOLD, stranger: IN_ROOM, target: RINGING})
    assert not observed.stands
    assert seen(observed, stranger).phase == Phase.ENDED
    assert seen(observed, stranger).cause == Cause.UNKNOWN_LEG
    assert await world.rings(target) == 0
    await expect(world, {customer: {"agent"}, transfer.agent: {"customer"}})


@pytest.mark.parametrize("placement", [IN_ROOM, ON_HOLD])
async def test_without_a_leg_that_must_be_up_nobody_is_rung(
    world: World, transfer: Transfer, placement: Placement
) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await world.hang_up(agent)
    await expect(world, {agent: set()})
    observed = await transfer.arrange({customer: ON_HOLD, agent: placement, target: RINGING})
    assert not observed.stands
    assert seen(observed, agent).phase == Phase.ENDED
    assert seen(observed, customer).phase == Phase.ANSWERED
    assert await world.rings(target) == 0
    assert world.unknown_leg not in await world.leftovers()


async def test_without_the_customer_nobody_is_handed_off(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await world.hang_up(customer)
    await expect(world, {customer: set()})
    observed = await transfer.arrange({customer: ON_HOLD, agent: HANDED_OFF})
    assert not observed.stands
    assert PLACE not in await world.hears(agent)


async def test_what_was_known_is_never_dialled_again(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    transfer.known[target.leg] = Phase.DIALLING
    observed = await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    assert observed.stands
    assert seen(observed, target).phase == Phase.ENDED
    assert await world.rings(target) == 0


async def test_what_was_never_dialled_is_gone(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    observed = await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: GONE})
    assert observed.stands
    assert seen(observed, target).phase == Phase.ENDED
    assert await world.rings(target) == 0


# Requests that go wrong.


async def goes_wrong(transfer: Transfer, feature: Feature, placements: dict[Party, Placement], steps: int = 0) -> None:
    """Arrange something in a way that goes wrong, and see that it is told apart: nothing was done, or who knows."""
    transfer.world.go_wrong(feature, steps)
    with pytest.raises(ProviderUnavailable if feature is Feature.UNAVAILABLE else OutcomeUnknown):
        await transfer.arrange(placements)


async def test_an_unavailable_provider_has_done_nothing(world: World, transfer: Transfer) -> None:
    needs(world, Feature.UNAVAILABLE)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await goes_wrong(transfer, Feature.UNAVAILABLE, ringing)
    await expect(world, {customer: {"agent"}, agent: {"customer"}})
    assert await world.rings(target) == 0
    await Steps(transfer)(ringing, {customer: {MUSIC}, agent: {RINGBACK}})


async def test_a_lost_answer_and_a_repeat_ring_once(world: World, transfer: Transfer) -> None:
    needs(world, Feature.ANSWER_LOST)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await goes_wrong(transfer, Feature.ANSWER_LOST, ringing)
    await transfer.until_it_rings(target)
    await Steps(transfer)(ringing, {customer: {MUSIC}, agent: {RINGBACK}})
    assert await world.rings(target) == 1


@pytest.mark.parametrize("done", range(6))
async def test_a_request_that_stopped_half_way_is_finished_by_the_next(
    world: World, transfer: Transfer, done: int
) -> None:
    needs(world, Feature.HALF)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: IN_ROOM, agent: ON_HOLD, target: RINGING}
    await goes_wrong(transfer, Feature.HALF, ringing, done)
    await Steps(transfer)(ringing, {customer: {RINGBACK}, agent: {MUSIC}})
    await transfer.until_it_rings(target)
    await world.answer(target)
    together = {customer: {"target"}, target: {"customer"}, agent: set[str]()}
    await expect(world, {customer: {"target"}})
    without_agent = {customer: IN_ROOM, agent: GONE, target: IN_ROOM}
    await goes_wrong(transfer, Feature.HALF, without_agent, done)
    await Steps(transfer)(without_agent, together)
    assert await world.rings(target) == 1
