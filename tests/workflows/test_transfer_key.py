"""What a phone is told that has asked for a transfer by its own key, and targets that are there already."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from activities.telephony.model import Report
from activities.telephony.simulator import SimulatedExchange
from hookflash import Agent, Cause, Mode, Outcome, Target, TransferRequest
from hookflash.names import WATCH
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, running_engine

PROGRESS, ANSWERED, DECLINED = Report.PROGRESS, Report.ANSWERED, Report.DECLINED


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client) as engine:
        yield engine


async def ask(engine: Engine, *targets: str | Target) -> Running:
    """Start the transfer that a phone has asked for."""
    request = engine.request(Mode.COLD, *targets)
    engine.exchange.ask_transfer(request.agent.leg, "bob")
    agent = request.agent.model_copy(update={"asked_by_phone": True})
    return await engine.start(request.model_copy(update={"agent": agent}))


def told(transfer: Running) -> list[Report]:
    return transfer.engine.exchange.legs[transfer.request.agent.leg].reports


@pytest.mark.parametrize(
    ("target", "outcome", "last"),
    [
        ("sim:bob?answer=300ms", Outcome.CONNECTED, ANSWERED),
        ("sim:bob?busy", Outcome.RETURNED_TO_AGENT, DECLINED),
        ("sim:bob?invalid", Outcome.RETURNED_TO_AGENT, DECLINED),
    ],
)
async def test_the_phone_is_told_the_truth_and_each_thing_once(
    engine: Engine, target: str, outcome: Outcome, last: Report
) -> None:
    transfer = await ask(engine, target)
    assert (await transfer.result()).outcome is outcome
    assert told(transfer) == [PROGRESS, last]


async def test_whoever_watches_the_call_afterwards_does_not_answer_the_next_request(engine: Engine) -> None:
    transfer = await ask(engine, "sim:bob?busy")
    await transfer.result()
    agent, ended = transfer.request.agent.leg, transfer.handle.id
    engine.exchange.ask_transfer(agent, "bob")

    async def watched() -> bool | None:
        owner = engine.exchange.legs[agent].owner
        return True if owner.startswith(WATCH) else None

    await eventually(watched, f"a watch after {ended}")
    assert told(transfer) == [PROGRESS, DECLINED]


async def test_the_phone_is_told_that_a_transfer_never_began(engine: Engine) -> None:
    transfer = await ask(engine, "tel:+4990012345")
    assert (await transfer.result()).cause is Cause.DESTINATION_DENIED
    assert told(transfer) == [DECLINED]
    await transfer.hear(customer={"agent"}, agent={"customer"})


async def test_a_lost_answer_loses_no_report(engine: Engine) -> None:
    transfer = await ask(engine, "sim:bob")
    await transfer.hear(customer={"ringback"}, agent={"music"})
    engine.exchange.faults.answer_lost()
    engine.exchange.answer(transfer.target_leg)
    assert (await transfer.result()).outcome is Outcome.CONNECTED
    assert told(transfer) == [PROGRESS, ANSWERED]


async def test_a_phone_that_has_not_asked_is_told_nothing(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=300ms")
    await transfer.result()
    assert told(transfer) == []


async def test_a_phone_that_is_gone_already_leaves_the_customer_to_the_target(engine: Engine) -> None:
    request = engine.request(Mode.COLD, "sim:bob?answer=300ms")
    engine.exchange.ask_transfer(request.agent.leg, "bob")
    engine.exchange.hang_up(request.agent.leg)
    agent = request.agent.model_copy(update={"asked_by_phone": True})
    transfer = await engine.start(request.model_copy(update={"agent": agent}))
    assert (await transfer.result()).outcome is Outcome.CONNECTED
    await transfer.hear(customer={"target"}, target={"customer"})


async def consulting(exchange: SimulatedExchange, request: TransferRequest) -> TransferRequest:
    """Let the agent have talked with Bob on another line, and ask for him."""
    line, bob = f"{request.agent.leg}-2", f"{request.agent.leg}-bob"
    exchange.place_call(customer=bob, agent=line)
    exchange.ask_transfer(request.agent.leg, "bob", consulting=line)
    agent = Agent(leg=request.agent.leg, consulting_leg=line, asked_by_phone=True)
    return request.model_copy(update={"agent": agent, "targets": (Target(leg=bob),)})


async def test_a_target_that_is_there_gets_the_customer_without_being_rung(engine: Engine) -> None:
    request = await consulting(engine.exchange, engine.request(Mode.COLD, "sim:bob"))
    transfer = await engine.start(request)
    result = await transfer.result()
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    bob, line = request.targets[0].leg, request.agent.consulting_leg
    assert bob is not None
    assert line is not None
    assert engine.exchange.rings(bob) == 0
    assert not engine.exchange.legs[line].live
    assert told(transfer) == [PROGRESS, ANSWERED]
    engine.exchange.hang_up(bob)
    await transfer.hear()


async def test_a_target_that_is_not_there_any_more_costs_nobody_anything(engine: Engine) -> None:
    request = await consulting(engine.exchange, engine.request(Mode.COLD, "sim:bob"))
    engine.exchange.hang_up(request.targets[0].leg or "")
    transfer = await engine.start(request)
    assert (await transfer.result()).outcome is Outcome.RETURNED_TO_AGENT
    assert told(transfer) == [PROGRESS, DECLINED]
    await transfer.hear(customer={"agent"}, agent={"customer"})
    assert engine.exchange.legs[request.agent.consulting_leg or ""].live
