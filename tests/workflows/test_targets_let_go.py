"""Targets whom the engine lets go once they have answered: whoever nobody else has told so hears a short notice."""

from datetime import timedelta

import pytest

from hookflash import Actor, Cause, Mode, Outcome, Policy, Recall, Retarget, Stage
from hookflash.fallbacks import HandOff
from tests.workflows.engine import Engine, Running
from tests.workflows.people import asked, gone, hear, leg_of, met, person, ring
from tests.workflows.scenarios import SHORT
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


def notices(transfer: Running, name: str) -> int:
    """Return how often somebody was released with a recording. A prompt is heard as one too."""
    mine = [it for it in transfer.engine.exchange.timeline if it.call == transfer.request.customer.leg]
    return sum(it.because == f"say farewell to {name}" for it in mine)


@pytest.mark.parametrize("mode", [Mode.CONSULT, Mode.WARM, Mode.COLD])
async def test_who_is_asked_when_the_agent_cancels_is_told_so(engine: Engine, mode: Mode) -> None:
    transfer = await engine.transfer(mode, asked("Bob", "answer=0ms"), asked("Dora", "answer=0ms", together=True))
    await transfer.reaches(Stage.SCREENING)
    await transfer.do("cancel")
    await hear(transfer, customer="agent", agent="customer", Bob="announcement", Dora="announcement")
    result = await ends_soundly(transfer)
    await gone(transfer, "Bob", "Dora")
    assert (result.outcome, result.ended_by) == (Outcome.CANCELLED, Actor.AGENT)
    assert {it.cause for it in result.attempts} == {Cause.AGENT_CANCELLED}
    assert [notices(transfer, it) for it in ("Bob", "Dora")] == [1, 1]
    assert met(transfer, "Bob") | met(transfer, "Dora") == set()


async def test_who_advises_an_agent_who_hangs_up_is_told_so_and_the_customer_is_served(engine: Engine) -> None:
    policy = Policy(fallbacks=(Recall(), HandOff(kind="queue", place="claims")))
    transfer = await engine.transfer(Mode.CONSULT, person("Bob", "answer=0ms"), policy=policy, recalled="ring")
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    engine.exchange.hang_up(transfer.request.agent.leg)
    await hear(transfer, customer="ringback", Bob="announcement")
    await ring(transfer, "agent")
    engine.exchange.answer(leg_of(transfer, "agent").id)
    assert (await ends_soundly(transfer)).outcome is Outcome.RECALLED_AGENT
    await gone(transfer, "Bob")
    assert notices(transfer, "Bob") == 1


async def test_who_is_asked_is_told_that_somebody_else_is_rung(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.CONSULT, asked("Bob", "answer=0ms"))
    await transfer.reaches(Stage.SCREENING)
    await transfer.do("retarget", Retarget(target=person("Dora")))
    await hear(transfer, customer="music", agent="ringback", Bob="announcement")
    await ring(transfer, "Dora")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await hear(transfer, customer="music", agent="Dora", Dora="agent")
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONSULTED
    assert (notices(transfer, "Bob"), notices(transfer, "Dora")) == (1, 0)


@pytest.mark.parametrize("command", ["cancel", "complete"])
async def test_the_agent_says_goodbye_itself_to_whom_it_talks_with(engine: Engine, command: str) -> None:
    transfer = await engine.transfer(Mode.CONSULT, person("Bob", "answer=0ms"))
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do(command)
    await ends_soundly(transfer)
    await hear(transfer, customer="agent", agent="customer")
    assert notices(transfer, "Bob") == 0


async def test_who_waits_aside_when_the_agent_cancels_is_told_so(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"))
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do("swap")
    await hear(transfer, customer="agent", agent="customer", Bob="music")
    await transfer.do("cancel")
    await hear(transfer, customer="agent", agent="customer", Bob="announcement")
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_a_talk_that_ends_at_the_limit_ends_with_a_notice(engine: Engine) -> None:
    policy = Policy(consult_limit=timedelta(seconds=1))
    transfer = await engine.transfer(Mode.CONSULT, person("Bob", "answer=0ms"), policy=policy)
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    await hear(transfer, customer="agent", agent="customer", Bob="announcement")
    assert (await ends_soundly(transfer)).cause is Cause.CONSULT_LIMIT


@pytest.mark.parametrize("way", ["declines", "says nothing", "is a machine"])
async def test_who_has_let_the_call_go_is_not_told_that_it_is_gone(engine: Engine, way: str) -> None:
    script = "machine" if way == "is a machine" else "answer=0ms"
    timeout = SHORT if way == "says nothing" else timedelta(seconds=30)
    target = asked("Bob", script, timeout=timeout, detect_machine=True)
    transfer = await engine.transfer(Mode.CONSULT, target)
    if way == "declines":
        await transfer.reaches(Stage.SCREENING)
        engine.exchange.press(leg_of(transfer, "Bob").id, "2")
    assert (await ends_soundly(transfer)).outcome is Outcome.RETURNED_TO_AGENT
    await gone(transfer, "Bob")
    assert notices(transfer, "Bob") == 0
