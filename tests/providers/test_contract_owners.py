"""What every provider promises of ``events`` and ``owners``: who is told what, and whose legs are whose."""

from dataclasses import replace
from uuid import uuid4

from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import LegEventKind, Phase, Placement
from hookflash import Cause
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.providers.steps import Steps, nothing_left
from tests.providers.world import MUSIC, RINGBACK, Feature, World, eventually, expect

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
GONE = Placement.GONE


async def test_events_of_a_leg_come_in_order(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    async with listening(world) as listener:
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
        await listener.until(target, LegEventKind.RINGING)
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
        await world.hang_up(target)
        ended = await listener.until(target, LegEventKind.ENDED)
    kinds = [event.kind for event in listener.of(target)]
    assert kinds == [LegEventKind.RINGING, LegEventKind.ANSWERED, LegEventKind.ENDED]
    assert ended.cause == Cause.HUNG_UP
    assert {event.owner for event in listener.of(target)} == {transfer.owner}


async def test_who_hangs_up_is_reported(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    async with listening(world) as listener:
        await world.hang_up(customer)
        ended = await listener.until(customer, LegEventKind.ENDED)
        assert ended.cause == Cause.HUNG_UP
        assert ended.owner == transfer.owner
    assert listener.of(agent) == []


async def test_legs_without_an_owner_are_not_reported(world: World, transfer: Transfer) -> None:
    async with listening(world) as listener:
        await world.hang_up(transfer.customer)
        await expect(world, {transfer.customer: set()})
        await world.pause()
        assert listener.events == []


async def test_a_new_owner_hears_of_the_former_one(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    together = {customer: IN_ROOM, agent: IN_ROOM}
    first = await transfer.arrange(together)
    assert {leg.former_owner for leg in first.legs} == {""}
    former, transfer.owner = transfer.owner, "connected:test"
    second = await transfer.arrange(together)
    assert {leg.former_owner for leg in second.legs} == {former}
    # It stays: an answer that was lost, and with it the news of who has to be told, is made up for by the next look.
    assert {leg.former_owner for leg in (await transfer.arrange(together)).legs} == {former}
    async with listening(world) as listener:
        await world.hang_up(agent)
        assert (await listener.until(agent, LegEventKind.ENDED)).owner == "connected:test"


async def test_legs_of_somebody_else_are_not_touched(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    changes = await Steps(transfer).changes()
    other = replace(transfer, owner="transfer:other/run", room=f"room-{uuid4().hex}")
    wanted = other.wanted({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    fenced = wanted.model_copy(update={"take_from": ("connected:", "transfer:other/")})
    observed = await world.provider.arrange(fenced)
    assert (observed.stands, observed.refused) == (False, True)
    assert [leg.owner for leg in observed.legs] == [transfer.owner, transfer.owner, ""]
    assert await world.rings(target) == 0
    assert await Steps(transfer).changes() == changes
    await expect(world, {customer: {"agent"}, agent: {"customer"}})
    allowed = await world.provider.arrange(wanted.model_copy(update={"take_from": (transfer.owner,)}))
    assert (allowed.stands, allowed.refused) == (True, False)
    assert [seen(allowed, party).former_owner for party in (customer, agent)] == [transfer.owner] * 2
    await expect(world, {customer: {MUSIC}, agent: {RINGBACK}})


async def test_who_is_released_from_a_former_owner_is_told_to_the_new_one(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    other = replace(transfer, owner="transfer:other/run", room=f"room-{uuid4().hex}")
    async with listening(world) as listener:
        answer = await other.arrange({customer: IN_ROOM, agent: GONE, target: RINGING})
        if Feature.UNTOLD_RELEASES in world.unsupported:
            assert (await listener.until(agent, LegEventKind.ENDED)).owner == other.owner
        await world.hang_up(customer)
        await listener.until(customer, LegEventKind.ENDED)
    assert (seen(answer, agent).phase, seen(answer, agent).cause) == (Phase.ENDED, Cause.RELEASED)
    told = {other.owner} if Feature.UNTOLD_RELEASES in world.unsupported else set[str]()
    assert {event.owner for event in listener.of(agent)} == told


async def test_owners_are_those_of_live_legs(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    assert transfer.owner not in await world.provider.owners()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    up = {customer.leg: Phase.ANSWERED, agent.leg: Phase.ANSWERED}
    assert (await world.provider.owners())[transfer.owner].phases == up
    await transfer.arrange({customer: ON_HOLD, agent: GONE})
    assert transfer.owner in await world.provider.owners()
    await transfer.arrange({customer: GONE, agent: GONE}, keep_room=False)

    async def disowned() -> bool:
        return transfer.owner not in await world.provider.owners()

    await eventually(world, disowned, lambda: "still owns a leg")
    await nothing_left(world)


async def test_a_new_listener_takes_the_place_of_the_old(world: World, transfer: Transfer) -> None:
    old = world.provider.events()
    assert await anext(old) is None
    new = world.provider.events()
    assert await anext(new) is None

    async def lost() -> bool:
        try:
            await anext(old)
        except ProviderUnavailable:
            return True
        return False

    await eventually(world, lost, lambda: "two listen")
