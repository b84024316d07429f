"""What becomes of real calls when Temporal is killed, and when it gets an older database back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from hookflash import Cause, Mode, Outcome, Policy, RunningTransfer, Stage, TransferNotFound, TransferResult
from tests.integration.switchboard import ENGINE_APP, Office, TalkingCall, nth_call, quiet_call, reaches, worker_on
from tests.integration.two_nodes import PATIENCE
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

LONG = timedelta(minutes=20)
"""No test waits that long: what ends here does not end because its time is up."""
SOON = timedelta(seconds=8)


@dataclass
class Site:
    """An office, and the server behind it."""

    office: Office
    server: ServerProcess


@pytest.fixture
async def site(asterisk_node: AsteriskNode, phones: PhoneRack, tmp_path: Path) -> AsyncIterator[Site]:
    """An office with a server, and without a worker."""
    server = ServerProcess(tmp_path)
    try:
        client = await server.start()
        yield Site(Office(asterisk_node, client, phones, CallControl(asterisk_node.ari, ENGINE_APP)), server)
    finally:
        await server.stop()


async def over(transfer: RunningTransfer) -> TransferResult:
    return await asyncio.wait_for(transfer.wait(), PATIENCE)


async def test_transfers_go_on_when_temporal_was_killed_and_is_back(site: Site, tmp_path: Path) -> None:
    """A target answers while it is away, and the time of a talk runs out then or later. The worker is the same."""
    office = site.office
    for name, behaviour in {"target1": Behaviour.rings(), "target2": Behaviour.answers()}.items():
        await office.phones.phone(name, behaviour)
    async with worker_on(office.node, office.client, tmp_path / "worker.log"):
        calls = [await quiet_call(office) for _ in range(2)]
        ringing = await calls[0].transfer(Mode.COLD, "target1", ring_timeout=600, policy=Policy(hold_budget=LONG))
        limited = await calls[1].transfer(Mode.WARM, "target2", policy=Policy(hold_budget=LONG, consult_limit=SOON))
        await reaches(ringing, Stage.RINGING)
        await reaches(limited, Stage.CONSULTING)
        parties = ("customer", "agent", "target1", "target2")
        customer, agent, one, two = [await office.phones.phone(it) for it in parties]

        await site.server.kill()
        one.calls[0].answer()
        await hear_exactly({customer.calls[0]: {"target1"}, one.calls[0]: {"customer"}}, PATIENCE)
        await hear_exactly(
            {customer.calls[1]: {"music"}, agent.calls[1]: {"target2"}, two.calls[0]: {"agent"}}, PATIENCE
        )
        await site.server.start()

        result = await over(ringing)
        assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
        result = await over(limited)
        assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.CONSULT_LIMIT)
        await hear_exactly({customer.calls[0]: {"target1"}, one.calls[0]: {"customer"}}, PATIENCE)
        await hear_exactly({customer.calls[1]: {"agent"}, agent.calls[1]: {"customer"}}, PATIENCE)
        await hang_up(site, calls, customer.calls[0], customer.calls[1], agent.calls[1])


async def test_a_restored_backup_is_set_right_by_the_calls_and_what_began_since_is_not_known(
    site: Site, tmp_path: Path
) -> None:
    """Of four transfers one waits now as it did then, two are over since, and one has begun since.

    No worker runs while the database is exchanged: a listener that did would not look at the calls afterwards.
    """
    office = site.office
    scripts = {"target1": Behaviour.rings(), "target2": Behaviour.answers(), "target3": Behaviour.rings()}
    for name, behaviour in scripts.items():
        await office.phones.phone(name, behaviour)
    patient = Policy(hold_budget=LONG, consult_limit=LONG)
    backup = tmp_path / "backup"
    async with worker_on(office.node, office.client, tmp_path / "old.log") as worker:
        calls = [await quiet_call(office) for _ in range(4)]
        waiting = await calls[0].transfer(Mode.COLD, "target1", ring_timeout=600, policy=patient)
        handed = await calls[1].transfer(Mode.WARM, "target2", policy=patient)
        await reaches(handed, Stage.CONSULTING)  # the phone's first call is this one's
        left = await calls[2].transfer(Mode.WARM, "target2", policy=patient)
        await reaches(waiting, Stage.RINGING)
        await reaches(left, Stage.CONSULTING)
        site.server.back_up(backup)
        parties = ("customer", "agent", "target1", "target2", "target3")
        customer, agent, one, two, three = [await office.phones.phone(it) for it in parties]
        await handed.complete()
        assert (await over(handed)).outcome is Outcome.CONNECTED
        await agent.calls[2].hang_up()
        await customer.calls[2].hang_up()
        assert (await over(left)).outcome is Outcome.CUSTOMER_LEFT
        began = await calls[3].transfer(Mode.COLD, "target3", ring_timeout=600, policy=patient)
        await (await nth_call(three, 1, PATIENCE)).until("ringing", PATIENCE)
        worker.send(signal.SIGTERM)
        assert await worker.end() == 0
    await site.server.kill()
    site.server.restore(backup)
    one.calls[0].answer()
    await site.server.start()
    async with worker_on(office.node, office.client, tmp_path / "new.log"):
        result = await over(waiting)
        assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
        # These are open again, in the middle of their talks. What is true of the calls ends them once more.
        result = await over(handed)
        assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
        assert (await over(left)).outcome is Outcome.CUSTOMER_LEFT
        for number, target in enumerate((one, two)):
            await hear_exactly({customer.calls[number]: {target.name}, target.calls[0]: {"customer"}}, PATIENCE)
        # Of this one Temporal knows nothing. Its call goes on as it was arranged, by Asterisk alone.
        with pytest.raises(TransferNotFound):
            await began.status()
        await hear_exactly({customer.calls[3]: {"ringback"}, agent.calls[3]: {"music"}}, PATIENCE)
        three.calls[0].answer()
        await hear_exactly({customer.calls[3]: {"target3"}, three.calls[0]: {"customer"}}, PATIENCE)
        await hear_exactly({agent.calls[3]: {"music"}}, PATIENCE)
        (room,) = [it["id"] for it in await office.node.bridges() if calls[3].customer_leg in it["channels"]]
        # Nobody releases them, and nobody removes their room.
        for call in (customer.calls[3], agent.calls[3], three.calls[0]):
            await call.hang_up()
        await office.calls.remove(room)
        await hang_up(site, calls, *customer.calls[:2])


async def hang_up(site: Site, calls: Sequence[TalkingCall], *phones: Call) -> None:
    """End what is left of these calls, and wait until the worker has cleared up."""
    for phone in phones:
        await phone.hang_up()
    for call in calls:
        await site.office.calls.remove(call.room)
    await site.office.node.drained(PATIENCE)
