"""What the engine adds to the floor: a bare workflow with the same round trips, in the same layout of processes."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from benchmarks.options import Options
from benchmarks.peers import RINGS_AFTER
from benchmarks.rows import Asked, Row
from benchmarks.simulated import Bench, bench, moments
from hookflash import Mode, Party, Stage
from tests.integration.switchboard import reaches

TITLE = "What the engine adds to Temporal"
ABOUT = """\
On the simulator, which answers within a millisecond, so what is left is Temporal and the engine. The reference is
`Floor` in `benchmarks/peers.py`: a bare workflow with as many activities, signals, updates and children as the engine
has here, without a decision, a journal, search attributes or timers; each has a worker process of its own on one
server. *Command* is `hold` and `unhold` while the target rings: until the caller has its answer, and until the
provider has been asked (the start of the activity, by the server's clock). *Whole transfer* is a cold one, from the
caller's request to its result, without the time that the target lets it ring. Neither has the SDK's sandbox."""
LIMIT = Asked(ratio_at_most=1.3)
FLOOR = "bare workflow"
ANSWER = 0.05


async def run(options: Options) -> list[Row]:
    """Measure."""
    samples = options.samples or 100
    async with bench() as on:
        whole = await _whole(on, samples)
        return [*await _commands(on, samples), *whole]


async def _commands(on: Bench, samples: int) -> list[Row]:
    answered = Row("command: until it is answered", "ms", [], FLOOR, [], LIMIT)
    asked = Row("command: until the provider is asked", "ms", [], FLOOR, [], LIMIT)
    transfer = await on.transfers.start(on.request(Mode.WARM))
    await reaches(transfer, Stage.RINGING)
    floor = await on.peer("Floor", 0.0)

    async def ours(number: int) -> None:
        await (transfer.unhold if number % 2 == 0 else transfer.hold)(Party.CUSTOMER)

    async def theirs(_: int) -> None:
        await on.command(floor, "hold")

    sent: tuple[list[float], list[float]] = ([], [])
    for number in range(samples):
        for command, into, when in ((ours, answered.samples, sent[0]), (theirs, answered.reference, sent[1])):
            when.append(time.time())
            into.append(await _milliseconds(command, number))
            await asyncio.sleep(random.uniform(0.05, 0.1))  # until it was carried out, and not in step with anything
    await transfer.cancel()
    await on.command(floor, "cancel")
    await asyncio.gather(transfer.wait(), floor.result())
    asked.samples = await _until_asked(on.handle(transfer), sent[0])
    asked.reference = await _until_asked(floor, sent[1])
    return [answered, asked]


async def _milliseconds(command: Callable[[int], Awaitable[None]], number: int) -> float:
    began = time.perf_counter()
    await command(number)
    return (time.perf_counter() - began) * 1000


async def _until_asked(handle: WorkflowHandle[object, object], sent: list[float]) -> list[float]:
    """Return how long after each sending the next activity began."""
    began = moments(await handle.fetch_history(), EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    return [(min(it for it in began if it > moment) - moment) * 1000 for moment in sent]


async def _whole(on: Bench, samples: int) -> list[Row]:
    row = Row("whole transfer", "ms", [], FLOOR, [], LIMIT)
    scripted = RINGS_AFTER + ANSWER

    async def ours() -> None:
        request = on.request(Mode.COLD, answer_after=ANSWER, then="hangup=200ms")
        await (await on.transfers.start(request)).wait()

    async def theirs() -> None:
        handle = await on.peer("Floor", ANSWER)
        await handle.result()
        watch = on.client.get_workflow_handle(f"watch:{handle.id}")
        asyncio.get_running_loop().call_later(0.2, lambda: asyncio.ensure_future(watch.signal("event", "ended")))

    for number in range(samples + 1):
        for transfer, into in ((ours, row.samples), (theirs, row.reference)):
            began = time.perf_counter()
            await transfer()
            took = (time.perf_counter() - began - scripted) * 1000
            if number:  # the first one of each pays for what is loaded once
                into.append(took)
            await asyncio.sleep(0.3)  # until nobody is connected any more
    return [row]
