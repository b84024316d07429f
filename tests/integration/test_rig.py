"""The rig proves itself on the real Asterisk, so that a failure of any other test is the engine's."""

from __future__ import annotations

import asyncio

import pytest

from tests.rig.ari import CallControl, Events, new_id
from tests.rig.asterisk_node import UNREACHABLE, AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly, hears_exactly
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk


async def test_two_phones_in_a_room_hear_each_other_and_nothing_else(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer, agent = await phones.phone("customer"), await phones.phone("agent")
    legs = [await contact_centre.connect_phone("customer"), await contact_centre.connect_phone("agent")]
    room = await contact_centre.bridge(*legs)

    await hear_exactly({customer: {"agent"}, agent: {"customer"}})
    assert await customer.listen() == {"agent"}

    await customer.hang_up()
    await agent.hang_up()
    await contact_centre.remove(room)


async def test_three_phones_in_a_room_each_hear_the_other_two(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    names = ("customer", "agent", "target1")
    party = {name: await phones.phone(name) for name in names}
    room = await contact_centre.bridge(*[await contact_centre.connect_phone(name) for name in names])

    await hear_exactly({party[name]: set(names) - {name} for name in names})

    await contact_centre.remove(room)


async def test_a_held_phone_hears_music_and_a_lonely_one_gets_no_media(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer, agent = await phones.phone("customer"), await phones.phone("agent")
    customer_leg = await contact_centre.connect_phone("customer")
    room = await contact_centre.bridge(customer_leg, await contact_centre.connect_phone("agent"))
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})
    held_at = customer.active_call.at["answered"]

    holding = await contact_centre.hold(customer_leg)
    await hear_exactly({customer: {"music"}, agent: None})
    assert await agent.listen() is None
    assert customer.ever_heard(held_at) == {"agent", "music"}

    await contact_centre.add(room, customer_leg)
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})

    await contact_centre.remove(holding)
    await contact_centre.remove(room)


async def test_a_wrong_expectation_fails_and_says_what_was_heard(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer = await phones.phone("customer")
    holding = await contact_centre.hold(await contact_centre.connect_phone("customer"))
    await hears_exactly(customer, {"music"})

    with pytest.raises(AssertionError, match=r"customer should hear agent \+ music, heard music \("):
        await hears_exactly(customer, {"agent", "music"}, within=0.6)
    with pytest.raises(AssertionError, match="customer should hear no media, heard music"):
        await hears_exactly(customer, None, within=0.6)

    await contact_centre.remove(holding)


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (Behaviour.busy(), (17, 486)),
        (Behaviour.declines(), (21, 603)),
        (Behaviour.declines(after=0.3), (21, 603)),
        (Behaviour.refuses(403), (21, 403)),
        (Behaviour.refuses(404), (1, 404)),
        (Behaviour.refuses(408), (18, 408)),
        (Behaviour.refuses(480), (19, 480)),
        (Behaviour.refuses(503), (34, 503)),
        (Behaviour.silent(), (19, 480)),
        (Behaviour.tries(), (19, 480)),
        (Behaviour.rings(), (19, 480)),
    ],
    ids=["busy", "declines", "declines-later", "403", "404", "408", "480", "503", "silent", "tries", "rings"],
)
async def test_a_leg_that_fails_ends_with_its_cause(
    phones: PhoneRack,
    contact_centre: CallControl,
    app_socket: Events,
    behaviour: Behaviour,
    cause: tuple[int, int],
) -> None:
    target = await phones.phone("target1", behaviour)
    leg = await contact_centre.call_phone("target1", ring_seconds=1)

    assert await app_socket.end_of(leg) == cause
    if not behaviour.dead:
        call = await target.incoming()
        await call.until("ended")
        assert call.status == (behaviour.final or 487)


