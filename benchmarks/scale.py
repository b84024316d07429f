"""Many transfers that wait on hold: memory, latency of commands, and what a reconcile costs."""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from datetime import timedelta

from benchmarks.asterisk import PATIENCE, exchange, listens
from benchmarks.machine import resident_bytes
from benchmarks.options import Options
from benchmarks.rows import Asked, Row, median
from benchmarks.simulated import Bench, bench
from benchmarks.svg import plot
from hookflash import Mode, Policy, RunningTransfer, Stage
from hookflash.names import TRANSFER_STAGE
from tests.integration.lines import Lines
from tests.integration.reconciling import reconcile
from tests.providers.ari_proxy import AriProxy
from tests.rig.sip import Message
from tests.support.polling import eventually

TITLE = "Many open transfers"
ABOUT = """\
Warm transfers on the simulator whose customers stay on hold while agent and target talk, in one worker process that
has all of them in memory (*cached*) or hardly any (*evicted*: a command then replays the transfer). The size is what
the command says (`--size`). A command is `swap`, of an open transfer picked at random, until it is answered. The
reconcile is measured on a real Asterisk through a proxy that counts the worker's requests when its event socket is
cut, until every transfer is at rest again. Apart from these are the phones whose transfer key may have been pressed
while nobody listened: each is told, later and one after another, as Asterisk does not say which of them wait.

![Memory of the worker by open transfers](images/performance-memory.svg)
![Latency of commands by open transfers](images/performance-latency.svg)"""
SIZE = 1000
MOST_EVICTED = 200
"""Transfers for a worker that keeps a quarter of them: each step of theirs is a replay, which takes its time."""
CHECKPOINTS = 5
COMMANDS = 30
AT_ONCE = 24
PATIENT = Policy(hold_budget=timedelta(hours=1), consult_limit=timedelta(hours=1))
FEW, MANY = 5, 30
"""Open transfers on the real Asterisk at a reconcile."""


async def run(options: Options) -> list[Row]:
    """Measure."""
    size, commands = options.size or SIZE, options.samples or COMMANDS
    cached = await _grow("cached", size, commands, size + 100)
    fewer = min(size, MOST_EVICTED)
    # Room for those that begin at the same time: a smaller cache than that brings everything to a stop.
    evicted = await _grow("evicted", fewer, commands, max(AT_ONCE, fewer // 4))
    both = {"cached": cached, "evicted": evicted}
    memory = {name: [(n, bytes_ / 1e6) for n, bytes_, _ in points] for name, (points, _) in both.items()}
    latency = {name: [(n, median(took)) for n, _, took in points] for name, (points, _) in both.items()}
    plot(options.images / "performance-memory.svg", "Memory of a worker", "open transfers", "MB", memory)
    plot(options.images / "performance-latency.svg", "Command, median", "open transfers", "ms", latency)
    return [*cached[1], *evicted[1], *await _reconcile()]


Point = tuple[int, int, list[float]]
"""Open transfers, resident bytes of the worker, milliseconds of commands."""


async def _grow(name: str, size: int, commands: int, cache: int) -> tuple[list[Point], list[Row]]:
    async with bench(HOOKFLASH_CACHED_WORKFLOWS=str(cache)) as on:
        transfers = await _open(on, 2, 0)
        points = [(0, resident_bytes(on.engine.pid), await _commands(transfers, commands))]
        began = time.monotonic()
        for checkpoint in range(1, CHECKPOINTS + 1):
            wanted = max(2, size * checkpoint // CHECKPOINTS)
            while (there := len(transfers)) < wanted:
                transfers += await _open(on, min(AT_ONCE, wanted - there), there)
            took = await _commands(random.sample(transfers, min(len(transfers), commands)), commands)
            points.append((len(transfers), resident_bytes(on.engine.pid), took))
        opened = len(transfers) / (time.monotonic() - began)
    # From the first checkpoint on: before it, a worker grows for itself.
    (_, _, idle), (few, grown, _), (most, full, loaded) = points[0], points[1], points[-1]
    against = "with 2 open"
    asked = Asked(ratio_at_most=2) if cache > size else None  # what is not in memory has to be replayed
    rows = [
        Row(f"memory of the worker for each transfer, {name}", "kB", [(full - grown) / (most - few) / 1000]),
        Row(f"command with {most:,} open, {name}", "ms", loaded, against, idle, asked),
        Row(f"opened in a second, {name}", "1/s", [opened]),
    ]
    return points, rows


async def _open(on: Bench, count: int, there: int) -> list[RunningTransfer]:
    """Open some transfers, and wait until their agents and targets talk; so many do already.

    The server's index is asked, once for all of them: a question to each would be a task of the worker's.
    """
    requests = [on.request(Mode.WARM, answer_after=0.05, policy=PATIENT) for _ in range(count)]
    transfers = await asyncio.gather(*map(on.transfers.start, requests))
    talking = f"{TRANSFER_STAGE.name} IN ('{Stage.CONSULTING.value}', '{Stage.SWAPPED.value}')"

    async def all_talk() -> bool | None:
        return (await on.client.count_workflows(talking)).count >= there + count or None

    await eventually(all_talk, "the consultations", PATIENCE, every=0.1)
    return list(transfers)


async def _commands(transfers: list[RunningTransfer], count: int) -> list[float]:
    """Return how long commands took, in milliseconds: on each of these in turn, and undone each time."""
    took: list[float] = []
    for number in range(count):
        transfer = transfers[number % len(transfers)]
        began = time.perf_counter()
        await transfer.swap()
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.1)
    return took


async def _reconcile() -> list[Row]:
    """Return how many requests a reconcile makes with few open transfers, and with many."""
    against = f"with {FEW} open"
    asked = Row(f"requests of a reconcile with {MANY} open", "", [], against, [], Asked(ratio_at_most=1.5))
    told = Row(f"phones told that a lost key leads to nothing, with {MANY} open", "", [], against, [])
    async with exchange(blocks=2) as on:
        proxy = AriProxy(on.office.node.ari_url)
        async with proxy, on.worker("worker", HOOKFLASH_ASTERISK_URL=proxy.url, HOOKFLASH_LOG_LEVEL="INFO") as worker:
            await listens(worker)
            lines = await Lines.plug_in(on.office)
            for phone in ("customer", "agent", "target1"):
                (await on.office.phones.phone(phone)).voice_of = _silent
            async with AsyncExitStack() as stack:
                transfers: list[RunningTransfer] = []
                for wanted, pick in ((FEW, "reference"), (MANY, "samples")):
                    while len(transfers) < wanted:
                        line = await stack.enter_async_context(lines.talk())
                        transfers.append(await line.transfer(Mode.WARM, ring=600))
                    requests = await reconcile(on.office.client, proxy, worker)
                    for row, count in ((asked, len(requests.looks)), (told, len(requests.told))):
                        getattr(row, pick).append(float(count))
    return [asked, told]


def _silent(_: Message) -> int:
    return 0
