"""The Asterisk provider on a real Asterisk: who hears whom, and what is left when something goes wrong.

What every provider promises is in ``tests/providers``; here is what is Asterisk's own.
"""

import asyncio
import time
from datetime import timedelta

import pytest

from activities.telephony.asterisk import AsteriskTelephony
from activities.telephony.errors import ProtocolError, Unsupported
from activities.telephony.model import Dial, LegEventKind, Phase, Placement
from hookflash import Cause
from tests.providers.asterisk_world import AsteriskWorld, settings
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.providers.world import ANNOUNCEMENT, MUSIC, RINGBACK, Manner, Party, eventually, expect
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE


async def nothing_left(world: AsteriskWorld) -> None:
    deadline = time.monotonic() + 3
    while left := await world.leftovers():
        assert time.monotonic() < deadline, left
        await world.pause()


async def test_every_row_of_the_table(world: AsteriskWorld, transfer: Transfer) -> None:
    """Warm from the first hold to the end, with the ear on privacy all the time."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    c, a, t = (world.phone_of(party) for party in (customer, agent, target))
    loop = asyncio.get_running_loop()

    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    await hear_exactly({c: {"music"}, a: {"ringback"}})
    held = loop.time()
    await world.answer(target)
    await hear_exactly({c: {"music"}, a: {"target1"}, t: {"agent"}})
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: IN_ROOM})
    await hear_exactly({c: {"music"}, a: {"target1"}, t: {"agent"}})
    # Consultation is private in both directions.
    assert c.ever_heard(held) == {"music"}
    assert "customer" not in t.ever_heard() | a.ever_heard(held)

    swap_from = loop.time()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: ON_HOLD})
    await hear_exactly({c: {"agent"}, a: {"customer"}, t: {"music"}})
    assert "customer" not in t.ever_heard(swap_from)
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: IN_ROOM})
    await hear_exactly({c: {"music"}, a: {"target1"}, t: {"agent"}})
    assert "target1" not in c.ever_heard()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: IN_ROOM})
    await hear_exactly({c: {"agent", "target1"}, a: {"customer", "target1"}, t: {"customer", "agent"}})
    await transfer.arrange({customer: IN_ROOM, agent: GONE, target: IN_ROOM})
    await hear_exactly({c: {"target1"}, t: {"customer"}})
    assert a.call is not None
    await a.call.until("ended")
    await transfer.arrange({customer: GONE, agent: GONE, target: GONE}, keep_room=False)
    await nothing_left(world)


async def test_a_ring_that_was_left_outside_the_room_comes_in_when_it_is_answered(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    """An engine died while it gave the ring up, and the phone was answered before another one came."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    c, t = world.phone_of(customer), world.phone_of(target)
    ringing = {customer: IN_ROOM, agent: ON_HOLD, target: RINGING}
    await transfer.arrange(ringing)
    await transfer.until_it_rings(target)
    await world.node.ari.call("POST", f"/bridges/{transfer.room}/removeChannel", channel=target.leg)
    await world.answer(target)
    await until_up(world, target)  # an answer that Asterisk has not read yet comes too late
    observed = await transfer.arrange(ringing, expired=[target])
    assert (observed.stands, observed.legs[2].phase) == (True, Phase.ANSWERED)
    await hear_exactly({c: {"target1"}, t: {"customer"}, world.phone_of(agent): {"music"}})


async def until_up(world: AsteriskWorld, party: Party) -> None:
    """Wait until Asterisk has taken note of an answer."""

    async def up() -> bool:
        channel = await world.node.ari.channel(party.leg)
        return channel is not None and channel["state"] == "Up"

    await eventually(world, up, lambda: f"{party.name} is not up")


async def test_ringback_ends_with_a_target_that_fails_and_begins_with_the_next(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    customer, agent, first = transfer.customer, transfer.agent, await transfer.target(Manner.DECLINE)
    second = await transfer.target(name="second")
    a = world.phone_of(agent)
    async with listening(world) as listener:
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, first: RINGING})
        await listener.until(first, LegEventKind.ENDED)
    # Asterisk goes on with its ringback after the phone has died: the next arrangement ends it.
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, first: GONE, second: RINGING})
    await transfer.until_it_rings(second)
    await hear_exactly({a: {"ringback"}})
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, first: GONE, second: GONE})
    await hear_exactly({a: None})
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, first: GONE, second: GONE})
    await hear_exactly({a: {"customer"}, world.phone_of(customer): {"agent"}})


