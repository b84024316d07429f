"""What a transfer leaves at Temporal, where each event has its price: enough to find it by, and no more."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError

from activities.arrange import news
from activities.telephony.model import (
    Arrangement,
    Observation,
    Phase,
    Placement,
    RecordingTrouble,
    SeenLeg,
    WantedLeg,
)
from activities.telephony.simulator import SimulatedExchange
from hookflash import Cancel, Mode, Outcome, Stage, Target
from hookflash.names import TRANSFER_LEGS, TRANSFER_MODE, TRANSFER_STAGE
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.people import journal, leg_of
from tests.workflows.scenarios import LONG, cold_answered, warm_completed
from tests.workflows.soundness import ends_soundly
from workflows.notice_board import JOURNAL_LENGTH

pytestmark = pytest.mark.timeout(60)

STARTED = EventType.EVENT_TYPE_TIMER_STARTED
UPSERT = EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
CANCELED = EventType.EVENT_TYPE_TIMER_CANCELED
UP = Phase.ANSWERED
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
COMPLETED = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
ANSWERED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED
FIRED = EventType.EVENT_TYPE_TIMER_FIRED


class Deliberate(SimulatedExchange):
    """An exchange that brings customer and target together only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = asyncio.Event()

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        if all(leg.placement in (Placement.IN_ROOM, Placement.GONE) for leg in wanted.legs):
            await self.now.wait()
        return await super().arrange(wanted)


async def _count(transfer: Running, kind: "EventType.ValueType") -> int:
    return [event.event_type for event in (await transfer.handle.fetch_history()).events].count(kind)


async def _legs(transfer: Running) -> set[str]:
    return set((await transfer.handle.describe()).typed_search_attributes.get(TRANSFER_LEGS) or ())


async def _stage(transfer: Running) -> str | None:
    return (await transfer.handle.describe()).typed_search_attributes.get(TRANSFER_STAGE)


async def _shows(transfer: Running, stage: str, within: float = 10) -> None:
    async def shown() -> bool | None:
        return await _stage(transfer) == stage or None

    await eventually(shown, f"{stage} in the list", within=within)


async def test_attributes_are_written_when_it_rings_and_when_it_is_over(engine: Engine) -> None:
    transfer, _ = await cold_answered(engine)
    stages = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields["TransferStage"].data
        for event in (await transfer.handle.fetch_history()).events
        if event.event_type == UPSERT
    ]
    assert stages == [b'"ringing"', b'"ended"']


