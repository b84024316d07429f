"""Everybody does the same in the same moment: how long it takes until all of it has been obeyed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from benchmarks.asterisk import Exchange, exchange, listens
from benchmarks.options import Options
from benchmarks.quiet import PORTS_FOR, QuietNode, open_quietly
from benchmarks.rows import Row
from benchmarks.scale import PATIENT
from hookflash import Outcome, Stage
from tests.rig.behaviour import Behaviour
from tests.support.polling import eventually

TITLE = "Everybody at once"
ABOUT = """\
Warm transfers on a real Asterisk where nobody is to be heard (as under *A reconcile*), with one worker. All targets
answer in the same moment; when all talk with their agents, all agents hang up, which completes the transfers; as soon
as the last one is over, all customers hang up, and the targets have to be released. *Made again* are arrangements that
Temporal had given to another attempt, as the first one gave no sign of life or was not done in time. The size is what
the command says (`--size`). Two cores are busy with all of this at once, so the seconds are the machine's; what is
made again is the engine's."""
SIZE = 200
LONGEST = 300.0
EVERY = 0.5
OURS = "WorkflowType IN ('Transfer', 'ConnectedCall')"


async def run(options: Options) -> list[Row]:
    """Measure."""
    size = options.size or SIZE
    answered = Row(f"{size} targets answer: until all are consulted", "s")
    agents = Row(f"{size} agents hang up: until all transfers are over", "s")
    customers = Row(f"{size} customers hang up: until nobody is left", "s")
    again = Row("arrangements made again", "")
    async with (
        exchange(1 + size // PORTS_FOR, kind=QuietNode) as on,
        on.worker("worker", HOOKFLASH_LOG_LEVEL="INFO") as worker,
    ):
        await listens(worker)
        phone = await on.office.phones.phone("target1", Behaviour.rings())
        calls = await open_quietly(on, phone, PATIENT, size)
        for call in phone.calls:
            call.answer()
        answered.samples.append(await _took(_are(on, size, f"TransferStage = '{Stage.CONSULTING}'")))
        await _hang_up(on, [it.agent for it in calls])
        agents.samples.append(await _took(_are(on, size, f"TransferOutcome = '{Outcome.CONNECTED}'")))
        await _hang_up(on, [it.customer for it in calls])
        customers.samples.append(await _took(_nobody(on)))
        again.samples.append(float(await _made_again(on)))
    return [answered, agents, customers, again]


async def _hang_up(on: Exchange, legs: Iterable[str]) -> None:
    await asyncio.gather(*(on.office.calls.hang_up(leg) for leg in legs))


async def _took(done: Callable[[], Awaitable[bool | None]]) -> float:
    began = time.monotonic()
    await eventually(done, "an end of it", LONGEST, every=EVERY)
    return time.monotonic() - began


def _are(on: Exchange, count: int, what: str) -> Callable[[], Awaitable[bool | None]]:
    async def there() -> bool | None:
        return (await on.office.client.count_workflows(what)).count == count or None

    return there


def _nobody(on: Exchange) -> Callable[[], Awaitable[bool | None]]:
    async def there() -> bool | None:
        return not await on.office.node.channels() or None

    return there


async def _made_again(on: Exchange) -> int:
    again = 0
    async for found in on.office.client.list_workflows(OURS):
        history = await on.office.client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()
        for event in history.events:
            # An event that is something else has an attempt of zero here.
            again += max(0, event.activity_task_started_event_attributes.attempt - 1)
    return again
