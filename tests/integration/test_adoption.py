"""Calls of the dialplan on a real Asterisk are taken over or left as they are: what is heard of it, and why not."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from activities.telephony.asterisk import AsteriskTelephony
from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable, Unsupported
from activities.telephony.model import LegEventKind, Phase, Placement
from hookflash import Cause
from tests.integration.dialplan_calls import ADOPTED, Stethoscope, phones_of, talking, together, worker
from tests.providers.asterisk_world import AsteriskWorld, asterisk_world, manager_settings, settings
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.providers.world import Feature, Party
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
HANDED_OFF, GONE = Placement.HANDED_OFF, Placement.GONE
LONGEST_GAP = 0.1
"""Seconds; what nobody may hear longer."""


@pytest.fixture
async def world(asterisk_node: AsteriskNode, nothing_left_over: None) -> AsyncIterator[AsteriskWorld]:
    async with asterisk_world(asterisk_node, ADOPTED) as world:
        yield world


async def untouched(transfer: Transfer, why: str) -> None:
    """See that the pair is refused for a reason, and that neither is moved nor hears a gap."""
    world, (customer, agent) = transfer.world, phones_of(transfer)
    assert isinstance(world, AsteriskWorld)
    before = {channel["id"]: channel["dialplan"] for channel in await world.node.channels()}
    ears = Stethoscope(customer, agent), Stethoscope(agent, customer)
    with pytest.raises(Unsupported, match=why):
        await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    await together(transfer)
    assert {channel["id"]: channel["dialplan"] for channel in await world.node.channels()} == before
    assert await ears[0].gap() < LONGEST_GAP
    assert await ears[1].gap() < LONGEST_GAP


@pytest.mark.parametrize("extension", ["dial-agent", "queue-agent"])
async def test_a_call_of_the_dialplan_is_taken_over_without_a_gap(world: AsteriskWorld, extension: str) -> None:
    gaps: list[float] = []
    for _ in range(3):
        transfer = await talking(world, extension)
        customer, agent = phones_of(transfer)
        ears = Stethoscope(customer, agent), Stethoscope(agent, customer)
        observation = await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
        assert observation.stands
        assert [leg.phase for leg in observation.legs] == [Phase.ANSWERED, Phase.ANSWERED]
        await together(transfer)
        gaps.append(max([await ear.gap() for ear in ears]))
        # Ids are kept, so what named the legs still does.
        assert {channel["id"] for channel in await world.node.channels()} == {transfer.customer.leg, transfer.agent.leg}
        await transfer.arrange({transfer.customer: GONE, transfer.agent: GONE}, keep_room=False)
        await world.node.drained()
    # A machine that stood still may have made one of them longer; all of them it does not.
    assert sorted(gaps)[1] <= LONGEST_GAP


async def test_everything_is_possible_with_a_call_that_was_taken_over(world: AsteriskWorld) -> None:
    """From the first arrangement on, and back into the dialplan; its events come as those of any other leg."""
    transfer = await talking(world)
    (customer, agent), target = phones_of(transfer), await transfer.target()
    async with listening(world) as listener:
        await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING})
        await hear_exactly({customer: {"music"}, agent: {"ringback"}})
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
        await hear_exactly({customer: {"music"}, agent: {"target1"}, world.phone_of(target): {"agent"}})
        await world.hang_up(transfer.agent)
        assert (await listener.until(transfer.agent, LegEventKind.ENDED)).cause == Cause.HUNG_UP
    observed = await transfer.arrange({transfer.customer: HANDED_OFF, target: GONE}, keep_room=False)
    assert observed.stands
    await hear_exactly({customer: {"fallback"}})
    (channel,) = await world.node.channels()
    assert (channel["id"], channel["dialplan"]["context"]) == (transfer.customer.leg, "hookflash-fallback")


async def test_an_agent_may_leave_a_call_at_once_that_was_taken_over(world: AsteriskWorld) -> None:
    """As in a blind transfer, whose first arrangement has no place for the agent."""
    transfer = await talking(world)
    (customer, _), target = phones_of(transfer), await transfer.target()
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: GONE, target: RINGING})
    await hear_exactly({customer: {"ringback"}})
    assert customer.active_call.talking
    await world.answer(target)
    await hear_exactly({customer: {"target1"}, world.phone_of(target): {"customer"}})


async def test_a_customer_who_was_taken_over_leaves_by_itself_if_the_engine_dies(world: AsteriskWorld) -> None:
    transfer = await talking(world)
    soon = settings(world.node).model_copy(
        update={"hold_backstop": timedelta(seconds=1), "manager": manager_settings(world.node, *ADOPTED)}
    )
    wanted = transfer.wanted({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    provider = AsteriskTelephony(soon)
    await provider.arrange(wanted.model_copy(update={"hold_limit": timedelta(milliseconds=500)}))
    await provider.close()
    await hear_exactly({phones_of(transfer)[0]: {"fallback"}}, within=10)


async def test_a_queue_rings_nobody_else_and_knows_that_its_agent_is_busy(world: AsteriskWorld) -> None:
    colleague = await world.rack.phone("supervisor")
    transfer = await talking(world, "queue-agent")
    target = await transfer.target()
    await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING})
    await transfer.until_it_rings(target)
    status = await members(world.node)
    assert "In use" in status["PJSIP/agent"]
    assert "in call" in status["PJSIP/agent"]
    assert "Not in use" in status["PJSIP/supervisor"]
    await world.answer(target)
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: GONE, target: IN_ROOM})
    await hear_exactly({phones_of(transfer)[0]: {"target1"}, world.phone_of(target): {"customer"}})
    assert "has 0 calls" in await world.node.cli("queue show support")
    assert "No Callers" in await world.node.cli("queue show support")

    async def free() -> bool:
        agent = (await members(world.node))["PJSIP/agent"]
        return "Not in use" in agent and "in call" not in agent

    deadline = time.monotonic() + 5
    while not await free():
        assert time.monotonic() < deadline, await members(world.node)
        await world.pause()
    assert colleague.calls == []


async def members(node: AsteriskNode) -> dict[str, str]:
    """Return what the queue says of each of its members."""
    lines = (line.strip() for line in (await node.cli("queue show support")).splitlines())
    return {line.split()[0]: line for line in lines if line.startswith("PJSIP/")}


async def test_what_a_lost_worker_began_is_finished_by_another(world: AsteriskWorld) -> None:
    """It stops where it hurts most: the two are torn apart, and not together again."""
    transfer = await talking(world)
    world.go_wrong(Feature.HALF, steps=3)
    wanted = transfer.wanted({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
    with pytest.raises(OutcomeUnknown):
        await world.provider.arrange(wanted)
    assert {it["dialplan"]["app_name"] for it in await world.node.channels()} == {"Stasis"}
    async with worker(world.node) as other:
        assert (await other.arrange(wanted)).stands
    await together(transfer)


async def test_two_workers_at_once_take_a_call_over(world: AsteriskWorld) -> None:
    transfer = await talking(world)
    wanted = transfer.wanted({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
    async with worker(world.node) as other:
        outcomes = await asyncio.gather(world.provider.arrange(wanted), other.arrange(wanted), return_exceptions=True)
        # Whoever was disturbed by the other is told to look again.
        assert not [it for it in outcomes if isinstance(it, BaseException) and not isinstance(it, OutcomeUnknown)]
        assert (await other.arrange(wanted)).stands
    await together(transfer)


# --- refusals


async def test_a_call_from_another_context_is_left_alone(world: AsteriskWorld) -> None:
    await untouched(await talking(world, "dial-private"), r"customer .* of the dialplan context 'rig-private'")


async def test_without_a_manager_a_call_of_the_dialplan_is_left_alone(asterisk_node: AsteriskNode) -> None:
    async with asterisk_world(asterisk_node) as world:
        await untouched(await talking(world), "only legs in a Stasis application can move")


async def test_two_who_do_not_talk_to_each_other_are_left_alone(world: AsteriskWorld) -> None:
    transfer = await talking(world)
    stranger = Party("stranger", await alone(world))
    transfer.known[stranger.leg] = Phase.ANSWERED
    for pair in ({transfer.customer: ON_HOLD, stranger: IN_ROOM}, {stranger: ON_HOLD, transfer.agent: IN_ROOM}):
        with pytest.raises(Unsupported, match=r"is not bridged with (stranger|agent) alone"):
            await transfer.arrange(pair)
    await together(transfer)
    await hear_exactly({await world.rack.phone("supervisor"): {"fallback"}})


async def alone(world: AsteriskWorld) -> str:
    """Let somebody else call and be alone in the dialplan; return their leg."""
    stranger = await world.rack.phone("supervisor")
    await (await stranger.place("alone")).until("answered")
    await hear_exactly({stranger: {"fallback"}})
    return next(it["id"] for it in await world.node.channels() if it["name"].startswith("PJSIP/supervisor-"))


async def test_one_leg_of_a_call_is_left_alone(world: AsteriskWorld) -> None:
    """With a partner who has ended, or never was, or is in somebody's application."""
    transfer = await talking(world)
    stranger = Party("stranger", await alone(world))
    gone = Party("gone", world.unknown_leg)
    for partner in (gone, transfer.customer):
        with pytest.raises(Unsupported):
            await transfer.arrange({stranger: ON_HOLD, partner: IN_ROOM})
    with pytest.raises(Unsupported, match=r"gone .* does not exist or has ended"):
        await transfer.arrange({transfer.customer: ON_HOLD, gone: IN_ROOM})
    target = await world.rack.phone("target1")
    async with world.node.ari.subscribe("contact-centre"):
        foreign = Party("foreign", await CallControl(world.node.ari, "contact-centre").connect_phone("target1"))
        with pytest.raises(Unsupported, match=r"foreign .* is in a Stasis application already"):
            await transfer.arrange({transfer.customer: ON_HOLD, foreign: IN_ROOM})
        assert target.active_call.talking
    await together(transfer)
    await hear_exactly({await world.rack.phone("supervisor"): {"fallback"}})


