"""What the cases of every suite about providers have in common: steps, and how they begin and end."""

from collections.abc import Mapping

import pytest

from activities.telephony.model import Placement
from tests.providers.contract import Transfer
from tests.providers.world import MUSIC, Feature, Party, World, eventually, expect

COMPANY = "+14155550100"
"""A number of the company's own."""

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
GONE, SCREENING = Placement.GONE, Placement.SCREENING


def needs(world: World, feature: Feature) -> None:
    """Leave the case out where the world cannot do it."""
    if feature in world.unsupported:
        pytest.skip(f"this provider's world has no {feature}")


class Steps:
    """Makes arrangements, each of them twice: the second time must change nothing."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.world = transfer.world

    async def __call__(
        self, placements: dict[Party, Placement], heard: dict[Party, set[str]], *, keep_room: bool = True
    ) -> None:
        first = await self.transfer.arrange(placements, keep_room=keep_room)
        assert first.stands
        await expect(self.world, heard)
        changes = await self.changes()
        again = await self.transfer.arrange(placements, keep_room=keep_room)
        assert again.stands
        assert await self.changes() == changes
        await expect(self.world, heard)
        owned = (await self.world.provider.owners()).get(self.transfer.owner)
        assert owned is None or owned.mark == again.mark

    async def changes(self) -> int:
        if Feature.COUNT_CHANGES in self.world.unsupported:
            return 0
        return await self.world.changes()


async def second_of_two_answers(world: World, transfer: Transfer) -> tuple[Party, Party]:
    """Ring two targets for the customer, outside of the room, and let the second one answer. Return both."""
    first, second = await transfer.target(name="target"), await transfer.target(name="target2")
    ringing = {transfer.customer: IN_ROOM, transfer.agent: GONE, first: SCREENING, second: SCREENING}
    await transfer.arrange(ringing)
    await transfer.until_it_rings(first)
    await transfer.until_it_rings(second)
    await world.answer(second)
    await transfer.until_answered(second, ringing)
    return first, second


async def nothing_left(world: World) -> None:
    async def empty() -> bool:
        return not await world.leftovers()

    await eventually(world, empty, lambda: "legs or rooms are left")


# Warm, cold and screened, from the beginning to the end.


async def consulting(transfer: Transfer, dial: Mapping[str, object] | None = None) -> tuple[Party, Party, Party]:
    """The customer waits while agent and target talk, who was dialled like this."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await transfer.arrange(ringing, dial=dial or {})
    await transfer.until_it_rings(target)
    await transfer.world.answer(target)
    await transfer.until_answered(target, ringing)
    await expect(transfer.world, {customer: {MUSIC}, agent: {"target"}, target: {"agent"}})
    return customer, agent, target


async def consulting_for_the_company(transfer: Transfer) -> Party:
    """As ``consulting``; the target is shown the company's number. Returns the target."""
    _, _, target = await consulting(transfer, {"caller_id": COMPANY})
    assert await transfer.world.caller_id(target) == COMPANY
    return target
