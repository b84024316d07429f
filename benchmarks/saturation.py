"""Which is busy first, an Asterisk node or the workers that transfer its calls: the CPU that each takes for a call."""

import asyncio
from contextlib import AsyncExitStack

from benchmarks.asterisk import PATIENCE, Exchange, exchange, listens
from benchmarks.machine import cpu_seconds
from benchmarks.options import Options
from benchmarks.rows import Asked, Row, median
from hookflash import Mode
from tests.integration.lines import Lines
from tests.rig.sip import Message
from tests.workers.process import WorkerProcess

TITLE = "What saturates first"
ABOUT = """\
CPU time by the kernel's account, so it does not matter who else was busy, of a real Asterisk and of the worker beside
it: for cold transfers, four at any time, of phones that say nothing; and of the Asterisk alone for two people who talk
(G.711, no transcoding). *A call* is a transfer and three minutes of talk: above 1, a node needs more of a core for its
calls than a worker needs for transferring every one of them."""
AT_ONCE = 4
TRANSFERS = 12
"""In a round."""
PAIRS = 5
TALKS = 10.0
"""Seconds."""
MINUTES = 3
"""Of talk in a call."""


async def run(options: Options) -> list[Row]:
    """Measure."""
    whole = Row("CPU for a call: node", "ms", [], "worker", [], Asked(ratio_at_least=1))
    moving = Row("CPU for a transfer without its talk: node", "ms", [], "worker", [])
    talking = Row("CPU of the node for a minute in which two talk", "ms")
    async with exchange() as on, on.worker("worker") as worker:
        await listens(worker)
        lines = await Lines.plug_in(on.office)
        for _ in range(options.samples or 5):
            node, engine = await _transfers(on, lines, worker)
            moving.samples.append(node)
            moving.reference.append(engine)
            talking.samples.append(await _talk(on, lines, TALKS * options.share))
        whole.samples += [it + MINUTES * median(talking.samples) for it in moving.samples]
        whole.reference += moving.reference
    return [whole, moving, talking]


async def _transfers(on: Exchange, lines: Lines, worker: WorkerProcess) -> tuple[float, float]:
    """Return the milliseconds of CPU that a transfer took at the node, and in the worker."""
    phones = [await on.office.phones.phone(name) for name in ("customer", "agent", "target1")]
    voices = [phone.voice_of for phone in phones]
    for phone in phones:
        phone.voice_of = _silent
    hands = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with hands, lines.talk() as line:
            transfer = await line.transfer(Mode.COLD, ring=120)
            line.calls["target"].answer()
            await asyncio.wait_for(transfer.wait(), PATIENCE)
            await line.calls["customer"].hang_up()
            await line.calls["target"].until("ended", PATIENCE)

    pids = (on.office.node.pid, worker.pid)
    before = [cpu_seconds(pid) for pid in pids]
    await asyncio.gather(*(one() for _ in range(TRANSFERS)))
    await on.office.node.drained(PATIENCE)
    node, engine = (cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True))
    for phone, voice in zip(phones, voices, strict=True):
        phone.voice_of = voice
    return node / TRANSFERS * 1000, engine / TRANSFERS * 1000


async def _talk(on: Exchange, lines: Lines, seconds: float) -> float:
    """Return the milliseconds of CPU that the node takes for a minute in which two talk."""
    async with AsyncExitStack() as stack:
        for _ in range(PAIRS):
            await stack.enter_async_context(lines.talk())
        before = cpu_seconds(on.office.node.pid)
        await asyncio.sleep(seconds)
        used = cpu_seconds(on.office.node.pid) - before
    await on.office.node.drained(PATIENCE)
    return used / PAIRS / seconds * 60 * 1000


def _silent(_: Message) -> int:
    return 0
