"""What a transfer makes of one look at its whole node: news at once; a look of its own only if there is more to it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from activities.delivery import as_look
from activities.telephony.model import Arrangement, Observation, OwnedLegs
from activities.telephony.simulator import SimulatedExchange
from hookflash import Mode, Outcome, Stage
from hookflash.names import owner_token, supervision_id
from tests.support.polling import eventually
from tests.workflows.calling_back import Phones, calling_back, is_connected
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

Workflow = WorkflowHandle[Any, Any]


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client) as engine:
        yield engine


async def at_rest(workflow: Workflow) -> int:
    """Wait until a workflow asks nothing of its provider and has nothing else to do; return how often it has asked."""

    async def still() -> tuple[int] | None:
        described = (await workflow.describe()).raw_description
        if described.pending_activities or described.HasField("pending_workflow_task"):
            return None
        events = (await workflow.fetch_history()).events
        return (sum(it.activity_task_scheduled_event_attributes.activity_type.name == "arrange" for it in events),)

    (asked,) = await eventually(still, f"an end of what {workflow.id} does")
    return asked


async def look(engine: Engine, workflow: Workflow) -> OwnedLegs:
    """Look at the whole exchange, and return what there is of the legs of a workflow."""
    return (await engine.exchange.owners())[owner_of(workflow)]


def owner_of(workflow: Workflow) -> str:
    return owner_token(workflow.id, workflow.first_execution_run_id or workflow.run_id or "")


async def tell(engine: Engine, workflow: Workflow, legs: OwnedLegs | None) -> int:
    """Tell a workflow of such a look; return how often it has asked the provider once it has taken that in."""
    before = (await workflow.describe()).history_length
    await engine.signal(owner_of(workflow), as_look(legs))

    async def taken_in() -> bool | None:
        described = await workflow.describe()
        return described.history_length > before + 1 or None  # the signal, and what came of it

    await eventually(taken_in, "a look that is taken in")
    return await at_rest(workflow)


async def consulting(engine: Engine) -> Running:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
    await transfer.reaches(Stage.CONSULTING)
    await transfer.hear(customer={"music"}, agent={"target"}, target={"agent"})
    return transfer


async def watched(engine: Engine) -> Workflow:
    """Return the watch over a call that was transferred."""
    transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=50ms")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    name = supervision_id(transfer.handle.id, transfer.handle.first_execution_run_id or "")

    async def there() -> bool | None:
        return any(owner.startswith(f"{name}/") for owner in await engine.exchange.owners()) or None

    await eventually(there, "the watch")
    handle = engine.client.get_workflow_handle(name)
    return engine.client.get_workflow_handle(name, run_id=(await handle.describe()).run_id)


async def test_a_transfer_with_which_all_is_as_it_was_asks_nothing(engine: Engine) -> None:
    ringing = await engine.transfer(Mode.COLD, "sim:bob?ring")
    await ringing.hear(customer={"ringback"}, agent={"music"})
    for transfer in (ringing, await consulting(engine)):
        asked = await at_rest(transfer.handle)
        for _ in range(3):
            assert await tell(engine, transfer.handle, await look(engine, transfer.handle)) == asked
        engine.exchange.hang_up(transfer.request.customer.leg)
        assert (await ends_soundly(transfer)).outcome is Outcome.CUSTOMER_LEFT


async def test_a_transfer_looks_for_itself_where_the_look_says_something_else_or_nothing(engine: Engine) -> None:
    transfer = await consulting(engine)
    asked = await at_rest(transfer.handle)
    seen = await look(engine, transfer.handle)
    for told in (None, seen.model_copy(update={"mark": ""}), seen.model_copy(update={"mark": "another"})):
        asked += 1
        assert await tell(engine, transfer.handle, told) == asked
    assert await tell(engine, transfer.handle, seen) == asked
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_an_answer_that_nobody_heard_is_in_the_look_itself(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
    await transfer.hear(customer={"music"}, agent={"ringback"})
    asked = await at_rest(transfer.handle)
    before = await look(engine, transfer.handle)
    engine.post = _nobody
    engine.exchange.answer(transfer.target_leg)
    await tell(engine, transfer.handle, before)  # of the moment before: it says nothing new
    assert (await transfer.status()).stage is Stage.RINGING
    await tell(engine, transfer.handle, await look(engine, transfer.handle))
    await transfer.reaches(Stage.CONSULTING)
    assert await at_rest(transfer.handle) == asked + 1, "one arrangement, for the consultation"
    engine.post = None
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


@pytest.mark.parametrize("who", ["customer", "agent", "target"])
async def test_an_end_that_nobody_heard_is_found_by_a_look_of_its_own(engine: Engine, who: str) -> None:
    transfer = await consulting(engine)
    await at_rest(transfer.handle)
    legs = {
        "customer": transfer.request.customer.leg,
        "agent": transfer.request.agent.leg,
        "target": transfer.target_leg,
    }
    engine.post = _nobody
    engine.exchange.hang_up(legs[who])
    await engine.signal(owner_of(transfer.handle), as_look(await look(engine, transfer.handle)))
    if who == "customer":
        outcome = Outcome.CUSTOMER_LEFT
    elif who == "agent":
        outcome = Outcome.CONNECTED
    else:
        outcome = Outcome.RETURNED_TO_AGENT
    assert (await ends_soundly(transfer)).outcome is outcome
    engine.post = None


async def test_a_look_from_before_a_command_undoes_nothing_and_hides_nothing(engine: Engine) -> None:
    transfer = await consulting(engine)
    await at_rest(transfer.handle)
    before = await look(engine, transfer.handle)
    await transfer.do("swap")
    await transfer.hear(customer={"agent"}, agent={"customer"}, target={"music"})
    asked = await at_rest(transfer.handle)
    assert await tell(engine, transfer.handle, before) == asked + 1
    assert transfer.heard() == {"customer": {"agent"}, "agent": {"customer"}, "target": {"music"}}
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


class Slow(SimulatedExchange):
    """An exchange that can be made to wait before it does anything."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = asyncio.Event()

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        if not self.open.is_set():
            self.waiting.set()
            await self.open.wait()
        return await super().arrange(wanted)


