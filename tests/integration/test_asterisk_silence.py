"""The customer hears something all the time while a real Asterisk is rearranged: tenths of a second are looked at."""

import asyncio

import pytest

from activities.telephony.model import Phase, Placement
from hookflash import Cause
from tests.providers.asterisk_world import AsteriskWorld
from tests.providers.contract import Transfer
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly

pytestmark = [pytest.mark.asterisk, pytest.mark.calm]

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
GONE = Placement.GONE


async def test_the_customer_is_never_in_silence_in_a_cold_transfer(world: AsteriskWorld, transfer: Transfer) -> None:
    """From leaving the agent to the target's voice, with a phone that takes its time before it rings."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    c, t = world.phone_of(customer), world.phone_of(target)
    t.behaviour = Behaviour.tries()
    await transfer.arrange({customer: IN_ROOM, agent: ON_HOLD, target: RINGING})
    began = asyncio.get_running_loop().time()
    # Only 100 Trying so far: Asterisk by itself would send nothing at all.
    await hear_exactly({c: {"ringback"}})
    call = await t.incoming()
    call.answer()
    await hear_exactly({c: {"target1"}, t: {"customer"}, world.phone_of(agent): {"music"}})
    assert c.longest_silence(began) < 0.3


async def test_who_waits_hears_ringback_when_a_ring_is_given_up_until_the_next_begins(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    customer, agent, first = transfer.customer, transfer.agent, await transfer.target()
    second = await transfer.target(name="second")
    c = world.phone_of(customer)
    ringing = {customer: IN_ROOM, agent: ON_HOLD, first: RINGING}
    await transfer.arrange(ringing)
    await transfer.until_it_rings(first)
    await hear_exactly({c: {"ringback"}})
    began = asyncio.get_running_loop().time()
    observed = await transfer.arrange(ringing, expired=[first])
    assert observed.stands
    assert (observed.legs[2].phase, observed.legs[2].cause) == (Phase.ENDED, Cause.NO_ANSWER)
    await hear_exactly({c: {"ringback"}, world.phone_of(agent): {"music"}})
    await transfer.arrange({customer: IN_ROOM, agent: ON_HOLD, first: GONE, second: RINGING})
    await transfer.until_it_rings(second)
    await hear_exactly({c: {"ringback"}})
    assert c.longest_silence(began) < 0.3
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, first: GONE, second: GONE})
    await hear_exactly({c: {"agent"}, world.phone_of(agent): {"customer"}})
