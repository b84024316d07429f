"""What every provider promises of the numbers that phones show: when they are rung, and once they are connected."""

from collections.abc import Mapping

import pytest

from activities.telephony.model import Observation, Placement
from tests.providers.contract import Transfer
from tests.providers.steps import COMPANY, Steps, consulting_for_the_company, needs
from tests.providers.world import MUSIC, Feature, Party, World, eventually, expect

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE

A_WHILE = 10
"""Pauses in which what must not be shown would have been shown."""


@pytest.fixture(autouse=True)
def _shows_numbers(world: World) -> None:
    needs(world, Feature.CALLER_ID)


async def test_the_target_is_shown_the_customer_once_they_are_connected(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    target = await consulting_for_the_company(transfer)
    together = {customer: IN_ROOM, agent: GONE, target: IN_ROOM}
    assert (await connect(transfer, together, {target: customer})).stands
    await until_shown_the_customer(world, target)
    await expect(world, {customer: {"target"}, target: {"customer"}, agent: set()})
    changes = await Steps(transfer).changes()
    assert (await connect(transfer, together, {target: customer})).stands
    assert await Steps(transfer).changes() == changes
    await expect(world, {customer: {"target"}, target: {"customer"}})


@pytest.mark.parametrize("screened", [True, False])
async def test_the_number_stays_unknown_as_long_as_nobody_asks(
    world: World, transfer: Transfer, screened: bool
) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: IN_ROOM, agent: GONE, target: SCREENING if screened else RINGING}
    await transfer.arrange(ringing, dial={"caller_id": COMPANY})
    await transfer.until_it_rings(target)
    assert await world.caller_id(target) == COMPANY
    await world.answer(target)
    await transfer.until_answered(target, ringing)
    together = {customer: IN_ROOM, agent: GONE, target: IN_ROOM}
    await Steps(transfer)(together, {customer: {"target"}, target: {"customer"}})
    for _ in range(A_WHILE):
        assert await world.caller_id(target) == COMPANY
        await world.pause()
    assert (await connect(transfer, together, {target: customer})).stands
    await until_shown_the_customer(world, target)


async def test_who_is_not_known_is_not_shown(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    target = await consulting_for_the_company(transfer)
    held = {customer: ON_HOLD, agent: IN_ROOM, target: IN_ROOM}
    assert (await connect(transfer, held, {target: Party("nobody", world.unknown_leg)})).stands
    for _ in range(A_WHILE):
        assert await world.caller_id(target) == COMPANY
        await world.pause()
    await expect(world, {customer: {MUSIC}, target: {"agent"}, agent: {"target"}})


async def test_the_agent_is_shown_whom_it_talks_to(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    target = await consulting_for_the_company(transfer)
    private = {customer: ON_HOLD, agent: IN_ROOM, target: IN_ROOM}
    swapped = {customer: IN_ROOM, agent: IN_ROOM, target: ON_HOLD}
    shown: list[str] = []
    for placements, partner in ((private, target), (swapped, customer)) * 2:
        before = await world.caller_id(agent)
        assert (await connect(transfer, placements, {agent: partner})).stands
        await until_shown_another(world, agent, before)
        shown.append(await world.caller_id(agent))
        changes = await Steps(transfer).changes()
        assert (await connect(transfer, placements, {agent: partner})).stands
        assert await Steps(transfer).changes() == changes
    assert shown[0] != shown[1]
    assert shown[:2] == shown[2:]
    assert await world.caller_id(target) == COMPANY
    await expect(world, {customer: {"agent"}, agent: {"customer"}, target: {MUSIC}})


async def connect(
    transfer: Transfer, placements: Mapping[Party, Placement], shows: Mapping[Party, Party]
) -> Observation:
    """Make an arrangement in which phones show somebody from now on."""
    wanted = transfer.wanted(placements)
    partners = {party.leg: partner.leg for party, partner in shows.items()}
    legs = tuple(leg.model_copy(update={"shows": partners.get(leg.leg, "")}) for leg in wanted.legs)
    return await transfer.world.provider.arrange(wanted.model_copy(update={"legs": legs}))


async def until_shown_the_customer(world: World, party: Party) -> None:
    """Wait until a phone shows a number, and not the company's. Which one it is, a provider's own tests say."""

    async def shown() -> bool:
        return await world.caller_id(party) not in ("", COMPANY)

    await eventually(world, shown, lambda: f"{party.name} is not shown the customer")


async def until_shown_another(world: World, party: Party, before: str) -> None:
    """Wait until a phone shows another number than before."""

    async def another() -> bool:
        return await world.caller_id(party) not in ("", before)

    await eventually(world, another, lambda: f"{party.name} still shows {before}")