async def test_who_waits_too_long_leaves_by_itself(world: AsteriskWorld, transfer: Transfer) -> None:
    """The dead man's switch: nothing of ours runs any more when the time is up."""
    customer, agent = transfer.customer, transfer.agent
    node_settings = settings(world.node).model_copy(update={"hold_backstop": timedelta(seconds=1)})
    provider = AsteriskTelephony(node_settings)
    limit = {"hold_limit": timedelta(milliseconds=500)}
    wanted = transfer.wanted({customer: ON_HOLD, agent: IN_ROOM}).model_copy(update=limit)
    await provider.arrange(wanted)
    await hear_exactly({world.phone_of(customer): {"music"}})
    together = transfer.wanted({customer: IN_ROOM, agent: IN_ROOM}).model_copy(update=limit)
    await provider.arrange(together)
    await asyncio.sleep(2.2)  # as long as it would take: with a person again, nobody is taken away
    await hear_exactly({world.phone_of(customer): {"agent"}})
    await provider.arrange(wanted)
    await provider.close()
    await hear_exactly({world.phone_of(customer): {"fallback"}}, within=5)
    assert transfer.owner in await world.provider.owners()
    observed = await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    assert not observed.stands
    assert seen(observed, customer).cause == Cause.PROVIDER_ERROR


@pytest.mark.parametrize("address", ["pjsip:target1", "tel:+14155550123"])
async def test_context_and_caller_reach_the_target(world: AsteriskWorld, transfer: Transfer, address: str) -> None:
    """A colleague learns the context; whoever is behind a trunk only sees the number that calls."""
    colleague = address.startswith("pjsip:")
    target = await transfer.target()
    dial = Dial(
        address=address,
        ring_timeout=timedelta(seconds=20),
        caller_id="+14155550100",
        headers={"X-Reason": 'Grüße, "100 %" ${EXTEN}', "Subject": "not ours"},
    )
    trunk = "supervisor" if colleague else "target1"
    provider = AsteriskTelephony(settings(world.node).model_copy(update={"trunk": trunk}))
    wanted = transfer.wanted({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING})
    *others, leg = wanted.legs
    legs = (*others, leg.model_copy(update={"dial": dial}))
    await provider.arrange(wanted.model_copy(update={"legs": legs}))
    invite = (await world.phone_of(target).incoming()).invite
    await provider.close()
    assert invite.get("X-Reason") == ('Grüße, "100 %" ${EXTEN}' if colleague else "")
    assert "not ours" not in invite.all("Subject")
    assert "+14155550100" in invite.get("From")
    assert invite.uri.startswith("sip:target1@" if colleague else "sip:+14155550123@")


async def test_more_context_than_fits_costs_nobody_the_call(world: AsteriskWorld, transfer: Transfer) -> None:
    """ARI takes bodies of 40 KB, and what is not ASCII is six bytes of one: the contract allows more than that."""
    target = await transfer.target()
    headers = {f"X-{number}": "ü" * 480 for number in range(40)}
    dial = Dial(address="pjsip:target1", ring_timeout=timedelta(seconds=20), headers=headers)
    wanted = transfer.wanted({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING})
    *others, leg = wanted.legs
    observed = await world.provider.arrange(
        wanted.model_copy(update={"legs": (*others, leg.model_copy(update={"dial": dial}))})
    )
    assert observed.stands
    invite = (await world.phone_of(target).incoming()).invite
    assert [invite.get(f"X-{number}") for number in range(11)] == ["ü" * 480] * 11


HOSTILE = {
    "a\r\nX-Evil: 1": "a X-Evil: 1",
    "a\nX-Evil: 1\r\n\r\nv=0": "a X-Evil: 1 v=0",
    "a\u2028X-Evil: 1\u2029\x85b\x00": "a X-Evil: 1 b",
    '"; <sip:evil@example.org>, "': '"; <sip:evil@example.org>, "',
    "${CALLERID(num)} $[1+1] ^{EXTEN} ${SHELL(id)}": "${CALLERID(num)} $[1+1] ^{EXTEN} ${SHELL(id)}",
    "a,b|c&d^e;f\\,g": "a,b|c&d^e;f\\,g",
    "%0d%0aX-Evil: 1": "%0d%0aX-Evil: 1",
    "Jürgen 山田 \U0001f600": "Jürgen 山田 \U0001f600",
    "x" * 3000: "x" * 500,
}
"""What somebody may want to put into a header, and what becomes of it."""


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_value_becomes_a_header_nor_dialplan(world: AsteriskWorld, transfer: Transfer, value: str) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    headers = {
        "X-Transfer-Reason": value,
        "X-Transfer-Data-Name": value,
        "User-to-User": "56a390f3d2b7310023a2;encoding=hex",
        f"X-{value}": "1",
        "X-A)=b,X-Evil": "1",
        "X-Evil: 1\r\nX-B": "1",
        "Route": "<sip:evil@example.org>",
    }
    dial = {"headers": headers, "caller_id": value}
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING}, dial=dial)
    invite = (await world.phone_of(target).incoming()).invite
    ours = [(name, said) for name, said in invite.headers if name.lower().startswith(("x-", "user-to-user", "route"))]
    assert sorted(ours) == [
        ("User-to-User", "56a390f3d2b7310023a2;encoding=hex"),
        ("X-Transfer-Data-Name", HOSTILE[value]),
        ("X-Transfer-Reason", HOSTILE[value]),
    ]
    assert "evil" not in invite.get("From") + invite.get("To") + invite.get("P-Asserted-Identity") + invite.uri
    assert invite.get("Content-Type") == "application/sdp"
    assert invite.body.startswith(b"v=0\r\no=-")


