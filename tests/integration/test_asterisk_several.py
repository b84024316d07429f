"""Several phones that a real Asterisk rings at the same time: what is heard meanwhile, and what they are told."""

import pytest

from activities.telephony.model import LegEventKind, Placement
from tests.integration.recordings import now
from tests.providers.asterisk_world import AsteriskWorld
from tests.providers.contract import Transfer
from tests.providers.listening import listening
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE


async def test_ringback_for_the_last_of_several(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    first, second = await transfer.target(name="first"), await transfer.target(name="second")
    c = world.phone_of(customer)
    ringing = {customer: IN_ROOM, agent: ON_HOLD, first: SCREENING, second: SCREENING}
    async with listening(world) as listener:
        await transfer.arrange(ringing)
        await transfer.until_it_rings(second)
        await hear_exactly({c: {"ringback"}})
        await transfer.until_it_rings(first)
        await world.hang_up(first)
        await listener.until(first, LegEventKind.ENDED)
    without = {customer: IN_ROOM, agent: ON_HOLD, first: GONE, second: SCREENING}
    since = now()
    await transfer.arrange(without)
    await hear_exactly({c: {"ringback"}})
    assert c.longest_silence(since) < 1
    await world.answer(second)
    await transfer.until_answered(second, without)
    await hear_exactly({c: None, world.phone_of(second): {"accept"}})


async def test_who_is_too_late_learns_that_somebody_else_has_answered(world: AsteriskWorld, transfer: Transfer) -> None:
    """RFC 3326: a phone that reads the Reason does not call it a missed call."""
    customer, agent = transfer.customer, transfer.agent
    first, second, third = [await transfer.target(name=name) for name in ("first", "second", "third")]
    screening = {customer: IN_ROOM, agent: GONE, first: SCREENING, second: SCREENING, third: SCREENING}
    await transfer.arrange(screening)
    for party in (first, second, third):
        await transfer.until_it_rings(party)
    await world.answer(second)
    await transfer.until_answered(second, screening)
    let_in = {customer: IN_ROOM, agent: GONE, first: GONE, second: IN_ROOM, third: GONE}
    await transfer.arrange(let_in)
    for party in (first, third):
        call = world.phone_of(party).calls[-1]
        await call.until("cancelled")
        (cancel,) = [request for request in call.received if request.method == "CANCEL"]
        assert any("cause=26" in reason and reason.startswith("Q.850") for reason in cancel.all("Reason"))
    await hear_exactly({world.phone_of(customer): {"target2"}, world.phone_of(second): {"customer"}})


async def test_who_is_given_up_is_not_told_that_somebody_has_answered(world: AsteriskWorld, transfer: Transfer) -> None:
    first, second = await transfer.target(name="first"), await transfer.target(name="second")
    held = {transfer.customer: ON_HOLD, transfer.agent: ON_HOLD}
    await transfer.arrange({**held, first: SCREENING, second: SCREENING})
    await transfer.until_it_rings(first)
    await transfer.until_it_rings(second)
    await transfer.arrange({**held, first: GONE, second: SCREENING})
    call = world.phone_of(first).calls[-1]
    await call.until("cancelled")
    assert not [request for request in call.received if "cause=26" in request.get("Reason")]
