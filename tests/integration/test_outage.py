"""What becomes of a real call when every process of the engine is gone."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hookflash import Mode, Outcome
from tests.integration.switchboard import ENGINE_APP, Office, temporal_server, worker_on
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack

pytestmark = pytest.mark.asterisk


@pytest.fixture
async def office(asterisk_node: AsteriskNode, phones: PhoneRack) -> AsyncIterator[Office]:
    """An office whose engine the test starts and kills by itself."""
    async with temporal_server() as client:
        yield Office(asterisk_node, client, phones, CallControl(asterisk_node.ari, ENGINE_APP))


async def test_an_answer_while_the_whole_engine_is_dead_connects_and_is_learnt_later(
    office: Office, tmp_path: Path
) -> None:
    async with worker_on(office.node, office.client, tmp_path / "first.log") as worker:
        call = await office.call()
        target = await call.target(Behaviour.rings())
        transfer = await call.transfer(Mode.COLD, "target1", ring_timeout=30)
        ringing = await target.incoming()
        await ringing.until("ringing")
        await hear_exactly({call.customer: {"ringback"}, call.agent: {"music"}})
        worker.send(signal.SIGKILL)
        await worker.end()
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
        target = await call.target(Behaviour.rings())
        transfer = await call.transfer(Mode.WARM, "target1", ring_timeout=2)
        ringing = await target.incoming()
        await ringing.until("ringing")
        worker.send(signal.SIGKILL)
        await worker.end()
    # Nobody of us is there: the provider's own time-out ends the ringing.
    await ringing.until("cancelled")
    await hear_exactly({call.customer: {"music"}})
    async with worker_on(office.node, office.client, tmp_path / "second.log"):
        result = await transfer.wait()
        assert result.outcome is Outcome.RETURNED_TO_AGENT
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
        await call.hang_up()
        await office.node.drained()  # the new worker has cleared up, before it is stopped