async def test_a_look_while_the_transfer_looks_itself_is_followed_by_another(client: Client) -> None:
    exchange = Slow()
    async with running_engine(client, exchange) as engine:
        transfer = await consulting(engine)
        asked = await at_rest(transfer.handle)
        before = await look(engine, transfer.handle)
        exchange.open.clear()
        await transfer.do("swap")
        await exchange.waiting.wait()
        await engine.signal(owner_of(transfer.handle), as_look(before))
        await transfer.status()  # answered after the signal was taken in
        exchange.open.set()
        assert await at_rest(transfer.handle) == asked + 2
        await transfer.hear(customer={"agent"}, agent={"customer"}, target={"music"})
        await transfer.do("complete")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_a_watch_asks_nothing_until_somebody_has_left(engine: Engine) -> None:
    watch = await watched(engine)
    asked = await at_rest(watch)
    seen = await look(engine, watch)
    for _ in range(3):
        assert await tell(engine, watch, seen) == asked
    assert await tell(engine, watch, None) == asked + 1
    engine.post = _nobody
    first, second = seen.phases
    engine.exchange.hang_up(first)
    await engine.signal(owner_of(watch), as_look(await look(engine, watch)))

    async def released() -> bool | None:
        return not engine.exchange.legs[second].live or None

    await eventually(released, "the release of the other")
    await watch.result()
    engine.post = None


async def test_an_attempt_to_call_back_asks_nothing_until_something_has_happened(client: Client) -> None:
    async with calling_back(client, Phones(("ring",), ("ring",))) as calls:
        workflow = await calls.start()
        caller = await calls.rings("agent")
        asked = await at_rest(workflow)
        for _ in range(2):
            assert await tell(calls.engine, workflow, await look(calls.engine, workflow)) == asked
        calls.engine.post = _nobody
        calls.phones.answer(caller.id)
        await tell(calls.engine, workflow, await look(calls.engine, workflow))
        calls.engine.post = None
        calls.phones.answer((await calls.rings("customer")).id)
        await is_connected(calls)


async def _nobody(owner: str, event: object) -> None:
    """Hear nothing of what happens."""