async def test_a_leg_whose_phone_forwards_ends_with_its_cause(
    phones: PhoneRack, app_socket: Events, asterisk_node: AsteriskNode
) -> None:
    """Made as the engine makes it. An originated one Asterisk forwards itself, and often ends without a cause."""
    target = await phones.phone("target1", Behaviour.refuses(302, headers=(("Contact", "<sip:frontdesk@127.0.0.1>"),)))
    leg, ari = new_id("leg"), asterisk_node.ari
    await ari.call("POST", "/channels/create", endpoint="PJSIP/target1", app=asterisk_node.app, channelId=leg)
    await app_socket.first("StasisStart", lambda event: event["channel"]["id"] == leg)
    await ari.call("POST", f"/channels/{leg}/dial")

    assert await app_socket.end_of(leg) == (23, 302)
    call = await target.incoming()
    await call.until("ended")
    assert call.status == 302


async def test_what_is_left_over_is_found_and_swept_away(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events, asterisk_node: AsteriskNode
) -> None:
    await phones.phone("customer")
    room = await contact_centre.bridge(await contact_centre.connect_phone("customer"))
    with pytest.raises(AssertionError, match=room):
        await asterisk_node.drained(within=0.1)
    await asterisk_node.sweep()
    await asterisk_node.drained()


async def test_nobody_at_a_dead_port(contact_centre: CallControl, app_socket: Events) -> None:
    leg = await contact_centre.call_phone(UNREACHABLE, ring_seconds=1)
    assert await app_socket.end_of(leg) == (19, 480)


async def test_a_cancelled_ring_ends_at_the_phone(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    target = await phones.phone("target1", Behaviour.rings())
    leg = await contact_centre.call_phone("target1", variables={"PJSIP_HEADER(add,X-Transfer)": "warm"})
    call = await target.incoming()
    await call.until("ringing")
    assert call.invite.get("X-Transfer") == "warm"

    await contact_centre.hang_up(leg)
    await call.until("cancelled")
    assert (call.status, call.ended_by) == (487, "there")
    assert list(call.at) == ["invite", "ringing", "cancelled", "ended"]
    assert (await app_socket.end_of(leg))[0] == 16


@pytest.mark.parametrize(("alone", "cause"), [(False, 16), (True, 0)])
async def test_a_phone_hangs_up_some_time_after_it_answered(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events, alone: bool, cause: int
) -> None:
    """A BYE without a Reason is 'normal clearing' only for a leg in a bridge; outside its cause stays unknown."""
    talk = 1.5
    target = await phones.phone("target1", Behaviour.answers(after=0.05, hang_up_after=talk))
    leg = await contact_centre.call_phone("target1")
    call = await target.incoming()

    async def its_end() -> float:
        await asyncio.sleep(await call.until("answered") + talk - asyncio.get_running_loop().time())
        return asyncio.get_running_loop().time()

    # Where this process is late, the phone in it is, and so is whoever waits beside it.
    waiting = asyncio.create_task(its_end())
    await contact_centre.entered(leg)
    rooms = [] if alone else [await contact_centre.hold(leg)]

    assert await app_socket.end_of(leg) == (cause, None)
    assert call.ended_by == "here"
    assert call.at["ended"] - call.at["answered"] >= talk
    assert call.at["ended"] == pytest.approx(await waiting, abs=0.1)

    for room in rooms:
        await contact_centre.remove(room)


async def test_keys_arrive_in_both_directions(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer, agent = await phones.phone("customer"), await phones.phone("agent")
    customer_leg = await contact_centre.connect_phone("customer")
    room = await contact_centre.bridge(customer_leg, await contact_centre.connect_phone("agent"))
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})

    await customer.press("11#5")
    for key in "1#5":
        await app_socket.first("ChannelDtmfReceived", lambda event, key=key: event["digit"] == key)
    pressed = [event for event in app_socket.all if event["type"] == "ChannelDtmfReceived"]
    assert [event["digit"] for event in pressed] == list("11#5")
    assert {event["channel"]["id"] for event in pressed} == {customer_leg}
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})
    assert agent.keys == "11#5"

    await contact_centre.remove(room)


