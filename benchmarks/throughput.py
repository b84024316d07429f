"""How many transfers a core of worker does, against bare workflows with the same round trips."""

import asyncio
from pathlib import Path

from benchmarks.machine import cpu_seconds
from benchmarks.options import Options
from benchmarks.rows import Asked, Row
from benchmarks.simulated import COMPILED, Bench, bench
from tests.workers.process import WorkerProcess, module_process, temporal_at

TITLE = "Throughput"
ABOUT = """\
Cold transfers on the simulator, twenty of them at any time, from a client of its own process; the engine and its
floor (`Floor` in `benchmarks/peers.py`) in turns. *A core of worker* is the CPU time that the worker process took, by
the kernel's account, so it does not matter who else was busy. The watch over the connected call is part of both.
Neither has the SDK's sandbox."""
AT_ONCE = 20
ROUND = 12.0
SETTLE = 3


async def run(options: Options) -> list[Row]:
    """Measure."""
    per_core = Row("transfers per second of a worker's CPU", "1/s", [], "bare workflow", [], Asked(ratio_at_least=0.75))
    rate = Row("transfers per second, all on this machine", "1/s", [], "bare workflow", [])
    async with bench() as on:
        for _ in range(options.samples or 4):
            for kind, worker, which in (("ENGINE", on.engine, "samples"), ("FLOOR", on.peers, "reference")):
                ended, seconds, cpu = await ended_in(on, kind, worker, ROUND * options.share)
                getattr(per_core, which).append(ended / cpu)
                getattr(rate, which).append(ended / seconds)
    return [per_core, rate]


async def ended_in(on: Bench, kind: str, worker: WorkerProcess, seconds: float) -> tuple[float, float, float]:
    """Return how many transfers ended, in how many seconds, and the CPU that the worker took for them."""
    log = Path(on.folder / f"load-{kind}.log")
    async with module_process(log, "benchmarks.load", kind, str(AT_ONCE), **temporal_at(on.client), **COMPILED) as load:
        for _ in range(SETTLE):
            await load.ready()
        began, cpu = await _count(load), cpu_seconds(worker.pid)
        while True:
            now = await _count(load)
            if now[1] - began[1] >= seconds:
                break
        used = cpu_seconds(worker.pid) - cpu
    await asyncio.sleep(1)  # what was under way
    return now[0] - began[0], now[1] - began[1], used


async def _count(load: WorkerProcess) -> tuple[float, float]:
    done, at = (await load.ready()).split()
    return float(done), float(at)
