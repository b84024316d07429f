"""What somebody hears who is released on a real Asterisk: all of it, nothing else, and also when we are dead."""

import pytest

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import Announcement, Placement
from tests.integration.recordings import AT_ONCE, LONG, MISSING, SHORT, nobody_of_us, now, times_heard
from tests.providers.asterisk_world import AsteriskWorld
from tests.providers.contract import Transfer
from tests.providers.world import Feature, eventually
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone
from tests.support.json_log import json_log

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE


def only_notice(phone: Phone, since: float) -> None:
    """Check that from the first moment of the short recording on, nothing else was heard."""
    began = phone.calls[-1].media.first_heard("notice", since)
    assert began is not None, "it was never heard"
    assert phone.calls[-1].media.ever_heard(began, now()) == {"notice"}


@pytest.mark.parametrize("before", [IN_ROOM, ON_HOLD])
async def test_asterisk_says_farewell_when_we_are_dead(
    world: AsteriskWorld, transfer: Transfer, before: Placement
) -> None:
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    await transfer.arrange({customer: before, agent: IN_ROOM})
    await hear_exactly({c: {"agent"} if before is IN_ROOM else {"music"}})
    since = now()
    assert (await transfer.arrange({customer: GONE, agent: IN_ROOM}, farewells={customer: LONG})).stands
    await nobody_of_us(world)
    await hear_exactly({c: {"accept"}, a: None})
    world.proxy.listens = True
    # A longer one is ended as every call is, by who hears it.
    await world.hang_up(customer)
    assert "accept" not in a.ever_heard(since)


async def test_a_farewell_ends_the_call_by_itself(world: AsteriskWorld, transfer: Transfer) -> None:
    """Also that of somebody who waited, with a time-out and a ringback that must not follow."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    c, a = world.phone_of(customer), world.phone_of(agent)
    await hear_exactly({c: {"music"}, a: {"ringback"}})
    since = now()
    over = {customer: GONE, agent: GONE, target: GONE}
    await transfer.arrange(over, farewells={customer: SHORT, agent: SHORT, target: SHORT}, keep_room=False)
    await nobody_of_us(world)
    for phone in (c, a):
        call = phone.calls[-1]
        await call.until("ended")
        assert call.ended_by == "there"
        only_notice(phone, since)
    assert await world.leftovers() == []


async def test_a_consultation_ends_with_a_farewell_before_the_customer_comes(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    consulting = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await transfer.arrange(consulting)
    await transfer.until_it_rings(target)
    await world.answer(target)
    await transfer.until_answered(target, consulting)
    t = world.phone_of(target)
    await hear_exactly({t: {"agent"}})
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: GONE}, farewells={target: LONG})
    await hear_exactly({t: {"accept"}, world.phone_of(customer): {"agent"}, world.phone_of(agent): {"customer"}})
    assert "customer" not in t.ever_heard()


async def test_a_farewell_takes_the_place_of_the_prompt_and_of_a_whisper(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    screening = {customer: IN_ROOM, agent: IN_ROOM, target: SCREENING}
    await transfer.arrange(screening, announcements={customer: Announcement(media=LONG)})
    await world.answer(target)
    await transfer.until_answered(target, screening)
    await hear_exactly({world.phone_of(target): {"accept"}, world.phone_of(customer): {"agent", "accept"}})
    began = now()
    farewells = {customer: SHORT, target: SHORT}
    await transfer.arrange({customer: GONE, agent: IN_ROOM, target: GONE}, farewells=farewells)
    for party in (customer, target):
        await world.phone_of(party).calls[-1].until("ended")
        only_notice(world.phone_of(party), began)


async def test_a_farewell_that_is_missing_is_in_the_log(
    world: AsteriskWorld, transfer: Transfer, caplog: pytest.LogCaptureFixture
) -> None:
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
    await transfer.arrange({transfer.customer: GONE, transfer.agent: IN_ROOM}, farewells={transfer.customer: MISSING})

    async def logged() -> bool:
        return any(record.getMessage().startswith(f"recording {MISSING} could not be") for record in caplog.records)

    await eventually(world, logged, lambda: f"logged: {caplog.messages}")


async def test_what_is_done_to_a_leg_and_heard_of_it_names_it_in_the_log(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    customer, agent = transfer.customer, transfer.agent
    with json_log() as log:
        await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
        await transfer.arrange({customer: GONE, agent: IN_ROOM}, farewells={customer: MISSING})

        async def logged() -> bool:
            return bool(log.lines("could not be played"))

        await eventually(world, logged, lambda: f"logged: {log.lines()}")
    assert {it["leg"] for it in log.lines("Farewell") + log.lines("could not be played")} == {customer.leg}
    assert {it["leg"] for it in log.lines("Move")} == {customer.leg, agent.leg}
    assert not any("leg" in it for it in log.lines("Room"))
    assert log.lines("Room")


@pytest.mark.parametrize("name", [MISSING, "x", "no/such", "Playback,&x", "ä" * 90])
async def test_without_a_recording_the_call_just_ends(world: AsteriskWorld, transfer: Transfer, name: str) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: GONE, agent: IN_ROOM}, farewells={customer: name})
    assert await world.phone_of(customer).calls[-1].until("ended", within=AT_ONCE)


@pytest.mark.parametrize("steps", range(3))
async def test_a_farewell_that_stopped_half_way(world: AsteriskWorld, transfer: Transfer, steps: int) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    over = {customer: GONE, agent: IN_ROOM}
    since = now()
    world.go_wrong(Feature.HALF, steps)
    with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
        await transfer.arrange(over, farewells={customer: SHORT})
    for _ in range(2):
        assert (await transfer.arrange(over, farewells={customer: SHORT})).stands
    await world.phone_of(customer).calls[-1].until("ended")
    assert times_heard(world.phone_of(customer), since) == 1
