"""A leg that the engine releases is told of by the answer to its arrangement, and by no signal."""

from collections.abc import AsyncIterator, Callable

import pytest
from temporalio.client import Client

from activities.telephony.errors import OutcomeUnknown
from activities.telephony.model import Arrangement, Observation, Phase
from activities.telephony.simulator import SimulatedExchange
from hookflash import Mode, Outcome
from tests.support.signals import signalled_ends
from tests.workflows.engine import Engine, running_engine
from tests.workflows.people import journal
from tests.workflows.scenarios import (
    Scenario,
    blind,
    cancelled,
    cold_answered,
    consultation,
    retargeted,
    several_ring,
    warm_completed,
)
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client) as engine:
        yield engine


@pytest.mark.parametrize(
    "scenario",
    [warm_completed, cold_answered, blind, consultation, cancelled, retargeted, several_ring],
    ids=lambda it: it.__name__,
)
async def test_nobody_is_signalled_what_the_answer_says(engine: Engine, scenario: Scenario) -> None:
    transfer, result = await scenario(engine)
    assert [cause for _, cause in await signalled_ends(transfer.handle) if cause == "released"] == []
    attempts = {it.leg: it for it in result.attempts}
    for leg in engine.exchange.legs.values():
        if leg.id in attempts and leg.phase is Phase.ENDED:
            assert attempts[leg.id].ended_at is not None
            assert attempts[leg.id].evidence == leg.evidence


async def test_the_journal_has_the_release(engine: Engine) -> None:
    transfer, _ = await cold_answered(engine)
    told = [line for line in journal(await transfer.status()) if line.startswith("agent: ")]
    assert told == ["agent: call ended (released)"]


class Losing(SimulatedExchange):
    """An exchange that loses the answer of whatever releases the agent, once, after something else has happened."""

    def __init__(self) -> None:
        super().__init__()
        self.agent = ""
        self.meanwhile: Callable[[], None] = lambda: None

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        was_there = self.agent and self.legs[self.agent].live
        observation = await super().arrange(wanted)
        if was_there and not self.legs[self.agent].live:
            self.meanwhile()
            raise OutcomeUnknown("arrange: the answer was lost")
        return observation


@pytest.mark.parametrize(
    ("who", "outcome"),
    [
        ("", Outcome.CONNECTED),
        ("customer", Outcome.CUSTOMER_LEFT),
        ("target", Outcome.RECALLED_AGENT),
    ],
)
async def test_the_answer_of_a_release_is_lost_while_somebody_hangs_up(
    client: Client, who: str, outcome: Outcome
) -> None:
    """The next attempt, or the arrangement that is wanted then, says what no event has told."""
    exchange = Losing()
    async with running_engine(client, exchange) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        await transfer.hear(customer={"ringback"}, agent={"music"})
        exchange.agent = transfer.request.agent.leg
        leaving = {"customer": transfer.request.customer.leg, "target": transfer.target_leg}.get(who)
        exchange.meanwhile = lambda: engine.exchange.hang_up(leaving) if leaving else None
        exchange.answer(transfer.target_leg)
        result = await ends_soundly(transfer)
        assert result.outcome is outcome
        assert await signalled_ends(transfer.handle) == [(leaving, "hung_up")] * bool(leaving)
        told = [line for line in journal(await transfer.status()) if line.startswith("agent: ")]
        assert told[0] == "agent: call ended (released)"
