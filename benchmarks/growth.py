"""What grows with the events of a transfer's history, and with the workers."""

import sys
import time
from contextlib import AsyncExitStack

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from benchmarks.machine import resident_bytes
from benchmarks.options import Options
from benchmarks.rows import Row, median
from benchmarks.scale import PATIENT, UNHURRIED, commands_in_turns
from benchmarks.simulated import Bench, bench
from benchmarks.svg import plot
from benchmarks.throughput import ROUND, ended_in
from hookflash import Mode, RunningTransfer, Stage
from hookflash.converter import data_converter
from tests.integration.switchboard import reaches
from workers.engine import WORKFLOWS
from workers.sandbox import Sandbox, workflow_runner
from workflows.guard import GuardInterceptor

TITLE = "Long histories and more workers"
ABOUT = """\
Commands (`swap`) of a warm transfer on the simulator that has had many already, in turns with those of one that has
just begun; the worker has both in memory. *Replay* is what a worker does first that has not: the whole history, here
in the process that measures. *Workers* are processes that make the steps of transfers, one more beside them has the
simulator; what ends in a second is measured as under *Throughput*, and commands while nothing else happens. All of
them share the machine with the server, so more workers than cores show what they cost, not what they bring.

![Command and replay by events](images/performance-events.svg)
![Transfers in a second by workers](images/performance-workers-rate.svg)
![Latency of commands by workers](images/performance-workers-latency.svg)"""
EVENTS = 2000
CHECKPOINTS = 4
WORKERS = 4
COMMANDS = 20
REPLAYS = 5


async def run(options: Options) -> list[Row]:
    """Measure."""
    samples = options.samples or COMMANDS
    return [*await _by_events(options, samples), *await _by_workers(options, samples)]


async def _by_events(options: Options, samples: int) -> list[Row]:
    """Return the commands and the replay of the longest history, against those of the shortest."""
    commands: list[tuple[float, list[float], list[float]]] = []
    replays: list[tuple[float, list[float]]] = []
    async with bench(**UNHURRIED) as on:
        transfer = await _talking(on)
        for checkpoint in range(CHECKPOINTS + 1):
            while (length := await _events_of(on, transfer)) < EVENTS * options.share * checkpoint / CHECKPOINTS:
                await transfer.swap()
            replays.append((length, await _replays(await on.handle(transfer).fetch_history())))
            fresh = await _talking(on)
            commands.append((length, *await commands_in_turns([transfer], [fresh], samples)))
            await fresh.cancel()
            sys.stderr.write(
                f"{length:,} events: {median(commands[-1][1]):.1f} ms, {median(replays[-1][1]):.1f} to replay\n"
            )
    series = {
        "command": [(length, median(took)) for length, took, _ in commands],
        "command of one that has just begun": [(length, median(took)) for length, _, took in commands],
        "replay": [(length, median(took)) for length, took in replays],
    }
    plot(options.images / "performance-events.svg", "By the length of a history", "events", "ms", series)
    (shortest, least), (_, most) = replays[0], replays[-1]
    length, took, fresh_took = commands[-1]
    return [
        Row(f"command after {length:,} events", "ms", took, "just begun", fresh_took),
        Row(f"replay of {length:,} events", "ms", most, f"of {shortest:,}", least),
    ]


async def _replays(history: WorkflowHistory) -> list[float]:
    """Return how long replays of a history took, in milliseconds."""
    took: list[float] = []
    for _ in range(REPLAYS):
        replayer = Replayer(
            workflows=WORKFLOWS,
            data_converter=data_converter,
            interceptors=[GuardInterceptor()],
            workflow_runner=workflow_runner(Sandbox.NONE),
        )
        began = time.perf_counter()
        await replayer.replay_workflow(history)
        took.append((time.perf_counter() - began) * 1000)
    return took


async def _by_workers(options: Options, samples: int) -> list[Row]:
    """Return the commands and the throughput of most workers, against those of one."""
    latency: list[tuple[float, list[float]]] = []
    rates: list[tuple[float, float]] = []
    memory: list[float] = []
    async with bench("--role", "provider", **UNHURRIED) as on, AsyncExitStack() as stack:
        for number in range(1, WORKERS + 1):
            worker = await stack.enter_async_context(on.engine_beside(number))
            open_now = [await _talking(on) for _ in range(2)]
            took, more = await commands_in_turns(open_now[:1], open_now[1:], samples)
            latency.append((number, took + more))
            ended, seconds, _ = await ended_in(on, "ENGINE", worker, ROUND * options.share)
            rates.append((number, ended / seconds))
            memory.append(resident_bytes(worker.pid) / 1e6)
            for transfer in open_now:
                await transfer.cancel()
            sys.stderr.write(f"{number} workers: {rates[-1][1]:.1f} in a second, {median(took + more):.1f} ms\n")
    medians = {"command": [(number, median(took)) for number, took in latency]}
    plot(options.images / "performance-workers-rate.svg", "Throughput", "workers", "1/s", {"transfers": rates})
    plot(options.images / "performance-workers-latency.svg", "Command, median", "workers", "ms", medians)
    one, most = "with 1 worker", f"with {WORKERS} workers"
    return [
        Row(f"command {most}", "ms", latency[-1][1], one, latency[0][1]),
        Row(f"transfers per second {most}", "1/s", [rates[-1][1]], one, [rates[0][1]]),
        Row("memory of the worker that came last", "MB", memory[-1:], "of the first", memory[:1]),
    ]


async def _talking(on: Bench) -> RunningTransfer:
    transfer = await on.transfers.start(on.request(Mode.WARM, answer_after=0.05, policy=PATIENT))
    await reaches(transfer, Stage.CONSULTING)
    return transfer


async def _events_of(on: Bench, transfer: RunningTransfer) -> int:
    return (await on.handle(transfer).describe()).history_length
