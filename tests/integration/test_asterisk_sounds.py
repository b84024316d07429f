"""What the Asterisk provider plays to whom, on a real Asterisk: exactly what is heard, and what is left when we stop.

What every provider promises of sounds is in ``tests/providers/test_contract_sounds.py``.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import Announcement, LegEventKind, Placement
from tests.providers.asterisk_world import AsteriskWorld, asterisk_world
from tests.providers.contract import ANNOUNCEMENT, Feature, Manner, Party, Transfer, eventually, expect, listening
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone
from tests.rig.rtp import PACKET_SECONDS

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE

SHORT, LONG, MISSING = "hookflash-notice", "hookflash-accept", "hookflash-not-there"
"""A recording of one second, heard as ``notice``; one of twenty, heard as ``accept``; and none."""
AT_ONCE = 5.0
"""Seconds that are much less than the long recording."""


@pytest.fixture
async def world(asterisk_node: AsteriskNode) -> AsyncIterator[AsteriskWorld]:
    async with asterisk_world(asterisk_node) as world:
        yield world


@pytest.fixture
async def transfer(world: AsteriskWorld) -> Transfer:
    return await Transfer.of_a_new_call(world)


def now() -> float:
    return asyncio.get_running_loop().time()


def times_heard(phone: Phone, since: float) -> int:
    """Count how often the short recording was played, by its packets: on a busy machine they are late, but all come."""
    packets = len(list(phone.calls[-1].media.all_heard("notice", since)))
    return round(packets * PACKET_SECONDS)


def only_notice(phone: Phone, since: float) -> None:
    """Check that from the first moment of the short recording on, nothing else was heard."""
    began = phone.calls[-1].media.first_heard("notice", since)
    assert began is not None, "it was never heard"
    assert phone.calls[-1].media.ever_heard(began, now()) == {"notice"}


async def no_helpers(world: AsteriskWorld) -> None:
    """Wait until no channel whispers or listens any more."""
    helpers: list[str] = []

    async def none() -> bool:
        helpers[:] = [item["name"] for item in await world.node.channels() if item["name"].startswith("Snoop/")]
        return not helpers

    await eventually(world, none, lambda: f"left: {helpers}")


async def nobody_of_us(world: AsteriskWorld) -> None:
    """Let the engine be dead: nobody listens, and nobody asks for anything."""
    world.proxy.listens = False
    await world.proxy.cut()


# Announcements to who is alone.


async def test_music_goes_on_after_an_announcement_and_without_one(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    held = {customer: ON_HOLD, agent: ON_HOLD}
    await transfer.arrange(held)
    await hear_exactly({c: {"music"}, a: {"music"}})
    since = now()
    for number, media in enumerate((MISSING, SHORT), 1):
        await transfer.arrange(held, announcements={customer: Announcement(media=media, number=number)})
    await eventually(world, lambda: _heard(c, "notice", since), lambda: "nothing was announced")
    await hear_exactly({c: {"music"}, a: {"music"}})
    assert c.longest_silence(since) < 1
    assert a.ever_heard(since) == {"music"}
    assert times_heard(c, since) == 1


async def _heard(phone: Phone, sound: str, since: float) -> bool:
    return sound in phone.ever_heard(since)


async def test_nobody_waits_for_the_end_of_an_announcement(world: AsteriskWorld, transfer: Transfer) -> None:
    """Asterisk lets everything that is asked of a leg wait for as long as it is played to."""
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    held = {customer: ON_HOLD, agent: ON_HOLD}
    await transfer.arrange(held, announcements={customer: Announcement(media=LONG)})
    await hear_exactly({c: {"accept"}, a: {"music"}})
    began = time.monotonic()
    await transfer.arrange(held, announcements={customer: Announcement(media=LONG)})
    await transfer.arrange(held)
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({c: {"accept"}, a: {"music"}})
    began = time.monotonic()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({c: {"agent"}, a: {"customer"}})


async def test_who_owns_a_leg_from_now_on_need_not_wait_either(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    held = {customer: ON_HOLD, agent: ON_HOLD}
    await transfer.arrange(held, announcements={customer: Announcement(media=LONG)})
    await hear_exactly({world.phone_of(customer): {"accept"}})
    other = Transfer(world, customer, agent, owner="transfer:other/run", known=transfer.known)
    began = time.monotonic()
    assert (await other.arrange(held)).stands
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({world.phone_of(customer): {"music"}})


async def test_alone_and_in_silence(world: AsteriskWorld, transfer: Transfer) -> None:
    """Into silence nothing can be mixed. Whoever comes in then is heard at once."""
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    alone = {customer: ON_HOLD, agent: IN_ROOM}
    await transfer.arrange(alone)
    await hear_exactly({a: None})
    await transfer.arrange(alone, announcements={agent: Announcement(media=LONG)})
    await hear_exactly({c: {"music"}, a: {"accept"}})
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    await hear_exactly({c: {"agent"}, a: {"customer"}})


# Announcements to who talks.


async def test_a_whisper_is_for_one_and_talk_goes_on(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    since = now()
    began = time.monotonic()
    for _ in range(2):
        await transfer.arrange(together, announcements={agent: Announcement(media=LONG)})
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({c: {"agent"}, a: {"customer", "accept"}})
    # The next one takes its place, and ends by itself.
    await transfer.arrange(together, announcements={agent: Announcement(media=SHORT, number=2)})
    await eventually(world, lambda: _heard(a, "notice", since), lambda: "nothing was announced")
    await hear_exactly({c: {"agent"}, a: {"customer"}})
    await no_helpers(world)
    assert c.ever_heard(since) == {"agent"}
    assert max(a.longest_silence(since), c.longest_silence(since)) < 1


async def test_a_whisper_over_ringback(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    c, a, t = (world.phone_of(party) for party in (customer, agent, target))
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await transfer.arrange(ringing, announcements={agent: Announcement(media=LONG)})
    await hear_exactly({c: {"music"}, a: {"ringback", "accept"}})
    await world.answer(target)
    await hear_exactly({c: {"music"}, a: {"target1", "accept"}, t: {"agent"}})


@pytest.mark.parametrize("end", ["recording", "leg"])
async def test_a_whisper_ends_without_us(world: AsteriskWorld, transfer: Transfer, end: str) -> None:
    customer, agent = transfer.customer, transfer.agent
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    media, sound = (SHORT, "notice") if end == "recording" else (LONG, "accept")
    since = now()
    await transfer.arrange(together, announcements={agent: Announcement(media=media)})
    await nobody_of_us(world)
    await eventually(world, lambda: _heard(world.phone_of(agent), sound, since), lambda: "nothing was announced")
    if end == "leg":
        await world.hang_up(agent)
    await no_helpers(world)


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("steps", range(4))
async def test_a_whisper_that_stopped_half_way(
    world: AsteriskWorld, transfer: Transfer, steps: int, again: bool
) -> None:
    """It is heard once or never, and no channel waits for ever for being told what to play."""
    customer, agent = transfer.customer, transfer.agent
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    since = now()
    announcements = {agent: Announcement(media=SHORT)}
    world.go_wrong(Feature.HALF, steps)
    with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
        await transfer.arrange(together, announcements=announcements)
    for _ in range(2):
        assert (await transfer.arrange(together, announcements=announcements if again else None)).stands
    await no_helpers(world)
    await hear_exactly({world.phone_of(customer): {"agent"}, world.phone_of(agent): {"customer"}})
    assert times_heard(world.phone_of(agent), since) <= 1
    if again and steps != 1:
        assert times_heard(world.phone_of(agent), since) == 1


# Farewells.


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


# Several targets at once.


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


# Whose number is shown.


@pytest.mark.parametrize(
    ("functions", "shown"),
    [
        ({"CALLERID(num)": "+4930123456"}, "+4930123456"),
        ({"CALLERID(num)": "+4930123456", "CALLERID(num-pres)": "prohib"}, "+14155550100"),
        ({"CALLERID(num)": ""}, "+14155550100"),
        ({"CALLERID(num)": "anonymous"}, "+14155550100"),
        ({"CALLERID(num)": '1" <sip:x@y>'}, "+14155550100"),
        ({"CALLERID(num)": "Jürgen"}, "+14155550100"),
    ],
)
async def test_the_number_of_the_customer_or_ours(
    world: AsteriskWorld, transfer: Transfer, functions: dict[str, str], shown: str
) -> None:
    await world.call_control.set_variables(transfer.customer.leg, functions)
    target = await transfer.target()
    dial = {"caller_id": "+14155550100", "caller_id_of": transfer.customer.leg}
    await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING}, dial=dial)
    await transfer.until_it_rings(target)
    assert await world.caller_id(target) == shown
    await expect(world, {transfer.agent: {"ringback"}})


# Machines.


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
