"""From when a ringing time counts: from the dialling, however late the transfer hears of it."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.arrange import Arrange, ArrangeInput
from activities.telephony.model import Arrangement, Dial, Observation, Phase, Placement, SeenLeg, WantedLeg
from activities.telephony.simulator import SimulatedExchange
from hookflash import Agent, Cause, Customer, Mode, Outcome, Party, ProviderEvent, Target, TransferRequest
from tests.workflows.engine import Running, running_engine
from workflows.core import LegRef
from workflows.legs import Legs

LIMIT = timedelta(seconds=3)
LATE = timedelta(seconds=1.5)
"""What the answer of the provider takes. Less than an attempt may."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = LegRef(Party.TARGET, 1)


class FarAway(SimulatedExchange):
    """Dials at once, and its answers and events take long."""

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        observation = await super().arrange(wanted)
        if any(leg.placement is Placement.RINGING and leg.known is Phase.NEW for leg in wanted.legs):
            await asyncio.sleep(LATE.total_seconds())
        return observation


async def test_news_that_is_late_does_not_let_a_phone_ring_longer(client: Client) -> None:
    async with running_engine(client, FarAway()) as engine:
        engine.post = _tell_nobody
        transfer = await engine.transfer(Mode.COLD, Target(address="sim:bob?ring", ring_timeout=LIMIT))
        result = await transfer.result()
        assert (result.outcome, result.attempts[0].cause) == (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER)
        # A machine that is busy may have dialled late, and gives that time back; never that of the news.
        assert LIMIT <= await _waited(transfer) < LIMIT + LATE


async def _tell_nobody(owner: str, event: ProviderEvent) -> None:
    """A listener that is cut off: all news is what an arrangement has seen."""
    del owner, event


async def _waited(transfer: Running) -> timedelta:
    """Return how long all waits for the phone were together."""
    history = await transfer.handle.fetch_history()
    started = [it for it in history.events if it.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    lengths = [it.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() for it in started]
    return sum((it for it in lengths if it <= LIMIT), timedelta())


@pytest.mark.parametrize("behind", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_worker_whose_clock_is_wrong_ends_nothing_early(behind: timedelta) -> None:
    exchange = SimulatedExchange()
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, started_time=datetime.now(UTC) + behind)
    wanted = WantedLeg(
        leg="hf-1", name="Bob", placement=Placement.RINGING, dial=Dial(address="sim:bob?ring", ring_timeout=LIMIT)
    )
    given = ArrangeInput(provider="simulator", arrangement=Arrangement(owner="o", room="r", legs=(wanted,)))
    before = datetime.now(UTC)
    (seen,) = (await environment.run(Arrange({"simulator": exchange}).arrange, given)).legs
    assert seen.dialled_at
    assert seen.dialled_at >= max(environment.info.started_time, before)


def test_no_leg_was_dialled_later_than_it_is() -> None:
    legs = _legs()
    tuple(legs.saw(_dialled(legs, NOW + timedelta(hours=1))))
    legs.note_dialled(NOW)
    assert legs[TARGET].dialled_at == NOW


def test_a_leg_that_was_heard_ringing_first_was_dialled_when_the_provider_says() -> None:
    legs = _legs()
    tuple(legs.saw(SeenLeg(leg=legs[TARGET].id, phase=Phase.RINGING)))
    legs.note_dialled(NOW)
    tuple(legs.saw(_dialled(legs, NOW - LATE)))
    legs.note_dialled(NOW + LATE)
    assert legs[TARGET].dialled_at == NOW - LATE


def _legs() -> Legs:
    request = TransferRequest(
        mode=Mode.COLD,
        provider="simulator",
        customer=Customer(leg="sim:carol"),
        agent=Agent(leg="sim:anna"),
        targets=(Target(address="sim:bob"),),
    )
    return Legs("run", request)


def _dialled(legs: Legs, at: datetime) -> SeenLeg:
    return SeenLeg(leg=legs[TARGET].id, phase=Phase.DIALLING, dialled_at=at)
