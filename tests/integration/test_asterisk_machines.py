"""Who listens for a machine that answers, on a real Asterisk, and for how long."""

import pytest

from activities.telephony.model import LegEventKind, Placement
from tests.integration.recordings import no_helpers
from tests.providers.asterisk_world import AsteriskWorld
from tests.providers.contract import Transfer
from tests.providers.listening import listening
from tests.providers.world import ANNOUNCEMENT, Manner, Party, eventually, expect
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE


@pytest.mark.parametrize("talk", ["machine", "hello", "nothing"])
async def test_a_machine_talks_on_and_a_person_stops(world: AsteriskWorld, transfer: Transfer, talk: str) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target(Manner.RING)
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    dial = {"detect_machine": True}
    async with listening(world) as listener:
        await transfer.arrange(screening, dial=dial)
        await _answer_with(world, target, talk)
        await listener.until(target, LegEventKind.ANSWERED)
        for _ in range(2):
            await transfer.arrange(screening, dial=dial)
        await expect(world, {target: {ANNOUNCEMENT}})
        await _begins_to_listen(world)
        if talk == "hello":
            for _ in range(5):
                await world.pause()
            world.phone_of(target).active_call.media.talking = False
        await no_helpers(world)
        machines = [event for event in listener.of(target) if event.kind == LegEventKind.MACHINE]
    assert [event.owner for event in machines] == ([transfer.owner] if talk == "machine" else [])
    # The leg has never left us: a key, and it is let in.
    world.phone_of(target).active_call.media.talking = True
    await transfer.arrange({customer: IN_ROOM, agent: GONE, target: IN_ROOM}, dial=dial)
    await hear_exactly({world.phone_of(customer): {"target1"}, world.phone_of(target): {"customer"}})


async def _answer_with(world: AsteriskWorld, target: Party, talk: str) -> None:
    await world.answer(target)
    world.phone_of(target).active_call.media.talking = talk != "nothing"


async def _begins_to_listen(world: AsteriskWorld) -> None:
    async def listens() -> bool:
        return any(item["name"].startswith("Snoop/") for item in await world.node.channels())

    await eventually(world, listens, lambda: "nobody listens")


async def test_nobody_is_listened_to_in_the_room(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    dial = {"detect_machine": True}
    async with listening(world) as listener:
        await transfer.arrange(screening, dial=dial)
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
        await transfer.arrange(screening, dial=dial)
        await _begins_to_listen(world)
        await transfer.arrange({customer: IN_ROOM, agent: GONE, target: IN_ROOM}, dial=dial)
        await no_helpers(world)
        assert LegEventKind.MACHINE not in [event.kind for event in listener.of(target)]
