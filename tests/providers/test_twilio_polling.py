"""What the listener finds by looking: everything, however much there is, and nothing that is somebody else's."""

from collections.abc import AsyncIterator

import pytest

from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import LegEventKind, Placement
from activities.telephony.twilio.client import TwilioClient
from activities.telephony.twilio.records import PREFIX, Records
from activities.telephony.twilio.resources import Record
from hookflash import Cause
from tests.providers.contract import Transfer
from tests.providers.listening import listening
from tests.providers.twilio_emulator import Fault
from tests.providers.twilio_world import TwilioWorld, settings, twilio_world
from tests.providers.world import eventually

MANY = 120
"""More than a page of records has."""
IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING


@pytest.fixture
async def world() -> AsyncIterator[TwilioWorld]:
    async with twilio_world() as world:
        yield world
        assert await world.violations() == []


@pytest.fixture
async def records(world: TwilioWorld) -> AsyncIterator[Records]:
    client = TwilioClient(settings(world.emulator, world.hooks))
    yield Records(client)
    await client.close()


async def test_everybody_is_found_on_however_many_pages(world: TwilioWorld, records: Records) -> None:
    calls = [world.emulator.exchange.call_in("+14155550123") for _ in range(MANY)]
    for number, call in enumerate(calls):
        await records.write(call.sid, Record(owner=f"transfer:twilio:x/{number}", call=call.sid), None)
    assert len(await world.provider.owners()) == MANY
    world.emulator.exchange.end(calls[-1], "completed")
    assert len(await world.provider.owners()) == MANY - 1


async def test_documents_of_others_are_left_alone(world: TwilioWorld, records: Records) -> None:
    await records.write("hf-1", Record(owner="transfer:twilio:x/1"), None)
    ours = world.emulator.rest.documents.pop(f"{PREFIX}hf-1")
    ours.name, ours.data = "somebody-else", ["anything"]
    world.emulator.rest.documents[ours.name] = ours
    assert await records.all() == {}
    assert await world.provider.owners() == {}


async def test_why_a_leg_has_ended_by_itself_is_kept_for_who_asks_later(world: TwilioWorld, records: Records) -> None:
    transfer = await Transfer.of_a_new_call(world)
    target = await transfer.target()
    async with listening(world) as listener:
        await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING})
        await listener.until(target, LegEventKind.RINGING)
        world.emulator.exchange.end(world.emulator.exchange.calls[world.sid(target)], "busy")
        assert (await listener.until(target, LegEventKind.ENDED)).cause is Cause.BUSY

        async def kept() -> bool:
            document = await records.read(target.leg)
            return document is not None and document.data.ending is Cause.BUSY

        await eventually(world, kept, lambda: "not kept")


async def test_a_dialling_that_never_arrived_is_told_before_its_time_to_ring_is_over(world: TwilioWorld) -> None:
    transfer = await Transfer.of_a_new_call(world)
    target = await transfer.target()
    async with listening(world) as listener:
        world.emulator.faults.dials = [Fault.CUT]
        await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: ON_HOLD, target: RINGING})
        told = await listener.until(target, LegEventKind.ENDED)
        assert told.cause is Cause.UNREACHABLE
    assert await world.rings(target) == 0


async def test_a_dialling_that_arrived_unheard_is_found_and_not_given_up(world: TwilioWorld, records: Records) -> None:
    transfer = await Transfer.of_a_new_call(world)
    target = await transfer.target()
    async with listening(world) as listener:
        await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: ON_HOLD, target: RINGING})
        await transfer.until_it_rings(target)
        # As if whoever has dialled had died before the answer.
        world.emulator.rest.documents[f"{PREFIX}{target.leg}"].data = {
            "owner": transfer.owner,
            "dialled": True,
            "room": transfer.room,
        }

        async def found() -> bool:
            document = await records.read(target.leg)
            return document is not None and document.data.call == world.sid(target)

        await eventually(world, found, lambda: "not found")
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
        assert await world.rings(target) == 1


async def test_an_account_out_of_reach_ends_the_listening(world: TwilioWorld) -> None:
    stream = world.provider.telephony.events()
    assert await anext(stream) is None
    world.emulator.faults.outage = True
    with pytest.raises(ProviderUnavailable):
        async for _ in stream:
            pass
    world.emulator.faults.outage = False
