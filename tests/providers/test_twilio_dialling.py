"""Nobody is rung twice, whatever becomes of the request that rings them; and nobody rings who is not waited for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.telephony.errors import OutcomeUnknown, Unsupported
from activities.telephony.model import Arrangement, Observation, Phase, Placement
from activities.telephony.twilio import TwilioTelephony
from activities.telephony.twilio.callbacks import CallbackUrls
from hookflash import Cause
from tests.providers.contract import Transfer, seen
from tests.providers.twilio_emulator import Fault
from tests.providers.twilio_world import TwilioWorld, settings, twilio_world
from tests.providers.world import MUSIC, RINGBACK, Party, eventually, expect

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING = Placement.SCREENING

A_WHILE = 30
"""Pauses in which a second ring would have been heard."""


@pytest.fixture
async def world() -> AsyncIterator[TwilioWorld]:
    async with twilio_world() as world:
        yield world
        assert await world.violations() == []


@pytest.fixture
async def transfer(world: TwilioWorld) -> Transfer:
    return await Transfer.of_a_new_call(world)


@pytest.fixture
async def target(transfer: Transfer) -> Party:
    return await transfer.target()


def ringing(transfer: Transfer, target: Party) -> dict[Party, Placement]:
    return {transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING}


async def until_it_stands(transfer: Transfer, target: Party) -> Observation:
    """Arrange again and again as a workflow does, for as long as it goes wrong."""
    while True:
        try:
            return await transfer.arrange(ringing(transfer, target))
        except OutcomeUnknown:
            await transfer.world.pause()


async def rings_once(world: TwilioWorld, transfer: Transfer, target: Party) -> None:
    await transfer.until_it_rings(target)
    await until_it_stands(transfer, target)
    await world.answer(target)
    await expect(world, {transfer.customer: {MUSIC}, transfer.agent: {"target"}, target: {"agent"}})
    for _ in range(A_WHILE):
        assert await world.rings(target) == 1
        await world.pause()


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.SLOW, Fault.TOO_MANY])
async def test_a_dialling_that_goes_wrong_rings_once(
    world: TwilioWorld, transfer: Transfer, target: Party, fault: Fault
) -> None:
    world.emulator.faults.dials.append(fault)
    await until_it_stands(transfer, target)
    await rings_once(world, transfer, target)


async def test_too_many_requests_are_told_with_when_to_try_again(
    world: TwilioWorld, transfer: Transfer, target: Party
) -> None:
    world.emulator.faults.dials.append(Fault.TOO_MANY)
    with pytest.raises(OutcomeUnknown) as raised:  # the customer was put on hold before
        await transfer.arrange(ringing(transfer, target))
    assert raised.value.retry_after == timedelta(seconds=3)


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.CUT])
async def test_a_dialling_that_was_perhaps_not_executed_is_given_up_and_never_repeated(
    world: TwilioWorld, transfer: Transfer, target: Party, fault: Fault
) -> None:
    world.emulator.faults.dials.append(fault)
    observed = await until_it_stands(transfer, target)
    assert seen(observed, target).phase is Phase.DIALLING

    async def given_up() -> bool:
        return seen(await until_it_stands(transfer, target), target).phase is Phase.ENDED

    await eventually(world, given_up, lambda: "still waited for")
    assert seen(await until_it_stands(transfer, target), target).cause is Cause.UNREACHABLE
    assert await world.rings(target) == 0


@pytest.mark.parametrize("placement", [RINGING, SCREENING])
async def test_several_workers_at_once_ring_once(
    world: TwilioWorld, transfer: Transfer, target: Party, placement: Placement
) -> None:
    urls = CallbackUrls(world.hooks.base_url, "twilio", b"k" * 32)
    workers = [TwilioTelephony(settings(world.emulator, world.hooks), urls) for _ in range(4)]
    wanted = transfer.wanted({**ringing(transfer, target), target: placement})
    try:
        await asyncio.gather(*(_although(worker, wanted) for worker in workers))
    finally:
        await asyncio.gather(*(worker.close() for worker in workers))
    await transfer.until_it_rings(target)
    assert len(world.emulator.calls_to(target.address.removeprefix("tel:"))) == 1
    await expect(world, {transfer.customer: {MUSIC}, transfer.agent: {RINGBACK}})


async def _although(worker: TwilioTelephony, wanted: Arrangement) -> None:
    """Arrange, until it is not in the way of somebody else any more."""
    while True:
        try:
            await worker.arrange(wanted)
        except OutcomeUnknown:
            await asyncio.sleep(0.05)
        else:
            return


async def test_an_account_that_is_far_away_is_slow_and_rings_once(
    world: TwilioWorld, transfer: Transfer, target: Party
) -> None:
    world.emulator.faults.latency = 0.25
    await until_it_stands(transfer, target)
    world.emulator.faults.latency = 0.0
    await rings_once(world, transfer, target)


async def test_who_would_be_rung_too_late_is_not_rung_at_all(
    world: TwilioWorld, transfer: Transfer, target: Party
) -> None:
    world.emulator.exchange.dial_interval = 60.0
    second = await transfer.target(name="target2")
    await transfer.arrange(ringing(transfer, target))
    observed = await transfer.arrange({**ringing(transfer, target), second: RINGING})
    ended = seen(observed, second)
    assert (ended.phase, ended.cause) == (Phase.ENDED, Cause.UNREACHABLE)
    assert "queued" in ended.evidence.text
    assert [call.status for call in world.emulator.calls_to(second.address.removeprefix("tel:"))] == ["canceled"]


async def test_a_number_that_cannot_be_shown_ends_the_leg(
    world: TwilioWorld, transfer: Transfer, target: Party
) -> None:
    observed = await transfer.arrange(ringing(transfer, target), dial={"caller_id": "anonymous"})
    assert seen(observed, target).cause is Cause.CALLER_ID_REFUSED
    assert await world.rings(target) == 0


@pytest.mark.parametrize(
    "address",
    [
        "tel:4155550100",
        "tel:+1415555010a",
        "tel:+1415,,123#",
        "sip:bob@pbx?X=1",
        "sip:bob@pbx;maddr=a",
        "sim:bob",
    ],
)
async def test_what_is_no_address_of_twilio_is_not_rung(
    world: TwilioWorld, transfer: Transfer, target: Party, address: str
) -> None:
    before = await world.changes()
    observed = await transfer.arrange(ringing(transfer, replace(target, address=address)))
    assert seen(observed, target).cause is Cause.INVALID_DESTINATION
    posted = [it.path for it in world.emulator.exchanged if it.method == "POST"]
    assert not [path for path in posted if path.endswith("/Participants.json")]
    assert await world.changes() > before  # everybody else is where they must be


async def test_a_call_that_was_rung_by_dial_number_is_not_torn_out(world: TwilioWorld, transfer: Transfer) -> None:
    calls = world.emulator.exchange.calls
    calls[transfer.agent.leg].parent = transfer.customer.leg
    before = await world.changes()
    with pytest.raises(Unsupported, match="<Conference>"):
        await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    assert await world.changes() == before
