"""What one look at a whole node tells of an arrangement: that it still stands, and how far its legs have come.

That it says so of every arrangement that stands is seen by all cases of the suite, see ``Steps``.
"""

from dataclasses import replace
from uuid import uuid4

import pytest

from activities.telephony.model import Announcement, OwnedLegs, Phase, Placement
from tests.providers.contract import Transfer
from tests.providers.steps import needs
from tests.providers.world import Feature, World, eventually

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING


async def looked_at(transfer: Transfer) -> OwnedLegs:
    """Return what a look at the whole node shows of a transfer's legs."""
    return (await transfer.world.provider.owners())[transfer.owner]


async def test_how_far_each_leg_has_come_is_told(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    up = {customer.leg: Phase.ANSWERED, agent.leg: Phase.ANSWERED}

    async def shows(phase: Phase) -> bool:
        return (await looked_at(transfer)).phases == up | {target.leg: phase}

    await eventually(world, lambda: shows(Phase.RINGING), lambda: "the target is not seen to ring")
    await world.answer(target)
    await eventually(world, lambda: shows(Phase.ANSWERED), lambda: "the target is not seen to be up")
    await world.hang_up(target)

    async def gone() -> bool:
        return (await looked_at(transfer)).phases == up

    await eventually(world, gone, lambda: "the target is still seen")


async def test_a_mark_stays_while_a_leg_rings_and_is_answered(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    observed = await transfer.arrange({customer: IN_ROOM, agent: ON_HOLD, target: RINGING})
    assert (await looked_at(transfer)).mark == observed.mark
    await transfer.until_it_rings(target)
    await world.answer(target)

    async def up() -> bool:
        return (await looked_at(transfer)).phases[target.leg] is Phase.ANSWERED

    await eventually(world, up, lambda: "the target is not seen to be up")
    assert (await looked_at(transfer)).mark == observed.mark


@pytest.mark.parametrize("who", ["customer", "agent"])
async def test_a_mark_changes_when_somebody_has_left(world: World, transfer: Transfer, who: str) -> None:
    needs(world, Feature.MARKS)
    observed = await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
    assert (await looked_at(transfer)).mark == observed.mark != ""
    await world.hang_up(getattr(transfer, who))

    async def changed() -> bool:
        return (await looked_at(transfer)).mark != observed.mark

    await eventually(world, changed, lambda: f"the mark is the same without the {who}")


async def test_every_arrangement_has_a_mark_of_its_own_and_always_the_same(world: World, transfer: Transfer) -> None:
    needs(world, Feature.MARKS)
    together = {transfer.customer: IN_ROOM, transfer.agent: IN_ROOM}
    apart = {transfer.customer: ON_HOLD, transfer.agent: IN_ROOM}
    first, second, third, fourth = [(await transfer.arrange(it)).mark for it in (apart, together) * 2]
    assert (first, second) == (third, fourth)
    assert first != second


async def test_what_is_announced_changes_the_mark(world: World, transfer: Transfer) -> None:
    needs(world, Feature.MARKS)
    together = {transfer.customer: IN_ROOM, transfer.agent: IN_ROOM}
    before = await transfer.arrange(together)
    told = {transfer.agent: Announcement(media=world.recording)}
    after = await transfer.arrange(together, announcements=told)
    assert (await looked_at(transfer)).mark == after.mark != before.mark


async def test_somebody_who_ends_up_elsewhere_changes_the_mark(world: World, transfer: Transfer) -> None:
    """Whoever moves them: here it is another owner, who leaves them to the first one afterwards."""
    needs(world, Feature.MARKS)
    together = {transfer.customer: IN_ROOM, transfer.agent: IN_ROOM}
    observed = await transfer.arrange(together)
    elsewhere = replace(transfer, room=f"room-{uuid4().hex}")
    moved = await elsewhere.arrange(together)
    assert (await looked_at(transfer)).mark == moved.mark != observed.mark


async def test_an_arrangement_that_does_not_stand_has_no_mark(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    await world.hang_up(agent)

    async def falls() -> bool:
        observed = await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
        assert not observed.mark or observed.stands
        return not observed.stands

    await eventually(world, falls, lambda: "nobody has noticed that the agent left")