async def test_a_call_that_has_ended_is_not_found(world: AsteriskWorld) -> None:
    transfer = await talking(world)
    await world.hang_up(transfer.customer)
    await world.node.drained()
    transfer.known.clear()
    observation = await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    assert not observation.stands
    assert seen(observation, transfer.customer).cause == Cause.UNKNOWN_LEG
    assert await world.leftovers() == []


async def test_where_nobody_ever_listened_a_call_is_left_alone(world: AsteriskWorld) -> None:
    transfer = await talking(world)
    ears = [Stethoscope(*pair) for pair in (phones_of(transfer), phones_of(transfer)[::-1])]
    wanted = transfer.wanted({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    async with worker(world.node, app="nobody-listens") as provider:
        with pytest.raises(ProviderUnavailable, match="nobody listens"):
            await provider.arrange(wanted)
    await together(transfer)
    assert max([await ear.gap() for ear in ears]) < LONGEST_GAP


async def test_where_nobody_listens_any_more_the_two_are_brought_together_again(world: AsteriskWorld) -> None:
    """The one case in which a refusal is heard, once, for as long as Asterisk takes to notice; and it is no end."""
    transfer = await talking(world)
    wanted = transfer.wanted({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    app, ari = "comes-and-goes", world.node.ari
    async with worker(world.node, app=app) as provider:
        async with ari.subscribe(app):
            # What somebody is subscribed to is remembered, so Asterisk still knows the application afterwards.
            await ari.call("POST", f"/applications/{app}/subscription", eventSource=f"channel:{transfer.agent.leg}")
        with pytest.raises(Unsupported, match="nobody listens to comes-and-goes"):
            await provider.arrange(wanted)
        await together(transfer)
        async with ari.subscribe(app):
            assert (await provider.arrange(wanted)).stands
    await hear_exactly({phones_of(transfer)[0]: {"music"}})
