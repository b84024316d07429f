"""What every provider promises of recordings that run on legs: paused and resumed, and never lost on the way."""

import uuid
from collections.abc import Mapping

import pytest

from activities.telephony.model import LegRecording, Observation, Placement, RecordingTrouble
from tests.providers.contract import Transfer
from tests.providers.steps import Steps, needs
from tests.providers.world import MUSIC, Feature, Party, World, eventually, expect

IN_ROOM, ON_HOLD, HANDED_OFF, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.HANDED_OFF, Placement.GONE


@pytest.fixture(autouse=True)
def _records(world: World) -> None:
    needs(world, Feature.RECORDINGS)


@pytest.fixture
def name() -> str:
    """Give the recording of a test a name of its own: its file stays."""
    return f"call-{uuid.uuid4().hex}"


async def test_a_recording_is_paused_and_resumed_with_its_leg(world: World, transfer: Transfer, name: str) -> None:
    customer, agent = transfer.customer, transfer.agent
    held, together = {customer: ON_HOLD, agent: ON_HOLD}, {customer: IN_ROOM, agent: IN_ROOM}
    await world.record(customer, name)
    await until(world, name, "recording")
    for placements, paused in ((held, True), (together, False)) * 2:
        assert (await arrange(transfer, name, placements, paused=paused)).stands
        await until(world, name, "paused" if paused else "recording")
        changes = await Steps(transfer).changes()
        assert (await arrange(transfer, name, placements, paused=paused)).stands
        assert await Steps(transfer).changes() == changes
    await expect(world, {customer: {"agent"}, agent: {"customer"}})


async def test_what_somebody_else_has_paused_is_not_resumed(world: World, transfer: Transfer, name: str) -> None:
    customer, agent = transfer.customer, transfer.agent
    await world.record(customer, name)
    await until(world, name, "recording")
    await world.pause_recording(name)
    await until(world, name, "paused")
    for placement, paused in ((ON_HOLD, True), (IN_ROOM, False)):
        assert (await arrange(transfer, name, {customer: placement, agent: placement}, paused=paused)).stands
    assert await world.recording_state(name) == "paused"


async def test_nobody_takes_a_recording_that_somebody_else_has_paused_for_unchanged(
    world: World, transfer: Transfer, name: str
) -> None:
    """A provider whose look at the whole node shows no recordings has every transfer with one look for itself."""
    customer, agent = transfer.customer, transfer.agent
    await world.record(customer, name)
    await until(world, name, "recording")
    observed = await arrange(transfer, name, {customer: IN_ROOM, agent: IN_ROOM}, paused=False)
    await world.pause_recording(name)
    await until(world, name, "paused")
    assert observed.stands
    looked_at = (await world.provider.owners())[transfer.owner]
    assert not observed.mark or looked_at.mark != observed.mark


async def test_a_recording_goes_on_where_its_leg_is_handed_off(world: World, transfer: Transfer, name: str) -> None:
    customer, agent = transfer.customer, transfer.agent
    await world.record(customer, name)
    await until(world, name, "recording")
    await arrange(transfer, name, {customer: ON_HOLD, agent: GONE}, paused=True)
    await until(world, name, "paused")
    assert (await arrange(transfer, name, {customer: HANDED_OFF, agent: GONE}, paused=False)).stands
    await until(world, name, "recording")
    await world.hang_up(customer)


@pytest.mark.parametrize("paused", [True, False])
async def test_a_recording_that_does_not_exist_is_left_alone(
    world: World, transfer: Transfer, name: str, paused: bool
) -> None:
    together = {transfer.customer: IN_ROOM, transfer.agent: IN_ROOM}
    observed = await arrange(transfer, name, together, paused=paused)
    assert observed.stands
    assert [seen.recording for seen in observed.legs] == [RecordingTrouble.MISSING, None]
    await expect(world, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})


async def test_a_recording_that_is_there_is_no_trouble(world: World, transfer: Transfer, name: str) -> None:
    customer, agent = transfer.customer, transfer.agent
    await world.record(customer, name)
    await until(world, name, "recording")
    for placement, paused in ((ON_HOLD, True), (IN_ROOM, False)):
        observed = await arrange(transfer, name, {customer: placement, agent: placement}, paused=paused)
        assert [seen.recording for seen in observed.legs] == [None, None]


async def test_a_recording_that_cannot_be_paused_keeps_nobody_waiting_and_is_told(
    world: World, transfer: Transfer, name: str
) -> None:
    customer, agent = transfer.customer, transfer.agent
    held, together = {customer: ON_HOLD, agent: IN_ROOM}, {customer: IN_ROOM, agent: IN_ROOM}
    await world.record(customer, name)
    await until(world, name, "recording")
    world.let_recordings_fail(fail=True)
    observed = await arrange(transfer, name, held, paused=True)
    assert observed.stands
    assert [seen.recording for seen in observed.legs] == [RecordingTrouble.NOT_PAUSED, None]
    await expect(world, {customer: {MUSIC}})
    world.let_recordings_fail(fail=False)
    # Every arrangement tries again.
    observed = await arrange(transfer, name, held, paused=True)
    assert (observed.legs[0].recording, await world.recording_state(name)) == (None, "paused")
    world.let_recordings_fail(fail=True)
    observed = await arrange(transfer, name, together, paused=False)
    assert observed.stands
    assert [seen.recording for seen in observed.legs] == [RecordingTrouble.NOT_RESUMED, None]
    await expect(world, {customer: {"agent"}, agent: {"customer"}})
    world.let_recordings_fail(fail=False)
    observed = await arrange(transfer, name, together, paused=False)
    assert (observed.legs[0].recording, await world.recording_state(name)) == (None, "recording")


async def arrange(transfer: Transfer, name: str, placements: Mapping[Party, Placement], *, paused: bool) -> Observation:
    """Make an arrangement in which the customer's recording is paused, or runs."""
    wanted = transfer.wanted(placements)
    recording = LegRecording(name=name, paused=paused)
    customer, *others = wanted.legs
    legs = (customer.model_copy(update={"recording": recording}), *others)
    return await transfer.world.provider.arrange(wanted.model_copy(update={"legs": legs}))


async def until(world: World, name: str, state: str) -> None:
    """Wait until the recording is in a state."""

    async def there() -> bool:
        return await world.recording_state(name) == state

    await eventually(world, there, lambda: f"the recording is not {state}")
