"""A retarget may name a leg that is there already, but never one that the transfer has a part for."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from hookflash import Mode, Outcome, Retarget, Target
from tests.workflows.engine import Engine, running_engine
from tests.workflows.people import hear, leg_of, refused, ring
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client) as engine:
        yield engine


@pytest.mark.parametrize("whose", ["customer", "agent", "target"])
@pytest.mark.parametrize("mode", [Mode.COLD, Mode.WARM])
async def test_a_leg_that_has_a_part_already_is_no_target(engine: Engine, mode: Mode, whose: str) -> None:
    transfer = await engine.transfer(mode, Target(address="sim:bob?ring", name="Bob"))
    await ring(transfer, "Bob")
    customer, agent, bob = (transfer.request.customer.leg, transfer.request.agent.leg, leg_of(transfer, "Bob").id)
    leg = {"customer": customer, "agent": agent, "target": bob}[whose]
    why = await refused(transfer.do("retarget", Retarget(target=Target(leg=leg))))
    assert why == "cannot retarget: target.leg has a part in this transfer already"
    engine.exchange.answer(bob)
    if mode is Mode.WARM:
        await transfer.do("conference")
        await transfer.do("complete")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))


async def test_the_agents_other_line_is_no_target(engine: Engine) -> None:
    request = engine.request(Mode.COLD, Target(address="sim:bob?ring", name="Bob"))
    line = f"{request.agent.leg}-2"
    engine.exchange.place_call(customer=f"{line}-eve", agent=line)
    agent = request.agent.model_copy(update={"consulting_leg": line})
    transfer = await engine.start(request.model_copy(update={"agent": agent}))
    await ring(transfer, "Bob")
    await refused(transfer.do("retarget", Retarget(target=Target(leg=line))))
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_of_two_at_once_who_name_the_same_leg_one_gets_it(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, Target(address="sim:bob?ring", name="Bob"))
    await ring(transfer, "Bob")
    dora = f"{transfer.request.agent.leg}-dora"
    engine.exchange.place_call(customer=dora, agent=f"{dora}-2")
    order = Retarget(target=Target(leg=dora, name="Dora"))
    done = await asyncio.gather(*(transfer.do("retarget", order) for _ in range(2)), return_exceptions=True)
    assert [isinstance(it, WorkflowUpdateFailedError) for it in done].count(True) == 1
    await hear(transfer, customer="music", agent="Dora", Dora="agent")
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
