"""Whose legs are whose: transfers of one call after another, side by side, and the watches between them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.telephony.errors import ProtocolError
from activities.telephony.model import Arrangement, Observation
from activities.telephony.simulator import SimulatedExchange
from hookflash import Cause, Customer, Mode, Outcome, ProviderEvent, Stage, Target, TransferRequest, TransferResult
from hookflash.names import TASK_TIMEOUT, WATCH, WORKFLOW_TYPE, supervision_id
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.soundness import ends_soundly
from workflows.connected_call import ConnectedCallResult

pytestmark = pytest.mark.timeout(40)

Watch = WorkflowHandle[object, ConnectedCallResult]


class Exchange(SimulatedExchange):
    """An exchange where the requests of watches can be late or refused."""

    def __init__(self) -> None:
        super().__init__(grace=5)
        self.open = asyncio.Event()
        """While it is not set, requests of watches wait."""
        self.open.set()
        self.waiting = asyncio.Event()
        """A request of a watch has waited, or been refused."""
        self.refuses = False

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        if wanted.owner.startswith(WATCH):
            if self.refuses:
                self.waiting.set()
                raise ProtocolError("401 unauthorised")
            if not self.open.is_set():
                self.waiting.set()
                await self.open.wait()
        return await super().arrange(wanted)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def engine(client: Client, exchange: Exchange) -> AsyncIterator[Engine]:
    async with running_engine(client, exchange) as engine:
        yield engine


def watch_after(transfer: Running) -> Watch:
    """Return the watch over what a transfer left behind."""
    run_id = transfer.handle.first_execution_run_id
    assert run_id is not None
    name = supervision_id(transfer.handle.id, run_id)
    return transfer.engine.client.get_workflow_handle(name, result_type=ConnectedCallResult)


async def runs(watch: Watch) -> bool:
    return (await watch.describe()).close_time is None


async def left(watch: Watch) -> str:
    """Wait until a watch is over, and return who left first."""
    return (await asyncio.wait_for(watch.result(), 10)).left


async def until_owned(transfer: Running, beginning: str) -> None:
    """Wait until every leg of a call is owned by somebody whose token begins like this."""

    async def owned() -> bool | None:
        legs = transfer.live().values()
        return True if legs and all(leg.owner.startswith(beginning) for leg in legs) else None

    await eventually(owned, f"legs of {beginning}", within=5)


async def connected(engine: Engine) -> Running:
    """Transfer a call; customer and target talk, and are watched."""
    first = await engine.transfer(Mode.COLD, "sim:bob?answer=50ms")
    assert (await ends_soundly(first)).outcome is Outcome.CONNECTED
    await first.hear(customer={"target"}, target={"customer"})
    await until_owned(first, watch_after(first).id)
    return first


def onward(first: Running, mode: Mode, target: str, *, agent: str = "", **more: object) -> TransferRequest:
    """Return a request to transfer a call again, by the target who has taken it."""
    agent_of_it = first.request.agent.model_copy(update={"leg": agent or first.target_leg})
    targets = (Target(address=target, name="Claims desk"),)
    return first.request.model_copy(update={"mode": mode, "agent": agent_of_it, "targets": targets, **more})


async def is_over(call: Running) -> None:
    """Everybody hangs up. Wait until no leg and no room is left."""
    for leg in list(call.live()):
        call.engine.exchange.hang_up(leg)

    async def nothing() -> bool | None:
        return True if not call.live() and not call.engine.exchange.rooms else None

    await eventually(nothing, "the end of every leg and room", within=5)


async def test_a_second_transfer_that_is_rejected_leaves_the_watch_over_the_first_call_effective(
    engine: Engine,
) -> None:
    first = await connected(engine)
    changes = engine.exchange.changes
    second = await engine.start(onward(first, Mode.WARM, "sim:dora?ring", agent="sim:stale"))
    result = await second.result()
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.UNKNOWN_LEG)
    assert first.heard() == {"customer": {"target"}, "target": {"customer"}}
    assert engine.exchange.changes == changes
    assert await runs(watch_after(first))
    engine.exchange.hang_up(first.target_legs[0])
    assert await left(watch_after(first)) == "Claims desk"
    await first.hear()


@pytest.mark.parametrize("mode", [Mode.WARM, Mode.COLD, Mode.BLIND])
async def test_a_call_is_transferred_again_by_its_new_agent(engine: Engine, mode: Mode) -> None:
    first = await connected(engine)
    second = await engine.start(onward(first, mode, "sim:dora?answer=100ms", tenant="bold"))
    if mode is Mode.WARM:
        await second.reaches(Stage.CONSULTING)
        await second.do("complete")
    assert (await ends_soundly(second)).outcome is Outcome.CONNECTED
    assert await left(watch_after(first)) == ""
    await until_owned(second, watch_after(second).id)
    await is_over(second)  # the room of the first transfer too


async def test_a_lost_answer_does_not_lose_that_the_former_watch_has_to_be_told(engine: Engine) -> None:
    first = await connected(engine)
    engine.exchange.faults.answer_lost()
    second = await engine.start(onward(first, Mode.COLD, "sim:dora?answer=300ms"))
    assert (await ends_soundly(second)).outcome is Outcome.CONNECTED
    assert await left(watch_after(first)) == ""
    await is_over(second)


async def overtakes(first: Running, exchange: Exchange) -> Running:
    """Transfer the call again while its watch is held up, and see that the watch then leaves the legs alone."""
    second = await first.engine.start(onward(first, Mode.WARM, "sim:dora?ring"))
    await second.hear(customer={"music"}, agent={"ringback"})
    exchange.open.set()
    assert await left(watch_after(first)) == ""
    assert second.heard() == {"customer": {"music"}, "agent": {"ringback"}}
    await until_owned(second, second.handle.id)
    return second


async def test_a_late_look_of_a_watch_does_not_take_legs_back_from_a_running_transfer(
    engine: Engine, exchange: Exchange
) -> None:
    first = await connected(engine)
    exchange.open.clear()
    await engine.signal(watch_after(first).id, ProviderEvent(kind="reconcile"))
    await exchange.waiting.wait()
    second = await overtakes(first, exchange)
    engine.exchange.hang_up(second.request.customer.leg)
    assert (await ends_soundly(second)).outcome is Outcome.CUSTOMER_LEFT
    await is_over(second)


async def test_a_watch_that_begins_late_leaves_the_legs_to_the_transfer_that_has_them(
    engine: Engine, exchange: Exchange
) -> None:
    exchange.open.clear()
    first = await engine.transfer(Mode.COLD, "sim:bob?answer=50ms")
    assert (await ends_soundly(first)).outcome is Outcome.CONNECTED
    await exchange.waiting.wait()
    second = await overtakes(first, exchange)
    engine.exchange.hang_up(second.target_leg)
    assert (await ends_soundly(second)).outcome is Outcome.RETURNED_TO_AGENT
    await is_over(second)


@pytest.mark.parametrize("trouble", ["refused", "outage"])
async def test_a_watch_survives_a_provider_in_trouble_and_releases_the_last_one(
    client: Client, exchange: Exchange, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("workflows.connected_call._PAUSE", timedelta(milliseconds=500))
    async with running_engine(client, exchange, runner=UnsandboxedWorkflowRunner()) as engine:
        first = await connected(engine)
        watch = watch_after(first)
        if trouble == "refused":
            exchange.refuses = True
            await engine.signal(watch.id, ProviderEvent(kind="reconcile"))
            await exchange.waiting.wait()
            await eventually(lambda: _paused(watch), "the pause before another try")
            exchange.refuses = False
        else:
            exchange.faults.outage = True
            await engine.signal(watch.id, ProviderEvent(kind="reconcile"))
            tries = exchange.requests["arrange"] + 2
            await eventually(lambda: _tried(exchange, tries), "two tries of the watch")
            exchange.faults.outage = False
        assert await runs(watch)
        engine.exchange.hang_up(first.target_leg)
        assert await left(watch) == "Claims desk"
        await is_over(first)


async def _tried(exchange: Exchange, times: int) -> bool | None:
    return True if exchange.requests["arrange"] >= times else None


async def _paused(watch: Watch) -> bool | None:
    events = (await watch.fetch_history()).events
    return True if any(it.HasField("timer_started_event_attributes") for it in events) else None


async def test_a_transfer_that_shares_its_legs_with_a_running_one_is_rejected_and_nothing_moves(
    engine: Engine,
) -> None:
    first = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
    consulting = {"customer": {"music"}, "agent": {"target"}, "target": {"agent"}}
    await first.reaches(Stage.CONSULTING)
    await first.hear(**consulting)
    await _at_rest(first)
    changes = engine.exchange.changes
    swapped = Customer(leg=first.request.agent.leg)
    second = await engine.start(onward(first, Mode.WARM, "sim:dora?ring", customer=swapped))
    result = await second.result()
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.IN_TRANSFER)
    assert first.heard() == consulting
    assert engine.exchange.changes == changes
    await until_owned(first, first.handle.id)
    await first.do("complete")
    assert (await ends_soundly(first)).outcome is Outcome.CONNECTED
    await is_over(first)


async def test_a_transfer_by_an_agent_who_transfers_somebody_else_is_rejected_and_nothing_moves(
    engine: Engine,
) -> None:
    busy = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
    await busy.reaches(Stage.CONSULTING)
    other = engine.request(Mode.WARM, "sim:dora?ring")
    await _at_rest(busy)
    changes = engine.exchange.changes
    agent = other.agent.model_copy(update={"leg": busy.request.agent.leg})
    second = await engine.start(other.model_copy(update={"agent": agent}))
    result = await second.result()
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.IN_TRANSFER)
    assert engine.exchange.changes == changes
    assert engine.exchange.legs[other.customer.leg].owner == ""
    await busy.do("cancel")
    assert (await ends_soundly(busy)).outcome is Outcome.CANCELLED


async def _at_rest(transfer: Running) -> None:
    """Wait until a transfer has nothing to do: what it was told has been carried out."""

    async def idle() -> bool | None:
        return not (await transfer.handle.describe()).raw_description.pending_activities or None

    await eventually(idle, "the end of all activities")


async def test_a_transfer_whose_id_has_a_slash_hears_all_the_same(engine: Engine) -> None:
    """Whoever starts it by Temporal's own means may call it as they like."""
    request = engine.request(Mode.COLD, Target(address="sim:bob?answer=100ms", name="Bob"))
    handle = await engine.client.start_workflow(
        WORKFLOW_TYPE,
        request,
        id=f"claims/{engine.queue}",
        task_queue=engine.queue,
        result_type=TransferResult,
        task_timeout=TASK_TIMEOUT,
    )
    transfer = Running(engine, request, handle)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    await until_owned(transfer, f"{WATCH}{handle.id}:")
    engine.exchange.hang_up(transfer.target_leg)
    assert await left(watch_after(transfer)) == "Bob"
    await transfer.hear()
