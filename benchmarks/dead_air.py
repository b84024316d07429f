"""Dead air: from the target's 200 OK to the first sound of the customer at its ear, against Asterisk's own `Dial()`."""

import asyncio
import gc
import random
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from benchmarks.asterisk import OWN_TARGETS, PATIENCE, Exchange, exchange, listens
from benchmarks.options import Options
from benchmarks.rows import Asked, Row
from hookflash import Mode, RunningTransfer
from tests.integration.lines import Line, Lines
from tests.integration.switchboard import nth_call
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, module_process, temporal_at

TITLE = "Dead air"
ABOUT = """\
A cold transfer on a real Asterisk: from the target's 200 OK to the first RTP packet with the customer's tone at the
target. The reference is `Dial()`, to which a customer who is up is sent, on the same node in the same minute: a few
calls of each kind ring at the same time and are answered in random order at random moments. *Saturated*: the same
worker process is given thirty other transfers at any time. *Killed*: kill -9 of the only worker while it rings."""
AGAINST = "Dial()"
ASKED = Asked(ratio_at_most=1.25, p99_above_reference=20)
SAMPLES = 150
"""A delay is anything up to a packet of sound, and evenly so: of two alike, one row in nine of 50 samples each misses
the ratio by chance, and one in fifty of 150."""
TOGETHER = 3
"""Calls of each kind that ring at the same time: more would keep the phones busy."""
LOAD = 30


@dataclass
class Ringing:
    """Calls that ring at the same time."""

    ours: list[tuple[Line, RunningTransfer]] = field(default_factory=list[tuple[Line, RunningTransfer]])
    dialled: list[Call] = field(default_factory=list[Call])

    def targets(self) -> list[tuple[Call, str]]:
        """Return the targets' calls, and into which samples they count."""
        ours = [(line.calls["target"], "samples") for line, _ in self.ours]
        return [*ours, *((call, "reference") for call in self.dialled)]


async def run(options: Options) -> list[Row]:
    """Measure."""
    samples = options.samples or SAMPLES
    rows = [Row(f"200 OK -> target hears the customer, workers {it}", "ms", [], AGAINST, [], ASKED) for it in CASES]
    async with exchange() as on:
        lines = await Lines.plug_in(on.office)
        await on.office.phones.phone("target2", Behaviour.rings())
        for row, case in zip(rows, CASES.values(), strict=True):
            await case(on, lines, row, samples)
    return rows


async def _idle(on: Exchange, lines: Lines, row: Row, samples: int) -> None:
    async with on.worker("idle") as worker:
        await listens(worker)
        while len(row.samples) < samples:
            async with _ringing(on, lines) as ringing:
                await _answer(ringing, row)


async def _saturated(on: Exchange, lines: Lines, row: Row, samples: int) -> None:
    async with on.worker("saturated", HOOKFLASH_SIMULATOR="true", HOOKFLASH_LOG_LEVEL="INFO") as worker:
        await listens(worker)
        while len(row.samples) < samples:
            async with _ringing(on, lines) as ringing, _load(on):
                await _answer(ringing, row)


@asynccontextmanager
async def _load(on: Exchange) -> AsyncGenerator[None]:
    there = temporal_at(on.office.client)
    async with module_process(on.folder / "load.log", "benchmarks.load", "ENGINE", str(LOAD), **there) as load:
        for _ in range(3):  # it says a line each second
            await load.ready()
        yield


async def _killed(on: Exchange, lines: Lines, row: Row, samples: int) -> None:
    while len(row.samples) < samples:
        async with AsyncExitStack() as stack:
            worker = await stack.enter_async_context(on.worker("killed"))
            await listens(worker)
            # The next worker takes over before the calls are cleared away.
            async with _ringing(on, lines) as ringing:
                await _kill(worker)
                await _answer(ringing, row)
                await listens(await stack.enter_async_context(on.worker("next")))


async def _kill(worker: WorkerProcess) -> None:
    worker.send(signal.SIGKILL)
    await worker.end()


CASES = {"idle": _idle, "saturated": _saturated, "killed": _killed}


@asynccontextmanager
async def _ringing(on: Exchange, lines: Lines) -> AsyncGenerator[Ringing]:
    """Let calls of both kinds ring; afterwards everybody hangs up."""
    ringing = Ringing()
    async with AsyncExitStack() as stack:
        for _ in range(TOGETHER):
            line = await stack.enter_async_context(lines.talk())
            ringing.ours.append((line, await line.transfer(Mode.COLD, ring=120)))
            ringing.dialled.append(await _dial(on, next(lines.numbers), lines))
        yield ringing
        for call in ringing.dialled:
            await call.hang_up()
        for line, transfer in ringing.ours:
            await asyncio.wait_for(transfer.wait(), PATIENCE)
            await line.calls["customer"].hang_up()
            await line.calls["target"].until("ended", PATIENCE)
    await on.office.node.drained(PATIENCE)


async def _dial(on: Exchange, number: int, lines: Lines) -> Call:
    """Send a customer who is up to `Dial()`, and return the target's call."""
    phone = await on.office.phones.phone("target2")
    before = len(phone.calls)
    leg = await on.office.calls.connect_phone("customer", variables={"PJSIP_HEADER(add,X-Line)": str(number)})
    await lines.calls.wait("customer", number, PATIENCE)
    await on.office.calls.hand_off(leg, OWN_TARGETS, "7002")
    call = await nth_call(phone, before + 1)
    await call.until("ringing")
    return call


async def _answer(ringing: Ringing, row: Row) -> None:
    """Answer all of them, one after another, and note how long each target heard nobody."""
    targets = ringing.targets()
    random.shuffle(targets)
    with _no_garbage_collection():
        for call, into in targets:
            await asyncio.sleep(random.uniform(0.15, 0.25))
            call.answer()
            answered = call.at["answered"]

            async def hears(call: Call = call, answered: float = answered) -> float | None:
                return call.media.first_heard("customer", answered)

            moment = await eventually(hears, f"the customer at {call}", PATIENCE)
            getattr(row, into).append((moment - answered) * 1000)


@contextmanager
def _no_garbage_collection() -> Generator[None]:
    """Put it off: the process of the phones sends and hears nothing meanwhile, for up to 400 ms."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
