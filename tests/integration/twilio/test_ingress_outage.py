"""What becomes of calls on Twilio when what takes its webhooks is killed, for good or one of two."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from hookflash import AcceptGate, Mode, Outcome, RunningTransfer, Stage
from tests.integration.switchboard import reaches
from tests.integration.twilio.office import Call, Office, to
from tests.providers.world import ANNOUNCEMENT, MUSIC, RINGBACK, Party
from tests.support.ports import free_port
from tests.workers.process import WorkerProcess

GATE = AcceptGate(timeout=timedelta(seconds=30))


@pytest.fixture
async def ingress(office: Office) -> WorkerProcess:
    """Give the ingress, a new one if a test before has killed it."""
    return await office.listening_ingress()


async def test_a_transfer_goes_on_while_no_ingress_lives(call: Call, office: Office, ingress: WorkerProcess) -> None:
    """What no webhook tells is seen by the worker's look at the calls, and who is put on hold meanwhile hears music."""
    target = await call.target()
    transfer = await call.transfer(Mode.WARM, to(target))
    await call.hear({call.customer: {MUSIC}, call.agent: {RINGBACK}})
    await call.rung(target)

    await ingress.kill()
    await call.answer(target)
    await reaches(transfer, Stage.CONSULTING)
    await call.hear({call.customer: {MUSIC}, call.agent: {"target"}, target: {"agent"}})
    await transfer.swap()
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}, target: {MUSIC}})
    await transfer.swap()
    await call.hear({call.customer: {MUSIC}, call.agent: {"target"}, target: {"agent"}})
    await transfer.complete()
    result = await transfer.wait()
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
    assert await call.rings(target) == 1
    # Whoever is left is released, too.
    await call.hang_up(call.customer)
    await call.hear({target: set()})
    assert not office.ingresses[-1].running


async def test_a_transfer_that_begins_while_no_ingress_lives_rings_and_connects(
    call: Call, ingress: WorkerProcess
) -> None:
    target = await call.target()
    await ingress.kill()
    transfer = await call.transfer(Mode.COLD, to(target))
    await call.rung(target)
    await call.hear({call.customer: {RINGBACK}, call.agent: {MUSIC}})
    await call.answer(target)
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})


@pytest.mark.parametrize("asked", [False, True], ids=["while it rings", "while it is asked"])
async def test_who_is_asked_is_lost_with_the_ingress_and_the_customer_is_not(
    call: Call, office: Office, ingress: WorkerProcess, asked: bool
) -> None:
    """Twilio ends a leg for which it gets no TwiML. With another ingress the next one is asked as ever."""
    target = await call.target()
    transfer = await call.transfer(Mode.COLD, to(target, gate=GATE))
    await call.rung(target)
    if asked:
        await call.answer(target)
        await reaches(transfer, Stage.SCREENING)
        await call.hear({target: {ANNOUNCEMENT}, call.customer: {MUSIC}})
        await ingress.kill()
        await call.press(target, "1")
    else:
        await ingress.kill()
        await call.answer(target)
    await call.hear({target: set()})
    result = await transfer.wait()
    assert result.outcome is Outcome.RETURNED_TO_AGENT
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}})

    await office.listening_ingress()
    second = await call.target(name="second")
    again = await call.transfer(Mode.COLD, to(second, gate=GATE))
    await taken(call, again, second)


@pytest.mark.parametrize("killed", [0, 1])
async def test_of_two_ingresses_one_is_killed_and_nobody_notices(
    call: Call, office: Office, ingress: WorkerProcess, killed: int
) -> None:
    """Twilio tries again, and finds the other one: whichever of the two has asked, the key that is pressed counts."""
    await ingress.kill()
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    two = [await office.another_ingress(it) for it in addresses]
    async with balancer(office.variables["HOOKFLASH_INGRESS_ADDRESS"], addresses):
        target = await call.target()
        transfer = await call.transfer(Mode.COLD, to(target, gate=GATE))
        await call.rung(target)
        await call.answer(target)
        await reaches(transfer, Stage.SCREENING)
        await call.hear({target: {ANNOUNCEMENT}, call.customer: {MUSIC}})
        await two[killed].kill()
        await call.press(target, "1")
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
        # Others begin, and find it as it was.
        call.agent = Party(target.name, (await transfer.wait()).attempts[0].leg, target.address)
        second = await call.target(name="second")
        again = await call.transfer(Mode.COLD, to(second, gate=GATE))
        await taken(call, again, second)
        await two[1 - killed].kill()


async def taken(call: Call, transfer: RunningTransfer, target: Party) -> None:
    """Have a target that is asked take the customer."""
    await call.rung(target)
    await call.answer(target)
    await reaches(transfer, Stage.SCREENING)
    await call.hear({target: {ANNOUNCEMENT}, call.customer: {MUSIC}})
    await call.press(target, "1")
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {target.name}, target: {"customer"}, call.agent: set()})


@asynccontextmanager
async def balancer(address: str, backends: Sequence[str]) -> AsyncGenerator[None]:
    """Give each connection to the next backend in turn, and close it if that is dead: no balancer knows less."""
    turns, moving = itertools.cycle(backends), set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = next(turns).rpartition(":")
        try:
            theirs, ours = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        moving.update({asyncio.create_task(_move(reader, ours)), asyncio.create_task(_move(theirs, writer))})

    host, _, port = address.rpartition(":")
    async with await asyncio.start_server(connected, host, int(port)):
        yield
        for task in moving:
            task.cancel()
        await asyncio.gather(*moving, return_exceptions=True)


async def _move(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while moved := await source.read(65536):
            sink.write(moved)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()
