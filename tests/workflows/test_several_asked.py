"""Several phones that ring at the same time, and whoever answers has to accept: people, machines and commands."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from hookflash import Accept, Cause, Decline, Mode, Outcome, Stage
from tests.support.polling import eventually
from tests.workflows.engine import Engine
from tests.workflows.people import (
    asked,
    causes,
    gone,
    has,
    hear,
    journal,
    leg_of,
    met,
    person,
    refused,
    ring,
)
from tests.workflows.scenarios import SHORT
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


async def test_of_two_who_are_asked_the_one_who_presses_one_gets_the_call(engine: Engine) -> None:
    transfer = await engine.transfer(
        Mode.COLD, asked("Bob", "answer=50ms"), asked("Dora", together=True), person("Erik")
    )
    await hear(transfer, customer="ringback", agent="music", Bob="announcement")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await hear(transfer, customer="music", agent="music", Bob="announcement", Dora="announcement")
    status = await transfer.reaches(Stage.SCREENING)
    assert [it.wait for it in status.deadlines].count("accept") == 2
    engine.exchange.press(leg_of(transfer, "Dora").id, "1")
    await hear(transfer, customer="Dora", Dora="customer", Bob="announcement")
    result = await ends_soundly(transfer)
    assert causes(result) == ["Bob answered_elsewhere", "Dora"]
    assert met(transfer, "Bob") == set()
    assert result.attempts[1].accepted_at != result.attempts[1].answered_at
    assert (await transfer.status()).deadlines == ()


async def test_one_who_is_asked_is_let_in_by_a_command_that_names_its_leg(engine: Engine) -> None:
    transfer = await engine.transfer(
        Mode.COLD,
        asked("Bob", "answer=50ms"),
        asked("Dora", "answer=50ms", together=True),
        asked("Erik", together=True),
    )
    await hear(transfer, customer="ringback", agent="music", Bob="announcement", Dora="announcement")
    await has(transfer, "screening", "Bob", "Dora", "Erik")
    rings, dora = leg_of(transfer, "Erik").id, leg_of(transfer, "Dora").id
    for leg in (rings, transfer.request.agent.leg, "nobody"):
        assert "that target is not being asked to accept" in await refused(transfer.do("accept", Accept(leg=leg)))
        assert "that target is not being asked to accept" in await refused(transfer.do("decline", Decline(leg=leg)))

    async def both() -> bool | None:
        return sum(line.endswith("answered") for line in journal(await transfer.status())) == 2 or None

    await eventually(both, "two answers")
    await transfer.do("accept", Accept(leg=dora))
    await hear(transfer, customer="Dora", Dora="customer", Bob="announcement")
    with pytest.raises((WorkflowUpdateFailedError, RPCError)):  # it is ending, or over by now
        await transfer.do("accept", Accept(leg=dora))
    result = await ends_soundly(transfer)
    assert causes(result) == ["Bob answered_elsewhere", "Dora", "Erik answered_elsewhere"]


@pytest.mark.parametrize("how", ["command", "key"])
async def test_one_who_declines_leaves_the_other_ringing(engine: Engine, how: str) -> None:
    transfer = await engine.transfer(Mode.COLD, asked("Bob"), asked("Dora", together=True))
    await ring(transfer, "Bob", "Dora")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await transfer.reaches(Stage.SCREENING)
    if how == "key":
        engine.exchange.press(leg_of(transfer, "Dora").id, "2")
    else:
        await transfer.do("decline")
    await ring(transfer, "Bob")
    await gone(transfer, "Dora")
    await transfer.reaches(Stage.RINGING)
    assert "no target has answered" in await refused(transfer.do("decline"))
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await transfer.reaches(Stage.SCREENING)
    await transfer.do("accept")
    assert causes(await ends_soundly(transfer)) == ["Bob", "Dora declined"]


async def test_one_who_does_not_accept_in_time_leaves_the_other_ringing(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, asked("Bob", "answer=0ms", timeout=SHORT), asked("Dora", together=True))
    await ring(transfer, "Dora")
    await gone(transfer, "Bob")
    engine.exchange.hang_up(leg_of(transfer, "Dora").id)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.DECLINED)
    assert causes(result) == ["Bob accept_timeout", "Dora declined"]


async def test_a_machine_does_not_get_the_call_of_those_who_ring_beside_it(engine: Engine) -> None:
    transfer = await engine.transfer(
        Mode.COLD, asked("Bob", "machine", detect_machine=True), asked("Dora", together=True)
    )
    await ring(transfer, "Dora")
    await gone(transfer, "Bob")
    assert "Bob: a machine answered" in journal(await transfer.reaches(Stage.RINGING))
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await transfer.reaches(Stage.SCREENING)
    engine.exchange.press(leg_of(transfer, "Dora").id, "1")
    assert causes(await ends_soundly(transfer)) == ["Bob machine", "Dora"]


async def test_a_machine_gives_the_customer_back_at_once_where_somebody_listens_for_it(engine: Engine) -> None:
    heard, not_heard = await asyncio.gather(
        engine.transfer(Mode.COLD, asked("Bob", "machine=50ms", detect_machine=True)),
        engine.transfer(Mode.COLD, asked("Bob", "machine=50ms", timeout=SHORT)),
    )
    result, other = await asyncio.gather(ends_soundly(heard), ends_soundly(not_heard))
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.MACHINE)
    assert (other.outcome, other.cause) == (Outcome.RETURNED_TO_AGENT, Cause.ACCEPT_TIMEOUT)
    assert met(heard, "Bob") == met(not_heard, "Bob") == set()
