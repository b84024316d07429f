"""What a listener that begins again costs: the requests of a reconcile with few open transfers, and with many."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from benchmarks.asterisk import Exchange, PeerNode, exchange, listens
from benchmarks.options import Options
from benchmarks.quiet import PORTS_FOR, QuietNode, open_quietly
from benchmarks.rows import Asked, Row
from benchmarks.scale import COMMANDS, PATIENT, SIZE
from hookflash import Mode, Party, RunningTransfer
from tests.integration.lines import Lines
from tests.integration.reconciling import TRANSFERS_TOLD, at_rest, reconcile
from tests.providers.ari_proxy import AriProxy
from tests.rig.behaviour import Behaviour
from tests.rig.sip import Message
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess

WINDOW = 20.0
TITLE = "A reconcile"
ABOUT = f"""\
Warm transfers on a real Asterisk whose targets ring. The worker's event socket is cut, and a proxy counts its requests
to Asterisk until every transfer is at rest again. With a thousand open nobody is to be heard, as their sound would be
more than this machine can carry: customer and agent are legs into Asterisk's own dialplan that send nothing (`Local`),
there is no music and no ring tone, and the target is a SIP phone that rings. Requests of {WINDOW:g} seconds are counted
then; two of them are the listener's, which counts every 15 s how many legs are open. A command is `unhold` or `hold`
of a customer, until it is answered. With *phones that talk* all are SIP phones. Apart from these requests are the
phones whose transfer key may have been pressed while nobody listened: each is told, later and one after another, as
Asterisk does not say which of them wait."""
FEW, MANY_TALK = 5, 30
PATIENCE = 60.0
ASKED = Asked(ratio_at_most=1.5)


class Beside(NamedTuple):
    """A worker with a proxy between it and the node."""

    on: Exchange
    proxy: AriProxy
    worker: WorkerProcess


async def run(options: Options) -> list[Row]:
    """Measure."""
    return [*await quiet(options), *await _talking()]


async def quiet(options: Options) -> list[Row]:
    """Return how many requests it makes where nobody is to be heard."""
    many, against = options.size or SIZE, f"with {FEW} open"
    requests = Row(f"requests with {many:,} open", "", [], against, [], ASKED)
    told = Row(f"until the transfers are told, {many:,} open", "s", [], against, [])
    command = Row(f"command with {many:,} open", "ms", [], against, [], Asked(ratio_at_most=2))
    async with _beside(QuietNode, 1 + many // PORTS_FOR) as beside:
        phone = await beside.on.office.phones.phone("target1", Behaviour.rings())
        opened: list[RunningTransfer] = []
        for wanted, pick in ((FEW, "reference"), (many, "samples")):
            began = time.monotonic()
            opened += [it.transfer for it in await open_quietly(beside.on, phone, PATIENT, wanted - len(opened))]
            sys.stderr.write(f"{len(opened):,} open after {time.monotonic() - began:.0f} s\n")
            made, took = await _reconcile(beside, WINDOW * options.share)
            getattr(requests, pick).append(float(made))
            getattr(told, pick).append(took)
            getattr(command, pick).extend(await _commands(random.choices(opened, k=options.samples or COMMANDS)))
    return [requests, told, command]


async def _commands(transfers: list[RunningTransfer]) -> list[float]:
    """Bring customer and agent of each together and apart again; return how long each command took, in milliseconds."""
    took: list[float] = []
    for transfer in transfers:
        for command in (transfer.unhold, transfer.hold):
            began = time.perf_counter()
            await command(Party.CUSTOMER)
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.1)
    return took


async def _reconcile(beside: Beside, window: float) -> tuple[int, float]:
    """Cut the event socket; return the requests in a while, and the seconds until the transfers were told."""
    client = beside.on.office.client
    await eventually(lambda: at_rest(client), "an end of what transfers did before", PATIENCE, every=1)
    before, logged = len(beside.proxy.requests), beside.worker.log.count(TRANSFERS_TOLD)
    began = time.monotonic()
    await beside.proxy.cut()

    async def told() -> bool | None:
        return beside.worker.log.count(TRANSFERS_TOLD) > logged or None

    await eventually(told, "transfers that were told", PATIENCE)
    took = time.monotonic() - began
    await asyncio.sleep(window - took)
    await eventually(lambda: at_rest(client), "an end of what transfers do", PATIENCE, every=1)
    return len(beside.proxy.requests) - before, took


async def _talking() -> list[Row]:
    """Return how many requests it makes with phones that talk, and how many phones are told afterwards."""
    against = f"with {FEW} open"
    asked = Row(f"requests with {MANY_TALK} open, phones that talk", "", [], against, [], ASKED)
    told = Row(f"phones told that a lost key leads to nothing, with {MANY_TALK} open", "", [], against, [])
    async with _beside(PeerNode, 2) as (on, proxy, worker):
        lines = await Lines.plug_in(on.office)
        for phone in ("customer", "agent", "target1"):
            (await on.office.phones.phone(phone)).voice_of = _silent
        async with AsyncExitStack() as stack:
            opened = 0
            for wanted, pick in ((FEW, "reference"), (MANY_TALK, "samples")):
                while opened < wanted:
                    line = await stack.enter_async_context(lines.talk())
                    await line.transfer(Mode.WARM, ring=600)
                    opened += 1
                requests = await reconcile(on.office.client, proxy, worker)
                for row, count in ((asked, len(requests.looks)), (told, len(requests.told))):
                    getattr(row, pick).append(float(count))
    return [asked, told]


@asynccontextmanager
async def _beside(kind: type[PeerNode], blocks: int) -> AsyncGenerator[Beside]:
    async with (
        exchange(blocks, kind=kind) as on,
        AriProxy(on.office.node.ari_url) as proxy,
        on.worker("worker", HOOKFLASH_ASTERISK_URL=proxy.url, HOOKFLASH_LOG_LEVEL="INFO") as worker,
    ):
        yield Beside(on, proxy, await listens(worker))


def _silent(_: Message) -> int:
    return 0
