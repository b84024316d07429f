"""What every provider promises of a phone's own transfer key, and of targets that are there already."""

from activities.telephony.model import Arrangement, Phase, Placement, Report, TransferAsked
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.providers.steps import needs
from tests.providers.test_contract import Steps
from tests.providers.world import Feature, Party, World, eventually, expect

IN_ROOM, ON_HOLD, RINGING, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING, Placement.GONE


def with_key(wanted: Arrangement, agent: Party, report: Report | None = None) -> Arrangement:
    """Return an arrangement in which the agent's phone has its key, and is told something."""
    legs = tuple(
        leg.model_copy(update={"transfers_for": "acme", "report": report}) if leg.leg == agent.leg else leg
        for leg in wanted.legs
    )
    return wanted.model_copy(update={"legs": legs})


async def until_told(world: World, party: Party, *reports: Report) -> None:
    async def so() -> bool:
        return await world.told(party) == list(reports)

    await eventually(world, so, lambda: f"not told {reports}")


async def pressed(world: World, transfer: Transfer) -> TransferAsked:
    """Give the agent's phone its key, let it be pressed, and return what was heard of it."""
    together = {transfer.customer: IN_ROOM, transfer.agent: IN_ROOM}
    async with listening(world) as listener:
        await world.provider.arrange(with_key(transfer.wanted(together), transfer.agent))
        await world.ask_transfer(transfer.agent, "bob")

        async def heard() -> bool:
            return bool(listener.asked)

        await eventually(world, heard, lambda: "nobody heard of the key")
        (asked,) = listener.asked
        return asked


async def test_the_key_says_who_asks_for_whom_and_nothing_is_done(world: World, transfer: Transfer) -> None:
    needs(world, Feature.TRANSFER_KEY)
    asked = await pressed(world, transfer)
    assert (asked.leg, asked.customer, asked.owner) == (transfer.agent.leg, transfer.customer.leg, transfer.owner)
    assert (asked.tenant, asked.destination, asked.consults, asked.again) == ("acme", "bob", False, False)
    assert asked.address.endswith(":bob")
    assert await world.told(transfer.agent) == []
    await expect(world, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})


async def test_a_phone_is_told_how_it_goes_and_then_released(world: World, transfer: Transfer) -> None:
    needs(world, Feature.TRANSFER_KEY)
    customer, agent = transfer.customer, transfer.agent
    target = await transfer.target()
    await pressed(world, transfer)
    ringing = {customer: IN_ROOM, agent: ON_HOLD, target: RINGING}
    for _ in range(2):
        await world.provider.arrange(with_key(transfer.wanted(ringing), agent, Report.PROGRESS))
    await until_told(world, agent, Report.PROGRESS)
    await transfer.until_it_rings(target)
    await world.answer(target)
    await expect(world, {customer: {"target"}, target: {"customer"}})
    transfer.known[target.leg] = Phase.ANSWERED
    connected = {customer: IN_ROOM, agent: GONE, target: IN_ROOM}
    assert (await world.provider.arrange(with_key(transfer.wanted(connected), agent, Report.ANSWERED))).stands
    await until_told(world, agent, Report.PROGRESS, Report.ANSWERED)
    await expect(world, {customer: {"target"}, target: {"customer"}, agent: set()})


async def test_a_phone_is_told_that_nothing_comes_of_it(world: World, transfer: Transfer) -> None:
    needs(world, Feature.TRANSFER_KEY)
    await pressed(world, transfer)
    await world.provider.decline(transfer.agent.leg)
    await world.provider.decline(transfer.agent.leg)

    async def so() -> bool:
        return (await world.told(transfer.agent))[-1:] == [Report.DECLINED]

    await eventually(world, so, lambda: "not told")
    await world.provider.decline(world.unknown_leg)
    await expect(world, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})


async def test_who_has_not_asked_is_told_nothing(world: World, transfer: Transfer) -> None:
    needs(world, Feature.TRANSFER_KEY)
    together = {transfer.customer: IN_ROOM, transfer.agent: IN_ROOM}
    wanted = with_key(transfer.wanted(together), transfer.agent, Report.DECLINED)
    assert (await world.provider.arrange(wanted)).stands
    await Steps(transfer)(together, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})
    assert await world.told(transfer.agent) == []


async def test_a_target_that_is_there_is_joined_and_not_rung(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    target = await transfer.target()
    other = Transfer(world, customer, agent)
    await other.arrange({target: RINGING})
    await other.until_it_rings(target)
    await world.answer(target)
    await other.until_answered(target, {target: RINGING})
    there = Party(target.name, target.leg)
    ringing = {customer: IN_ROOM, agent: ON_HOLD, there: RINGING}
    assert seen(await transfer.arrange(ringing), there).phase is Phase.ANSWERED
    await expect(world, {customer: {"target"}, there: {"customer"}})
    await Steps(transfer)({customer: IN_ROOM, agent: GONE, there: IN_ROOM}, {customer: {"target"}, agent: set()})
    assert await world.rings(target) == 1
