"""Two Asterisk nodes, each with one listener that Temporal keeps alive: workers, wires and nodes that die."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from hookflash import CallBack as CallBackPromise
from hookflash import (
    Cause,
    Evidence,
    Mode,
    Outcome,
    Policy,
    Recall,
    RunningTransfer,
    Stage,
    WhenUnanswered,
)
from hookflash.names import call_back_id, listener_id, supervision_id
from tests.integration.switchboard import Office, TalkingCall, nth_call, quiet_call, reaches, temporal_server
from tests.integration.two_nodes import PATIENCE, TwoNodes, two_nodes
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone
from tests.rig.wire import Wire
from tests.support.polling import eventually
from workflows.call_back import CallBack
from workflows.connected_call import ConnectedCall

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

LONG = timedelta(minutes=20)
"""No test waits that long: what ends here does not end because its time is up."""


@pytest.fixture(scope="module")
async def other_node(
    asterisk_node: AsteriskNode, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AsteriskNode]:
    async with AsteriskNode(tmp_path_factory.mktemp("other-asterisk")) as node:
        yield node


@pytest.fixture
async def south_node(other_node: AsteriskNode) -> AsteriskNode:
    if not other_node.running:
        await other_node.start()
    await other_node.sweep()
    return other_node


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with temporal_server() as client:
        yield client


@pytest.fixture
async def nodes(
    client: Client, asterisk_node: AsteriskNode, nothing_left_over: None, south_node: AsteriskNode, tmp_path: Path
) -> AsyncIterator[TwoNodes]:
    async with two_nodes(client, asterisk_node, south_node, tmp_path) as nodes:
        yield nodes


async def consultation(office: Office) -> tuple[TalkingCall, Phone, RunningTransfer]:
    """Return a call whose agent talks to the target, while the customer hears music."""
    call = await office.call()
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.WARM, "target1", policy=Policy(hold_budget=LONG, consult_limit=LONG))
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}}, PATIENCE)
    return call, target, transfer


async def still_private(call: TalkingCall, target: Phone) -> None:
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}}, PATIENCE)


async def finish(call: TalkingCall, target: Phone, transfer: RunningTransfer) -> None:
    """Complete a consultation, and hang up."""
    await transfer.complete()
    result = await asyncio.wait_for(transfer.wait(), PATIENCE)
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)
    await call.hang_up()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_node_whose_listening_worker_dies_is_listened_to_by_another(
    nodes: TwoNodes, how: signal.Signals
) -> None:
    north_call, north_target, north_transfer = await consultation(nodes.north)
    call = await nodes.south.call()
    target, ringing, transfer = await call.ring(Mode.COLD, ring_timeout=120)
    await reaches(transfer, Stage.RINGING)

    victim = await nodes.listener(nodes.south)
    victim.send(how)
    ringing.answer()
    # Asterisk connects them, and nobody of us hears of it.
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)
    result = await asyncio.wait_for(transfer.wait(), PATIENCE)
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    survivor = await nodes.listener(nodes.south, *nodes.others(victim))
    await survivor.logs("listening to south", PATIENCE)
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)

    listened = victim.log.count("listening to south")
    if how is signal.SIGSTOP:
        victim.send(signal.SIGCONT)  # it wakes with a socket that was taken from it, and must not take it back
        await victim.logs(f"'workflow_id': '{listener_id('south')}'", PATIENCE)  # its attempt to listen has failed
        assert await nodes.listener(nodes.south) is survivor
    await still_private(north_call, north_target)
    await finish(north_call, north_target, north_transfer)
    await call.hang_up()
    assert await nodes.listener(nodes.south) is survivor
    assert victim.log.count("listening to south") == listened


@pytest.mark.parametrize("wire_is", ["cut", "dead"])
async def test_a_lost_connection_is_noticed_and_made_again(
    client: Client,
    asterisk_node: AsteriskNode,
    nothing_left_over: None,
    south_node: AsteriskNode,
    tmp_path: Path,
    wire_is: str,
) -> None:
    async with Wire(south_node.ports.http) as wire:
        url = f"http://127.0.0.1:{wire.port}/ari"
        async with two_nodes(client, asterisk_node, south_node, tmp_path, workers=1, south_url=url) as nodes:
            north_call, north_target, north_transfer = await consultation(nodes.north)
            call = await nodes.south.call()
            target, ringing, transfer = await call.ring(Mode.COLD, ring_timeout=120)
            await reaches(transfer, Stage.RINGING)
            if wire_is == "cut":
                wire.cut()
            else:
                wire.go_dead()
            ringing.answer()
            await hear_exactly({call.customer: {"target1"}, target: {"customer"}}, PATIENCE)
            result = await asyncio.wait_for(transfer.wait(), PATIENCE)
            assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))

            async def listened_to_again() -> bool | None:
                log = nodes.workers[0].log
                return (log.count("listening to south"), log.count("listening to north")) == (2, 1) or None

            await eventually(listened_to_again, "a second listening to the node, and only to that one", PATIENCE)
            await still_private(north_call, north_target)
            await finish(north_call, north_target, north_transfer)
            await call.hang_up()


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_restarted_node_has_lost_its_calls_and_every_transfer_says_so(nodes: TwoNodes, how: str) -> None:
    """In every stage: nobody waits for a hold budget, and who can be called back is."""
    north_call, north_target, north_transfer = await consultation(nodes.north)
    office = nodes.south
    patient = Policy(hold_budget=LONG, consult_limit=LONG, when_unanswered=WhenUnanswered.WAIT)
    promise = patient.model_copy(update={"fallbacks": (Recall(), CallBackPromise(after=timedelta(seconds=1)))})
    calls = [await quiet_call(office) for _ in range(5)]
    for name, behaviour in {"target1": Behaviour.rings(), "target2": Behaviour.answers()}.items():
        await office.phones.phone(name, behaviour)
    await office.phones.phone("target3", Behaviour.busy())
    ringing = await calls[0].transfer(Mode.COLD, "target1", ring_timeout=600, policy=promise)
    consulting = await calls[1].transfer(Mode.WARM, "target2", policy=patient)
    deciding = await calls[2].transfer(Mode.WARM, "target3", policy=patient)
    swapped = await calls[3].transfer(Mode.WARM, "target2", policy=patient)
    connected = await calls[4].transfer(Mode.COLD, "target2", policy=patient)
    assert (await asyncio.wait_for(connected.wait(), PATIENCE)).outcome is Outcome.CONNECTED
    await reaches(ringing, Stage.RINGING)
    await reaches(consulting, Stage.CONSULTING)
    await reaches(deciding, Stage.DECIDING)
    await reaches(swapped, Stage.CONSULTING)
    await swapped.swap()
    await reaches(swapped, Stage.SWAPPED)
    watch = nodes.client.get_workflow_handle_for(ConnectedCall.run, supervision_id(connected.id, run_of(connected)))
    before = [len(phone.calls) for phone in (calls[0].customer, calls[0].agent)]

    await (office.node.kill() if how == "killed" else office.node.stop())
    for name in ("customer", "agent", "target1", "target2", "target3"):
        await _given_up(await office.phones.phone(name))
    await office.node.start()
    results = [await asyncio.wait_for(it.wait(), PATIENCE) for it in (ringing, consulting, deciding, swapped)]
    assert [result.outcome for result in results] == [Outcome.CALLBACK_SCHEDULED, *[Outcome.FAILED] * 3], results
    for result in results:
        assert (result.cause, result.ended_by.value, result.customer_with) == (Cause.NODE_DOWN, "engine", ())
        assert says_why(result.evidence), result
    assert [it.kind for it in results[0].fallbacks] == ["call_back"]  # no recall for a customer who is not there
    if how == "killed":  # a node that is stopped tells of one leg after another, and the first is enough
        assert all(says_why(results[number].attempts[-1].evidence) for number in (0, 1, 3)), results
    assert "call ended (node down)" in " ".join(it.text for it in (await consulting.status()).journal)
    over = await asyncio.wait_for(watch.result(), PATIENCE)
    assert (over.left, over.cause, says_why(over.evidence)) == ("", Cause.NODE_DOWN, True)

    # The promise is kept on the node that is back.
    call_back = nodes.client.get_workflow_handle_for(CallBack.run, call_back_id(ringing.id, run_of(ringing)))
    assert (await asyncio.wait_for(call_back.result(), PATIENCE)).outcome == "connected"
    phones = (calls[0].customer, calls[0].agent)
    again = [await nth_call(phone, count + 1, PATIENCE) for phone, count in zip(phones, before, strict=True)]
    await hear_exactly({again[0]: {"agent"}, again[1]: {"customer"}}, PATIENCE)
    await again[0].hang_up()

    await still_private(north_call, north_target)
    await finish(north_call, north_target, north_transfer)


def says_why(evidence: Evidence) -> bool:
    return evidence.text.startswith(("the node was restarted at 20", "the node was shut down"))


def run_of(transfer: RunningTransfer) -> str:
    assert transfer.run_id is not None
    return transfer.run_id


async def _given_up(phone: Phone) -> None:
    """End the calls of a phone without a word, as phones do that hear nothing any more.

    Asterisk, once it is back, may take the port of a lost call for a new one, and would let these be heard there.
    """
    for call in phone.calls:
        await call.close()
