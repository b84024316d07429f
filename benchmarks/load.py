"""``python -m benchmarks.load ENGINE|FLOOR n``: keeps so many cold transfers of the simulator going.

A process of its own, so that it does not disturb the phones. Prints how many have ended, a line each second.
"""

import asyncio
import itertools
import os
import sys
import time

from temporalio.client import Client

from benchmarks.peers import QUEUE, RINGS_AFTER
from hookflash import Agent, Customer, Mode, Target, TransferClient, TransferRequest
from hookflash.converter import data_converter

ANSWER = 0.05


async def _main(kind: str, at_once: int) -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], data_converter=data_converter)
    transfers = TransferClient(client)
    numbers = itertools.count(1)
    done = 0

    async def engine(name: str) -> None:
        script = f"ring={RINGS_AFTER * 1000:g}ms&answer={ANSWER * 1000:g}ms&hangup=200ms"
        transfer = await transfers.start(
            TransferRequest(
                mode=Mode.COLD,
                provider="simulator",
                customer=Customer(leg=f"sim:customer-{name}"),
                agent=Agent(leg=f"sim:agent-{name}"),
                targets=(Target(address=f"sim:claims-{name}?{script}"),),
            )
        )
        await transfer.wait()

    async def floor(name: str) -> None:
        handle = await client.start_workflow("Floor", ANSWER, id=f"floor-{name}", task_queue=QUEUE)
        await handle.result()
        await client.get_workflow_handle(f"watch:floor-{name}").signal("event", "ended")

    async def one_after_another() -> None:
        nonlocal done
        while True:
            await {"ENGINE": engine, "FLOOR": floor}[kind](f"load-{os.getpid()}-{next(numbers)}")
            done += 1

    tasks = [asyncio.create_task(one_after_another()) for _ in range(at_once)]
    while not any(task.done() for task in tasks):
        await asyncio.sleep(1)
        sys.stdout.write(f"{done} {time.time()}\n")
        sys.stdout.flush()
    for task in tasks:
        if task.done():
            task.result()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
