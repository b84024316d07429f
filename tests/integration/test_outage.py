"""What becomes of a real call when every process of the engine is gone."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from hookflash import AcceptGate, HandOff, Mode, Outcome, Policy, Stage
from tests.integration.switchboard import (
    Office,
    TalkingCall,
    ended,
    heard,
    quiet_call,
    reaches,
    to_phone,
    worker_on,
)
from tests.integration.two_nodes import PATIENCE, nodes_file
from tests.rig.ari import CallControl, Events
from tests.rig.behaviour import Behaviour
from tests.rig.ear import Expectation, Listener, hear_exactly

pytestmark = pytest.mark.asterisk


async def test_an_answer_while_the_whole_engine_is_dead_connects_and_is_learnt_later(
    office: Office, tmp_path: Path
) -> None:
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        call = await office.call()
        target, ringing, transfer = await call.ring(Mode.COLD, ring_timeout=30)
        await hear_exactly({call.customer: {"ringback"}, call.agent: {"music"}})
        await worker.kill()
    ringing.answer()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}, call.agent: {"music"}})
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        result = await transfer.wait()
        assert result.outcome is Outcome.CONNECTED
        await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
        await call.hang_up()
        await office.node.drained()  # the new worker has cleared up, before it is stopped


async def test_a_ring_that_ends_while_the_engine_is_dead_gives_the_customer_back_later(
    office: Office, tmp_path: Path
) -> None:
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        call = await office.call()
        _, ringing, transfer = await call.ring(Mode.WARM, ring_timeout=2)
        await worker.kill()
    # Nobody of us is there: the provider's own time-out ends the ringing.
    await ringing.until("cancelled")
    await hear_exactly({call.customer: {"music"}})
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        result = await transfer.wait()
        assert result.outcome is Outcome.RETURNED_TO_AGENT
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
        await call.hang_up()
        await office.node.drained()  # the new worker has cleared up, before it is stopped


@pytest.mark.parametrize("mode", [Mode.WARM, Mode.CONSULT])
async def test_an_answer_while_the_whole_engine_is_dead_is_a_private_talk_and_goes_on_as_one(
    office: Office, tmp_path: Path, mode: Mode
) -> None:
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        call = await office.call()
        target, ringing, transfer = await call.ring(mode, ring_timeout=60)
        await reaches(transfer, Stage.RINGING)
        await worker.kill()
    ringing.answer()
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}}, PATIENCE)
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        await reaches(transfer, Stage.CONSULTING)
        await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}}, PATIENCE)
        assert "customer" not in target.ever_heard() | call.agent.ever_heard(ringing.at["answered"])
        await transfer.cancel()
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}}, PATIENCE)
        await call.hang_up()
        await office.node.drained(PATIENCE)


async def test_a_target_who_must_accept_hears_nothing_until_the_engine_is_back_and_is_asked_then(
    office: Office, tmp_path: Path
) -> None:
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        call = await office.call()
        asked = to_phone("target1", 60, accept=AcceptGate(prompt="hookflash-accept", timeout=timedelta(minutes=1)))
        target, ringing, transfer = await call.ring(Mode.COLD, asked)
        await hear_exactly({call.customer: {"ringback"}}, PATIENCE)
        await worker.kill()
    ringing.answer()
    await hear_exactly({call.customer: {"ringback"}, target: None, call.agent: {"music"}}, PATIENCE)
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        await heard(target, "accept", within=PATIENCE)
        await target.press("1")
        result = await asyncio.wait_for(transfer.wait(), PATIENCE)
        assert result.outcome is Outcome.CONNECTED
        await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)
        await call.hang_up()
        await office.node.drained(PATIENCE)


async def test_who_answers_outside_the_room_while_the_engine_stays_dead_is_let_go_by_asterisk(
    office: Office, tmp_path: Path
) -> None:
    """One who must accept, and of two rung at once who was first.

    They hear nothing, and are not kept for ever. The customer goes on waiting, and another engine goes on.
    """
    gate = AcceptGate(prompt="hookflash-accept", timeout=timedelta(seconds=1))
    asked = ((to_phone("target1", 2, accept=gate),), (to_phone("target2", 2), to_phone("target3", 2, together=True)))
    names = ("target1", "target2", "target3")
    targets = [await office.phones.phone(name, Behaviour.rings()) for name in names]
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        calls = [await quiet_call(office) for _ in asked]
        transfers = [await call.transfer(Mode.COLD, *them) for call, them in zip(calls, asked, strict=True)]
        ringing = [await target.incoming() for target in targets]
        for incoming in ringing:
            await incoming.until("ringing")
        await worker.kill()
    customers, agents = calls[0].customer.calls, calls[0].agent.calls
    first, second, slow = ringing
    first.answer()
    second.answer()
    waiting: dict[Listener, Expectation] = {
        **{call: {"ringback"} for call in customers},
        **{call: {"music"} for call in agents},
    }
    await hear_exactly({**waiting, first: None, second: None}, PATIENCE)
    await slow.until("cancelled", PATIENCE)
    for answered in (first, second):
        await answered.until("ended", PATIENCE)
    assert [target.ever_heard() for target in targets] == [set()] * 3
    await hear_exactly(waiting, PATIENCE)
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        for transfer in transfers:
            result = await asyncio.wait_for(transfer.wait(), PATIENCE)
            assert result.outcome is Outcome.RETURNED_TO_AGENT
        await hear_exactly({call: {"agent"} for call in customers}, PATIENCE)
        await hear_exactly({call: {"customer"} for call in agents}, PATIENCE)
        # All customers sound alike here, and all agents.
        rooms = {frozenset(room["channels"]) for room in await office.node.bridges() if room["channels"]}
        assert rooms == {frozenset((call.customer_leg, call.agent_leg)) for call in calls}
        for phone in (calls[0].customer, calls[0].agent):
            await phone.hang_up()
        for call in calls:
            await office.calls.remove(call.room)
        await office.node.drained(PATIENCE)


async def test_a_caller_who_waits_while_the_engine_stays_dead_reaches_the_fallback_of_the_dialplan(
    office: Office, app_socket: Events, contact_centre: CallControl, tmp_path: Path
) -> None:
    """The ringing ends by itself, the customer hears music all the time, and then extension T.

    Only a caller gets there. A leg that was dialled out over ARI, like the agent's here, has no dialplan to go on in,
    and ends.
    """
    limit = timedelta(seconds=3)
    way_out = (HandOff(kind="flow", place="hookflash-queue"),)
    file = nodes_file(tmp_path / "nodes.toml", {"asterisk": office.node.ari_url}, hold_backstop="PT2S")
    settings = {"HOOKFLASH_ASTERISK_URL": "", "HOOKFLASH_ASTERISK_NODES_FILE": str(file)}
    async with worker_on(office.node, office.client, tmp_path / "first.log", **settings) as worker:
        call = await inbound_call(office, contact_centre)
        policy = Policy(hold_budget=limit, consult_limit=limit, fallbacks=way_out)
        _, ringing, transfer = await call.ring(Mode.WARM, ring_timeout=2, policy=policy)
        await hear_exactly({call.customer: {"music"}}, PATIENCE)
        killed = asyncio.get_running_loop().time()
        await worker.kill()
    await ringing.until("cancelled", PATIENCE)
    fallback = await heard(call.customer, "fallback", killed, PATIENCE)
    assert call.customer.ever_heard(killed, fallback - 0.1) == {"music"}
    await hear_exactly({call.customer: {"fallback"}}, PATIENCE)
    await ended(call.agent, PATIENCE)
    async with worker_on(office.node, office.client, tmp_path / "second.log", **settings):
        result = await asyncio.wait_for(transfer.wait(), PATIENCE)
        # The engine leaves the customer where the dialplan has taken them.
        assert (result.outcome, result.customer_with) == (Outcome.CUSTOMER_LEFT, ())
        assert "left for the dialplan" in result.evidence.text
        await hear_exactly({call.customer: {"fallback"}}, PATIENCE)
        await call.hang_up()
        await office.node.drained(PATIENCE)


async def inbound_call(office: Office, contact_centre: CallControl) -> TalkingCall:
    """Return a call of a customer who called in, as customers do."""
    customer, agent = await office.phones.phone("customer"), await office.phones.phone("agent")
    await customer.place("5000")
    legs = [await contact_centre.inbound("customer"), await contact_centre.connect_phone("agent")]
    await contact_centre.answer(legs[0])
    room = await contact_centre.bridge(*legs)
    await hear_exactly({customer: {"agent"}, agent: {"customer"}}, PATIENCE)
    return TalkingCall(office, customer, agent, legs[0], legs[1], room)


async def test_legs_that_go_while_the_engine_is_dead_are_missed_when_it_is_back(office: Office, tmp_path: Path) -> None:
    patient = Policy(hold_budget=timedelta(minutes=20), consult_limit=timedelta(minutes=20))
    for name, behaviour in {"target1": Behaviour.rings(), "target2": Behaviour.answers()}.items():
        await office.phones.phone(name, behaviour)
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        left, deserted, agentless = calls = [await quiet_call(office) for _ in range(3)]
        ringing = await left.transfer(Mode.COLD, "target1", ring_timeout=600, policy=patient)
        nobody = await deserted.transfer(Mode.WARM, "target2", policy=patient)
        await reaches(nobody, Stage.CONSULTING)
        two = await agentless.transfer(Mode.WARM, "target2", policy=patient)
        await reaches(ringing, Stage.RINGING)
        await reaches(two, Stage.CONSULTING)
        await worker.kill()
    customer, agent, target = [await office.phones.phone(name) for name in ("customer", "agent", "target2")]
    await customer.calls[calls.index(left)].hang_up()
    for phone in (customer, agent):
        await phone.calls[calls.index(deserted)].hang_up()
    await target.calls[0].hang_up()
    await agent.calls[calls.index(agentless)].hang_up()
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        results = [await asyncio.wait_for(it.wait(), PATIENCE) for it in (ringing, nobody, two)]
        assert [it.outcome for it in results] == [Outcome.CUSTOMER_LEFT, Outcome.CUSTOMER_LEFT, Outcome.CONNECTED]
        await ended(await office.phones.phone("target1"), PATIENCE)  # nothing rings for a customer who has left
        await hear_exactly({customer.calls[2]: {"target2"}, target.calls[1]: {"customer"}}, PATIENCE)
        for phone in (customer, agent):
            await phone.hang_up()
        for call in calls:
            await office.calls.remove(call.room)
        await office.node.drained(PATIENCE)
