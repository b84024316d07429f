"""What becomes of real calls when the disk of Temporal's database is full, and when there is room again."""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from hookflash import EngineUnreachable, Mode, Outcome, Policy, Stage
from tests.integration.switchboard import ENGINE_APP, Office, quiet_call, reaches, worker_on
from tests.integration.two_nodes import PATIENCE
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually
from tests.support.ports import free_address
from tests.support.prometheus import scrape
from tests.support.server_process import ServerProcess
from tests.support.small_disk import SmallDisk, small_disk
from tests.workers.process import temporal_at

pytestmark = [pytest.mark.asterisk, pytest.mark.small_disk, pytest.mark.timeout(300)]

SOON = timedelta(seconds=3)
PATIENT = Policy(hold_budget=timedelta(minutes=20), consult_limit=timedelta(minutes=20))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=48) as disk:
        yield disk


@pytest.fixture
async def office(
    disk: SmallDisk, asterisk_node: AsteriskNode, phones: PhoneRack, tmp_path: Path
) -> AsyncIterator[Office]:
    """An office whose Temporal keeps its database on that disk."""
    server = ServerProcess(tmp_path, disk=disk)
    try:
        client = await server.start()
        yield Office(asterisk_node, client, phones, CallControl(asterisk_node.ari, ENGINE_APP))
    finally:
        await server.stop()


async def test_transfers_go_on_when_the_disk_was_full_and_has_room_again(
    office: Office, disk: SmallDisk, tmp_path: Path
) -> None:
    """Nothing is restarted. Meanwhile a target answers, and nobody can be transferred or steered."""
    for name, behaviour in {"target1": Behaviour.rings(), "target2": Behaviour.answers()}.items():
        await office.phones.phone(name, behaviour)
    metrics = free_address()
    async with worker_on(office.node, office.client, tmp_path / "worker.log", HOOKFLASH_METRICS_ADDRESS=metrics):
        calls = [await quiet_call(office) for _ in range(3)]
        ringing = await calls[0].transfer(Mode.COLD, "target1", ring_timeout=600, policy=PATIENT)
        talking = await calls[1].transfer(Mode.WARM, "target2", policy=PATIENT)
        await reaches(ringing, Stage.RINGING)
        await reaches(talking, Stage.CONSULTING)
        parties = ("customer", "agent", "target1", "target2")
        customer, agent, one, two = [await office.phones.phone(it) for it in parties]

        async with kept_full(disk, office.client):
            one.calls[0].answer()
            await hear_exactly({customer.calls[0]: {"target1"}, one.calls[0]: {"customer"}}, PATIENCE)
            with pytest.raises(EngineUnreachable):
                await calls[2].transfer(Mode.WARM, "target2", policy=PATIENT)
            await hear_exactly(
                {customer.calls[1]: {"music"}, agent.calls[1]: {"target2"}, two.calls[0]: {"agent"}}, PATIENCE
            )
            # What an operator sees: Temporal answers, and does not write; after half a minute nobody listens any more.
            code, said = await hookflash("doctor", **temporal_at(office.client))
            assert code == 1, said
            assert "cannot be found out" in said

            async def unheard() -> bool | None:
                return True if (await scrape(metrics)).total("hookflash_listener_up") == 0 else None

            await eventually(unheard, "a listener that is known to be none", PATIENCE)
        disk.clear()
        result = await asyncio.wait_for(ringing.wait(), PATIENCE)
        assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
        await talking.complete()
        assert (await asyncio.wait_for(talking.wait(), PATIENCE)).outcome is Outcome.CONNECTED
        await hear_exactly({customer.calls[0]: {"target1"}, one.calls[0]: {"customer"}}, PATIENCE)
        await hear_exactly({customer.calls[1]: {"target2"}, two.calls[0]: {"customer"}}, PATIENCE)
        # Who could not be transferred can be now. That is the first anybody hears of it.
        await reaches(await calls[2].transfer(Mode.WARM, "target2", policy=PATIENT), Stage.CONSULTING)
        await hear_exactly({customer.calls[2]: {"music"}, agent.calls[2]: {"target2"}}, PATIENCE)
        for call in customer.calls:
            await call.hang_up()
        await agent.calls[2].hang_up()
        for call in calls:
            await office.calls.remove(call.room)
        await office.node.drained(PATIENCE)


@asynccontextmanager
async def kept_full(disk: SmallDisk, client: Client) -> AsyncGenerator[None]:
    """Fill a disk and what a database has left inside of its files, again and again: it gives some of it back."""
    numbers = itertools.count()

    async def refuses(size: int) -> bool:
        try:
            await client.start_workflow(
                "Nobodys", "x" * size, id=f"filler-{next(numbers)}", task_queue="nobodys", rpc_timeout=SOON
            )
        except RPCError:
            return True
        return False

    async def nothing_is_taken() -> bool | None:
        return True if all([await refuses(size) for size in (100_000, 1_000, 1_000)]) else None

    async def fill() -> None:
        while True:
            disk.fill()
            await asyncio.sleep(0.05)

    async def use_up() -> None:
        while True:
            await refuses(1_000)

    keeping = [asyncio.create_task(it()) for it in (fill, use_up)]
    try:
        await eventually(nothing_is_taken, "a database that takes nothing more", PATIENCE)
        yield
        assert not any(it.done() for it in keeping)
    finally:
        for it in keeping:
            it.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)


async def hookflash(*words: str, **variables: str) -> tuple[int | None, str]:
    """Run the command, and return its exit code and all it says."""
    command = Path(sys.executable).with_name("hookflash")
    process = await asyncio.create_subprocess_exec(
        command, *words, env=os.environ | variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()