async def test_a_prompt_that_does_not_exist_is_no_error(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}

    async def arrange() -> Phase:
        wanted = transfer.wanted(screening)
        *others, leg = wanted.legs
        assert leg.dial is not None
        dial = leg.dial.model_copy(update={"prompt": "no-such-sound"})
        legs = (*others, leg.model_copy(update={"dial": dial}))
        observed = await world.provider.arrange(wanted.model_copy(update={"legs": legs}))
        assert observed.stands
        return seen(observed, target).phase

    await arrange()
    await transfer.until_it_rings(target)
    await world.answer(target)
    assert world.phone_of(target).active_call.talking
    while await arrange() is not Phase.ANSWERED:
        await world.pause()
    await arrange()
    await transfer.arrange({customer: IN_ROOM, agent: GONE, target: IN_ROOM})
    await hear_exactly({world.phone_of(customer): {"target1"}, world.phone_of(target): {"customer"}})


async def test_a_prompt_is_cut_short_when_the_target_comes_in(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    await transfer.arrange(screening)
    await world.answer(target)
    await transfer.until_answered(target, screening)
    await expect(world, {target: {ANNOUNCEMENT}, customer: {MUSIC}})
    together = await transfer.arrange({customer: IN_ROOM, agent: GONE, target: IN_ROOM})
    for party in (customer, target):
        assert seen(together, party).phase == Phase.ANSWERED, (together, await world.node.channels())
    await hear_exactly({world.phone_of(customer): {"target1"}, world.phone_of(target): {"customer"}})
    assert "target1" not in world.phone_of(agent).ever_heard()


async def test_a_leg_of_another_application_is_taken_over(world: AsteriskWorld, transfer: Transfer) -> None:
    """The contact centre's own call control may use an application of its own: its events must reach us."""
    stranger = await world.rack.phone("supervisor")
    async with world.node.ari.subscribe("contact-centre"):
        leg = await world.call_control.__class__(world.node.ari, "contact-centre").connect_phone("supervisor")
        agent = Party("agent", leg)
        transfer.known[leg] = Phase.ANSWERED
        async with listening(world) as listener:
            await transfer.arrange({transfer.customer: IN_ROOM, agent: IN_ROOM})
            await hear_exactly({world.phone_of(transfer.customer): {"supervisor"}, stranger: {"customer"}})
            await stranger.hang_up()
            ended = await listener.until(agent, LegEventKind.ENDED)
    assert ended.cause == Cause.HUNG_UP
    assert ended.owner == transfer.owner


async def test_a_call_of_the_dialplan_is_not_ours(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await world.call_control.hand_off(customer.leg, "hookflash-fallback")
    await hear_exactly({world.phone_of(customer): {"fallback"}})
    with pytest.raises(Unsupported):
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})


async def test_an_id_that_begins_another_one_rings_nobody(world: AsteriskWorld, transfer: Transfer) -> None:
    """Asterisk takes it for the other channel's: with ids of one length that cannot happen."""
    first = await transfer.target()
    await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, first: RINGING})
    short = Party("second", first.leg[:-4], await world.phone("second", Manner.RING))
    with pytest.raises(ProtocolError, match="beginning of another"):
        await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, first: RINGING, short: RINGING})
    assert await world.rings(short) == 0
    await expect(world, {transfer.customer: {MUSIC}, transfer.agent: {RINGBACK}})


async def test_two_at_once_ring_once(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    wanted = transfer.wanted(ringing)
    await asyncio.gather(*(world.provider.arrange(wanted) for _ in range(5)))
    await world.answer(target)
    await hear_exactly({world.phone_of(agent): {"target1"}, world.phone_of(target): {"agent"}})
    assert await world.rings(target) == 1