async def test_legs_are_found_before_they_ring_and_nobody_waits_for_other_attributes(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
    await _shows(transfer, "consulting")
    await transfer.do("conference")
    await _shows(transfer, "three_way")
    kinds = [event.event_type for event in (await transfer.handle.fetch_history()).events]
    told = [it for it in kinds if it in (UPSERT, SCHEDULED, COMPLETED, ANSWERED)]
    policy = [SCHEDULED, COMPLETED]
    ringing = [UPSERT, SCHEDULED, COMPLETED]
    consulting = [SCHEDULED, COMPLETED, UPSERT]
    three_way = [SCHEDULED, ANSWERED, COMPLETED, UPSERT]
    assert told == [*policy, *ringing, *consulting, *three_way]


async def test_a_transfer_has_one_timer_for_all_its_waits_and_takes_it_along_when_it_ends(engine: Engine) -> None:
    transfer, _ = await cold_answered(engine)
    assert [await _count(transfer, it) for it in (STARTED, CANCELED, FIRED)] == [1, 0, 0]


async def test_waits_behind_the_one_that_ends_first_have_no_timers(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, Target(address="sim:bob?ring", name="Claims desk"))
    status = await transfer.reaches(Stage.RINGING)
    assert [it.wait for it in status.deadlines] == ["ring", "hold_budget", "overall_limit"]
    assert await _count(transfer, STARTED) == 1
    for command in ("unhold", "hold", "unhold", "hold"):  # the customer's waits end and begin anew behind the ringing
        await transfer.do(command)
    assert [await _count(transfer, it) for it in (STARTED, CANCELED)] == [1, 0]
    engine.exchange.answer(transfer.target_leg)
    status = await transfer.reaches(Stage.CONSULTING)
    assert {it.wait for it in status.deadlines} == {"hold_budget", "consult_limit", "overall_limit"}
    assert [await _count(transfer, it) for it in (STARTED, CANCELED)] == [2, 1]
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    assert [await _count(transfer, it) for it in (STARTED, CANCELED, FIRED)] == [2, 1, 0]


async def test_the_history_of_a_cold_transfer_is_short(engine: Engine) -> None:
    transfer, _ = await cold_answered(engine)
    described = await transfer.handle.describe()
    assert described.raw_description.workflow_execution_info.history_size_bytes < 9_500
    assert (described.history_length or 0) <= 47


async def test_a_transfer_that_is_over_is_found_by_each_of_its_legs(engine: Engine) -> None:
    transfer, _ = await cold_answered(engine)
    request = transfer.request
    assert {request.customer.leg, request.agent.leg, leg_of(transfer, "Claims desk").id} == await _legs(transfer)


async def test_a_wait_that_is_over_while_the_last_arrangement_is_made_changes_nothing(client: Client) -> None:
    exchange = Deliberate()
    async with running_engine(client, exchange) as engine:
        transfer = await engine.transfer(
            Mode.COLD, Target(address="sim:bob?answer=50ms", name="Claims desk", ring_timeout=timedelta(seconds=3))
        )
        await transfer.reaches(Stage.ENDING)

        async def time_is_up() -> bool | None:
            return await _count(transfer, FIRED) > 0 or None

        await eventually(time_is_up, "the end of the ringing time")
        exchange.now.set()
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
        assert [line for line in journal(await transfer.status()) if "time is up" in line] == []


async def test_an_end_that_takes_long_is_seen_in_the_list(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
    await transfer.reaches(Stage.CONSULTING)
    await _shows(transfer, "consulting")
    engine.exchange.faults.outage = True
    assert (await transfer.do("complete")).stage is Stage.ENDING
    await _shows(transfer, "ending", within=30)  # Temporal tries again for ten seconds first
    waits = [it.wait for it in (await transfer.status()).deadlines]
    assert waits in ([], ["retry"])
    engine.exchange.faults.outage = False
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_a_transfer_that_fails_before_it_begins_can_be_found(engine: Engine) -> None:
    request = engine.request(Mode.COLD, "sim:bob?ring").model_copy(update={"provider": "nowhere"})
    transfer = await engine.start(request)
    with pytest.raises(WorkflowFailureError):
        await transfer.result()
    attributes = (await transfer.handle.describe()).typed_search_attributes
    assert (attributes.get(TRANSFER_STAGE), attributes.get(TRANSFER_MODE)) == ("starting", "cold")


async def test_the_answer_to_a_command_tells_what_came_of_it(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, Target(address="sim:bob?ring", name="Claims desk", ring_timeout=LONG))

    async def stands() -> bool | None:
        lines = journal(await transfer.status())
        return {"Claims desk rings", "customer is on the line", "agent is on the line"} <= set(lines) or None

    await eventually(stands, "the ringing in the journal")
    for _ in range(JOURNAL_LENGTH):  # until the journal is full, and forgets a line with each that it gets
        assert journal(await transfer.do("unhold")) == ["agent: unhold customer"]
        assert journal(await transfer.do("hold")) == ["agent: hold customer"]
    whole = journal(await transfer.status())
    assert (len(whole), whole[-1]) == (JOURNAL_LENGTH, "agent: hold customer")
    assert journal(await transfer.do("cancel", Cancel(reason="wrong desk"))) == ["cancel: wrong desk", "agent: cancel"]
    await transfer.result()


async def test_the_answer_of_an_arrangement_tells_what_was_not_known(engine: Engine) -> None:
    transfer, _ = await warm_completed(engine)
    first, *later, last = [
        json.loads(event.activity_task_completed_event_attributes.result.payloads[0].data)
        for event in (await transfer.handle.fetch_history()).events
        if event.event_type == COMPLETED
    ][1:]  # but for the policy's
    request, target = transfer.request, leg_of(transfer, "Claims desk").id
    assert [leg["leg"] for leg in first["legs"]] == [request.customer.leg, request.agent.leg, target]
    assert [it["legs"] for it in later] == [[]] * len(later)
    assert [(leg["leg"], leg["cause"]) for leg in last["legs"]] == [(request.agent.leg, "released")]


DIALLED_AT = datetime(2026, 11, 23, tzinfo=UTC)


def test_what_is_not_known_is_told() -> None:
    wanted = Arrangement(
        room="room", legs=tuple(WantedLeg(leg=it, name=it, placement=Placement.IN_ROOM, known=UP) for it in "abcdef")
    )
    called = WantedLeg(leg="g", name="g", placement=Placement.RINGING, known=Phase.DIALLING)
    wanted = wanted.model_copy(update={"legs": (*wanted.legs, called)})
    plain = (SeenLeg(leg="a", phase=UP), SeenLeg(leg="a", phase=UP, dialled_at=DIALLED_AT))
    told = (
        SeenLeg(leg="b", phase=Phase.ENDED),
        SeenLeg(leg="c", phase=UP, owner="transfer:other/run"),
        SeenLeg(leg="d", phase=UP, former_owner="connected:other/run"),
        SeenLeg(leg="e", phase=UP, recording=RecordingTrouble.NOT_PAUSED),
        SeenLeg(leg="f", phase=Phase.RINGING, dialled_at=DIALLED_AT),
        SeenLeg(leg="g", phase=Phase.DIALLING, dialled_at=DIALLED_AT),
    )
    seen = Observation(legs=(*plain, *told), stands=True, mark="m", since=datetime(2026, 11, 22, tzinfo=UTC))
    assert news(seen, wanted) == seen.model_copy(update={"legs": told})
    assert news(seen, wanted.model_copy(update={"since": seen.since})).since is None
    younger = seen.model_copy(update={"since": datetime(2026, 11, 23, tzinfo=UTC)})
    assert news(younger, wanted.model_copy(update={"since": seen.since})).since == younger.since
