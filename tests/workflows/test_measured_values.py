"""Durations that are measured are those of the history: between the steps in which the workflow heard what happened.

A workflow's clock stands still within a step, and shows the moment at which Temporal has written that it began. So what
is measured can be told from the history to the millisecond (the meter's own unit), however busy the machine is.
"""

from datetime import datetime

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from activities.arrange import ARRANGE, ArrangeInput
from activities.telephony.model import Observation, Placement
from hookflash import Mode, Outcome, ProviderEvent
from hookflash.converter import data_converter
from tests.support.polling import eventually
from tests.support.prometheus import Scrape
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.measured import Measured

MILLISECOND = 0.001
SLOW = 0.4
"""Seconds by which an arrangement is late: far more than any of them takes, so that it must be in what is measured."""


class Told:
    """What a history tells, each with the time of the step in which the workflow heard of it."""

    def __init__(self, events: list[HistoryEvent]) -> None:
        self._events = events
        done = {
            it.workflow_task_completed_event_attributes.started_event_id
            for it in events
            if it.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        }
        self._steps = [(it.event_id, it.event_time.ToDatetime()) for it in events if it.event_id in done]

    @classmethod
    async def by(cls, transfer: Running) -> "Told":
        return cls(list((await transfer.handle.fetch_history()).events))

    @property
    def began(self) -> datetime:
        return self._steps[0][1]

    def _heard_at(self, event: HistoryEvent) -> datetime:
        """What comes in is written before the step that hears of it begins."""
        return next(at for id, at in self._steps if id > event.event_id)

    def activity(self, name: str) -> list[datetime]:
        """When it was heard that an activity is done."""
        return [heard for heard, _, _ in self._activities(name)]

    def _activities(self, name: str) -> list[tuple[datetime, HistoryEvent, HistoryEvent]]:
        found: list[tuple[datetime, HistoryEvent, HistoryEvent]] = []
        for it in self._events:
            if it.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                asked = self._events[it.activity_task_completed_event_attributes.scheduled_event_id - 1]
                if asked.activity_task_scheduled_event_attributes.activity_type.name == name:
                    found.append((self._heard_at(it), asked, it))
        return found

    async def stood(self, leg: str, placement: Placement) -> datetime:
        """When it was first heard that an arrangement stands in which a leg is there."""
        for heard, asked, done in self._activities(ARRANGE):
            given = asked.activity_task_scheduled_event_attributes.input.payloads
            (wanted,) = await data_converter.decode(given, [ArrangeInput])
            answer = done.activity_task_completed_event_attributes.result.payloads
            (observation,) = await data_converter.decode(answer, [Observation])
            where = {it.leg: it.placement for it in wanted.arrangement.legs}
            if observation.stands and where.get(leg) is placement:
                return heard
        raise AssertionError(f"{leg} was never {placement}")

    async def answered(self, leg: str) -> datetime:
        for it in self._events:
            if it.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                payloads = it.workflow_execution_signaled_event_attributes.input.payloads
                (event,) = await data_converter.decode(payloads, [ProviderEvent])
                if (event.kind, event.leg) == ("answered", leg):
                    return self._heard_at(it)
        raise AssertionError(f"{leg} has not answered")

    def command(self, name: str) -> datetime:
        """When a command was heard: that it was accepted is written after the step that has heard it."""
        for it in self._events:
            if it.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                accepted = it.workflow_execution_update_accepted_event_attributes
                if accepted.accepted_request.input.name == name:
                    return [at for id, at in self._steps if id < it.event_id][-1]
        raise AssertionError(f"there was no {name}")


async def settled(transfer: Running) -> None:
    """Wait until nothing is being arranged: what a test does next is heard of by an event, and by that alone."""

    async def nothing_under_way() -> bool | None:
        described = (await transfer.handle.describe()).raw_description
        rings = transfer.target_legs and any("rings" in it.text for it in (await transfer.status()).journal)
        return (
            True
            if rings and not described.pending_activities and not described.HasField("pending_workflow_task")
            else None
        )

    await eventually(nothing_under_way, "an arrangement that stands")


def took(seen: Scrape, name: str, **labels: str) -> float:
    """Return the one duration that was measured."""
    assert seen.total(f"{name}_seconds_count", **labels) == 1, name
    return seen.total(f"{name}_seconds_sum", **labels)


def between(first: datetime, then: datetime) -> object:
    return pytest.approx((then - first).total_seconds(), abs=MILLISECOND)


@pytest.fixture
async def measured(client: Client) -> Measured:
    return await Measured.connect(client)


async def late_answer(engine: Engine, transfer: Running) -> str:
    """Have the target answer, and the arrangement that follows be late."""
    await settled(transfer)
    leg = transfer.target_leg
    engine.exchange.faults.slow(SLOW)
    engine.exchange.answer(leg)
    return leg


async def test_a_warm_transfer_is_measured_as_its_history_tells(measured: Measured) -> None:
    async with running_engine(measured.client) as engine:
        request = engine.request(Mode.WARM, "sim:bob?ring")
        engine.exchange.faults.slow(SLOW)
        transfer = await engine.start(request)
        leg = await late_answer(engine, transfer)

        async def late() -> bool | None:
            return not engine.exchange.faults.coming or None

        await eventually(late, "the late arrangement")
        await settled(transfer)
        await transfer.do("conference")
        await transfer.do("complete")
        assert (await transfer.result()).outcome is Outcome.CONNECTED
        told = await Told.by(transfer)
    seen = await measured.now()
    (admitted,) = told.activity("admit")
    on_hold = await told.stood(request.customer.leg, Placement.ON_HOLD)
    answered, talking = await told.answered(leg), await told.stood(leg, Placement.IN_ROOM)
    together = told.command("conference")

    to_hold = took(seen, "hookflash_time_to_hold", mode="warm")
    assert to_hold == between(told.began, on_hold)
    assert to_hold > SLOW - MILLISECOND
    to_connected = took(seen, "hookflash_answer_to_connected", mode="warm")
    assert to_connected == between(answered, talking)
    assert to_connected > SLOW - MILLISECOND
    assert took(seen, "hookflash_ring_duration", mode="warm", answered="true") == between(admitted, answered)
    assert took(seen, "hookflash_consult_duration", mode="warm") == between(answered, together)
    assert took(seen, "hookflash_hold_duration", mode="warm", outcome="connected") == between(admitted, together)


async def test_a_cold_transfer_is_measured_as_its_history_tells(measured: Measured) -> None:
    async with running_engine(measured.client) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        leg = await late_answer(engine, transfer)
        assert (await transfer.result()).outcome is Outcome.CONNECTED
        told = await Told.by(transfer)
    seen = await measured.now()
    (admitted,) = told.activity("admit")
    answered, talking = await told.answered(leg), await told.stood(leg, Placement.IN_ROOM)
    to_connected = took(seen, "hookflash_answer_to_connected", mode="cold")
    assert to_connected == between(answered, talking)
    assert to_connected > SLOW - MILLISECOND
    assert took(seen, "hookflash_ring_duration", mode="cold", answered="true") == between(admitted, answered)