async def test_prompts_are_heard(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events, asterisk_node: AsteriskNode
) -> None:
    customer = await phones.phone("customer")
    leg = await contact_centre.connect_phone("customer")
    for prompt in ("accept", "notice"):
        playback = await contact_centre.play(leg, f"hookflash/{prompt}")
        await hears_exactly(customer, {prompt})
        await asterisk_node.ari.call("DELETE", f"/playbacks/{playback}")
    await contact_centre.hang_up(leg)


@pytest.mark.parametrize("box", ["fallback", "voicemail"])
async def test_a_leg_handed_off_hears_where_it_got_to(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events, box: str
) -> None:
    customer = await phones.phone("customer")
    leg = await contact_centre.connect_phone("customer")
    await contact_centre.hand_off(leg, f"hookflash-{box}")
    await hears_exactly(customer, {box})


async def test_an_inbound_call_reaches_the_app_and_its_phone_can_hold(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer, agent = await phones.phone("customer"), await phones.phone("agent")
    call = await customer.place("5000", headers=[("X-Case", "42")])
    leg = await contact_centre.inbound("customer")
    await contact_centre.answer(leg)
    await call.until("answered")
    room = await contact_centre.bridge(leg, await contact_centre.connect_phone("agent"))
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})

    assert await call.hold() == 200
    await hears_exactly(agent, {"music"})
    assert await call.hold(False) == 200
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})

    await customer.hang_up()
    await hears_exactly(agent, None)
    await contact_centre.remove(room)


async def test_a_caller_who_gives_up_before_the_answer(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer = await phones.phone("customer")
    call = await customer.place("5000")
    await contact_centre.inbound("customer")
    await call.hang_up()
    assert call.status == 487


async def test_without_the_engine_an_inbound_call_gets_to_the_fallback(phones: PhoneRack) -> None:
    customer = await phones.phone("customer")

    async def answered() -> float | None:
        call = await customer.place("5000")
        try:
            return await call.until("answered", within=2)
        except AssertionError:
            # Asterisk has not noticed yet that the listener of the test before has left: it waits for that one.
            await call.hang_up()
            return None

    await eventually(answered, "the fallback answers")
    await hears_exactly(customer, {"fallback"})


async def test_a_leg_left_alone_falls_to_the_fallback_when_its_time_is_over(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer = await phones.phone("customer")
    await customer.place("5000")
    leg = await contact_centre.inbound("customer")
    await contact_centre.answer(leg)
    await contact_centre.set_variables(leg, {"TIMEOUT(absolute)": "1"})
    await hears_exactly(customer, {"fallback"}, within=5.0)


async def test_an_unplugged_phone_says_nothing(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events
) -> None:
    customer, agent = await phones.phone("customer"), await phones.phone("agent")
    agent_leg = await contact_centre.connect_phone("agent")
    room = await contact_centre.bridge(await contact_centre.connect_phone("customer"), agent_leg)
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})
    agent.unplugged = True
    await hears_exactly(customer, None)
    assert customer.longest_silence(customer.active_call.at["answered"]) > 0.4

    await contact_centre.hang_up(agent_leg)
    await contact_centre.remove(room)


async def test_a_killed_asterisk_comes_back_empty_on_the_same_ports(
    phones: PhoneRack, contact_centre: CallControl, asterisk_node: AsteriskNode
) -> None:
    customer = await phones.phone("customer")
    async with asterisk_node.ari.subscribe("hookflash"):
        await contact_centre.hold(await contact_centre.connect_phone("customer"))
        await hears_exactly(customer, {"music"})
        await asterisk_node.kill()
        await hears_exactly(customer, None)
    assert not asterisk_node.running

    await asterisk_node.restart()
    assert await asterisk_node.channels() == []
    assert await asterisk_node.bridges() == []
    assert "Asterisk 22" in await asterisk_node.cli("core show version")
    await customer.hang_up()
    call = await customer.place("5000")
    await call.until("answered")
    await hears_exactly(customer, {"fallback"})
