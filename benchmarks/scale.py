"""Many transfers that wait on hold: memory, and latency of commands."""

import asyncio
import os
import random
import sys
import time
from dataclasses import dataclass
from datetime import timedelta

from temporalio.service import RPCError

from benchmarks.machine import resident_bytes
from benchmarks.options import Options
from benchmarks.rows import Asked, Row, median
from benchmarks.simulated import Bench, bench
from benchmarks.svg import plot
from hookflash import Mode, Policy, RunningTransfer, Stage
from hookflash.names import TRANSFER_STAGE
from tests.support.polling import eventually

TITLE = "Many open transfers"
ABOUT = """\
Warm transfers on the simulator whose customers stay on hold while agent and target talk, in one worker process that
has all of them in memory (*cached*) or hardly any (*evicted*: a command then replays the transfer). The size is what
the command says (`--size`). A command is `swap`, of an open transfer picked at random, until it is answered; the
reference is a second server with a worker of its own that has two open, asked in turns with the first. The listener
may be silent for a minute before it is taken for dead, as nothing here is about its death.

![Memory of the worker by open transfers](images/performance-memory.svg)
![Latency of commands by open transfers](images/performance-latency.svg)"""
SIZE = 1000
MOST_EVICTED = 200
"""Transfers for a worker that keeps a quarter of them: each step of theirs is a replay, which takes its time."""
CHECKPOINTS = 5
COMMANDS = 30
AT_ONCE = 24
UNHURRIED = {"HOOKFLASH_LISTENER_HEARTBEAT_TIMEOUT": "60"}
"""As shipped, a server that is late with everything has a new listener tell all of them to look, in the midst of it."""
BEGINNING = 30.0
"""Longest wait, in seconds, until those that were opened together talk. Those that do not are left out: a busy machine
breaks a limit now and then."""
PATIENT = Policy(hold_budget=timedelta(hours=1), consult_limit=timedelta(hours=1))


async def run(options: Options) -> list[Row]:
    """Measure."""
    size, commands = options.size or SIZE, options.samples or COMMANDS
    cached = await _grow("cached", size, commands, size + 100)
    fewer = min(size, MOST_EVICTED)
    # Room for those that begin at the same time: a smaller cache than that brings everything to a stop.
    evicted = await _grow("evicted", fewer, commands, max(AT_ONCE, fewer // 4))
    both = {"cached": cached, "evicted": evicted}
    memory = {name: [(it.open, it.memory / 1e6) for it in points] for name, points in both.items()}
    latency = {name: [(it.open, median(it.took)) for it in points] for name, points in both.items()}
    latency["two open, in turns with the cached"] = [(it.open, median(it.idle)) for it in cached]
    plot(options.images / "performance-memory.svg", "Memory of a worker", "open transfers", "MB", memory)
    plot(options.images / "performance-latency.svg", "Command, median", "open transfers", "ms", latency)
    asked = Asked(ratio_at_most=2)
    # What is not in memory has to be replayed.
    return [*_rows("cached", cached, asked), *_rows("evicted", evicted, None)]


@dataclass(frozen=True)
class Point:
    """What was measured with so many open."""

    open: int
    memory: int
    """Resident bytes of the worker."""
    took: list[float]
    """Milliseconds of commands."""
    idle: list[float]
    """Milliseconds of commands with two open, in turns with these."""
    rate: float
    """Opened in a second since the point before."""

    def __str__(self) -> str:
        """Return it in words, for whoever waits."""
        took, idle = median(self.took), median(self.idle)
        load = os.getloadavg()[0]
        return (
            f"{self.open:,} open: {took:.1f} ms, {idle:.1f} with 2, {self.rate:.1f} opened in a second, load {load:.1f}"
        )


async def _grow(name: str, size: int, commands: int, cache: int) -> list[Point]:
    limits = {"HOOKFLASH_CACHED_WORKFLOWS": str(cache)} | UNHURRIED
    async with bench(**limits) as on, bench(**limits) as beside:
        few = await _open(beside, 2)
        transfers = await _open(on, 2)
        points: list[Point] = []
        for wanted in (2, *(max(2, size * checkpoint // CHECKPOINTS) for checkpoint in range(1, CHECKPOINTS + 1))):
            before, began = len(transfers), time.monotonic()
            while len(transfers) < wanted:
                transfers += await _open(on, min(AT_ONCE, wanted - len(transfers)))
            rate = (len(transfers) - before) / (time.monotonic() - began)
            took, idle = await commands_in_turns(random.sample(transfers, min(len(transfers), commands)), few, commands)
            points.append(Point(len(transfers), resident_bytes(on.engine.pid), took, idle, rate))
            sys.stderr.write(f"{name}, {points[-1]}\n")
    return points


def _rows(name: str, points: list[Point], asked: Asked | None) -> list[Row]:
    # From the first checkpoint on: before it, a worker grows for itself.
    few, most = points[1], points[-1]
    grown = (most.memory - few.memory) / (most.open - few.open) / 1000
    against = "with 2 open"
    return [
        Row(f"memory of the worker for each transfer, {name}", "kB", [grown]),
        Row(f"command with {most.open:,} open, {name}", "ms", most.took, against, most.idle, asked),
        Row(f"opened in a second, {name}: the last fifth", "1/s", [most.rate], "the first", [few.rate]),
    ]


async def _open(on: Bench, count: int) -> list[RunningTransfer]:
    """Open some transfers, wait until their agents and targets talk, and return those that do."""
    requests = [on.request(Mode.WARM, answer_after=0.05, policy=PATIENT) for _ in range(count)]
    begun = await asyncio.gather(*map(on.transfers.start, requests), return_exceptions=True)
    transfers = [transfer for transfer in begun if not isinstance(transfer, BaseException)]
    there = await asyncio.gather(*(_talks(on, transfer) for transfer in transfers))
    talking = [transfer for transfer, talks in zip(transfers, there, strict=True) if talks]
    assert talking, f"none of {count} transfers came to a consultation within {BEGINNING} s: {begun}"
    if missing := count - len(talking):
        sys.stderr.write(f"{missing} of {count} did not come to a consultation\n")
    return talking


async def _talks(on: Bench, transfer: RunningTransfer) -> bool:
    """Tell whether agent and target come to talk in time.

    The server is asked for what it has in memory of this one: a question to the transfer would be a task of the
    worker's, and the server's index takes the longer, the more it has.
    """
    handle = on.handle(transfer)

    async def talks() -> bool | None:
        try:
            described = await handle.describe()
        except RPCError:
            return None
        return described.typed_search_attributes.get(TRANSFER_STAGE) == Stage.CONSULTING.value or None

    try:
        return await eventually(talks, "a consultation", BEGINNING, every=0.2)
    except AssertionError:
        return False


async def commands_in_turns(
    transfers: list[RunningTransfer], few: list[RunningTransfer], count: int
) -> tuple[list[float], list[float]]:
    """Return how long commands took, in milliseconds, in turns: on each of the ones, and on each of the others."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(count):
        for samples, of in zip(took, (transfers, few), strict=True):
            began = time.perf_counter()
            await of[number % len(of)].swap()
            samples.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.1)
    return took
