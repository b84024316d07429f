"""One listener's turn, from the first look to the reason why it ends. Signals go to a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities import listener_session
from activities.listen import Listen
from activities.listener_session import Listening
from activities.telephony.errors import ProtocolError, ProviderUnavailable
from activities.telephony.model import LegEvent, LegEventKind, OwnedLegs
from hookflash import Cause, Evidence, ProviderEvent, names
from tests.support.polling import eventually
from tests.workers.recorder import Recorder
from tests.workers.scripted_telephony import LEG, MARK, ScriptedTelephony
from tests.workers.turn import NODE, Handle, Turn, heard, listening
from workers.sandbox import sandbox

pytestmark = pytest.mark.timeout(30)

RECONCILE = ProviderEvent(kind="reconcile", legs={LEG: "ringing"}, mark=MARK)
"""What a transfer is told of its legs when somebody begins to listen."""
LOOK = ProviderEvent(kind="reconcile")
"""What one without a leg is told."""


async def test_every_open_transfer_looks_at_the_real_state_first(client: Client, transfers: list[Handle]) -> None:
    first, second, stranger = transfers
    async with listening(client, ScriptedTelephony([first.id, second.id])):
        assert await heard(first, 1) == [RECONCILE]
        assert await heard(second, 1) == [RECONCILE]
    assert await heard(stranger, 0) == []


class Uncounted(ScriptedTelephony):
    """Tells whose legs there are when somebody begins to listen, and never again."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def owners(self) -> Mapping[str, OwnedLegs]:
        """See base class."""
        self.asked += 1
        if self.asked > 1:
            raise ProviderUnavailable("too busy to count")
        return await super().owners()


async def test_legs_that_cannot_be_counted_are_no_reason_not_to_listen(
    client: Client, transfers: list[Handle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_session, "COUNT", timedelta(milliseconds=1))
    telephony = Uncounted()

    async def refused() -> bool | None:
        return telephony.asked > 3 or None

    async with listening(client, telephony):
        await eventually(refused, "three counts that came to nothing")
        telephony.say(transfers[0].id, "leg")
        (event,) = await heard(transfers[0], 1)
    assert (event.kind, telephony.connections) == ("ringing", 1)


@workflow.defn(name=names.WORKFLOW_TYPE)
class Bereft(Recorder):
    """A transfer that records what it is told. None of its legs is alive."""

    @workflow.run
    async def run(self) -> None:
        """See `Recorder`."""
        await super().run()


@workflow.defn(name=names.CALL_BACK_TYPE)
class Promise(Recorder):
    """A promised call that is not due."""

    @workflow.run
    async def run(self) -> None:
        """See `Recorder`."""
        workflow.upsert_search_attributes([names.TRANSFER_STAGE.value_set("scheduled")])  # pyright: ignore[reportUnknownMemberType]
        await super().run()


async def test_a_transfer_without_a_live_leg_looks_at_the_real_state_too(client: Client) -> None:
    """All of its legs may have ended while nobody listened; after a restart of the node they all have."""
    queue, node = f"bereft-{uuid4()}", f"node-{uuid4()}"
    ids = [f"transfer:{node}:1", f"transfer:{node}-2:1", f"callback:{node}:1", f"transfer:{node}:2"]
    async with Worker(client, task_queue=queue, workflows=[Bereft, Promise], workflow_runner=sandbox()):
        kinds = (Bereft.run, Bereft.run, Promise.run, Bereft.run)
        handles = [
            await client.start_workflow(kind, id=it, task_queue=queue) for kind, it in zip(kinds, ids, strict=True)
        ]
        bereft, elsewhere, promise, alive = handles

        async def listed() -> bool | None:
            found = [it.id async for it in client.list_workflows(f"TaskQueue = '{queue}'")]
            stages = [
                it async for it in client.list_workflows(f"TransferStage = 'scheduled' AND WorkflowId = '{ids[2]}'")
            ]
            return (len(found) == len(ids) and len(stages) == 1) or None

        await eventually(listed, "all of them in Temporal's list")
        telephony = ScriptedTelephony([f"{alive.id}/{alive.first_execution_run_id}"])
        async with listening(client, telephony, node) as turn:
            assert await heard(bereft, 1) == [LOOK]

            async def counted() -> bool | None:
                return (turn.beats[-1].reconciled, turn.beats[-1].signals) == (2, 2) or None

            await eventually(counted, "a heartbeat that knows of both")
        assert await heard(alive, 0) == [RECONCILE]
        assert [await heard(it, 0) for it in (elsewhere, promise)] == [[], []]
        for handle in handles:
            await handle.terminate()


async def test_a_node_is_listened_to_even_if_temporals_list_cannot_be_had(
    client: Client, transfers: list[Handle], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hookflash.names.TRANSFER_STAGE", SearchAttributeKey.for_keyword("NoSuchAttribute"))
    telephony = ScriptedTelephony([transfers[0].id])
    async with listening(client, telephony) as turn:
        telephony.say(transfers[0].id, "leg-1")
        assert await heard(transfers[0], 2) == [RECONCILE, ProviderEvent(kind="ringing", leg="leg-1")]

        async def said() -> bool | None:
            return "who else is on node cannot be found out" in caplog.text or None

        await eventually(said, "a warning")
        assert not turn.task.done()


async def test_what_happens_is_passed_on_word_for_word(client: Client, transfers: list[Handle]) -> None:
    telephony = ScriptedTelephony()
    transfer = transfers[0]
    async with listening(client, telephony):
        telephony.say(transfer.id, "leg-1", LegEventKind.ANSWERED)
        telephony.say(transfer.id, "leg-1", LegEventKind.DIGIT, digit="#")
        telephony.emit(None)  # a sign of life
        evidence = Evidence(sip_status=486, q850=17, text="Busy Here")
        telephony.emit(
            LegEvent(owner=transfer.id, leg="leg-1", kind=LegEventKind.ENDED, cause=Cause.BUSY, evidence=evidence)
        )
        assert await heard(transfer, 3) == [
            ProviderEvent(kind="answered", leg="leg-1"),
            ProviderEvent(kind="digit", leg="leg-1", digit="#"),
            ProviderEvent(kind="ended", leg="leg-1", cause="busy", evidence=evidence),
        ]


async def test_events_of_a_transfer_arrive_in_their_order(client: Client, transfers: list[Handle]) -> None:
    telephony = ScriptedTelephony(transfer.id for transfer in transfers)
    async with listening(client, telephony):
        for number in range(20):
            for transfer in transfers:
                telephony.say(transfer.id, f"leg-{number}")
        for transfer in transfers:
            events = await heard(transfer, 21)
            assert [event.leg for event in events] == ["", *(f"leg-{number}" for number in range(20))]


async def test_a_transfer_that_is_over_is_left_alone(client: Client, transfers: list[Handle]) -> None:
    gone, here, _ = transfers
    await gone.signal(Recorder.over)
    await gone.result()
    telephony = ScriptedTelephony([gone.id, "never there", here.id])
    async with listening(client, telephony):
        telephony.say(gone.id, "leg-1")
        telephony.say(here.id, "leg-2")
        assert await heard(here, 2) == [RECONCILE, ProviderEvent(kind="ringing", leg="leg-2")]


async def test_a_lost_connection_is_told_to_temporal(client: Client, transfers: list[Handle]) -> None:
    telephony = ScriptedTelephony()
    transfer = transfers[0]
    async with listening(client, telephony) as turn:
        telephony.say(transfer.id, "leg-1")
        telephony.emit(ProviderUnavailable("the event socket was closed"))
        with pytest.raises(ApplicationError, match="node: the event socket was closed") as error:
            await turn.task
        assert (error.value.type, error.value.non_retryable) == ("ProviderUnavailable", False)
        assert error.value.next_retry_delay == timedelta(seconds=0.5)
    assert await heard(transfer, 1) == [ProviderEvent(kind="ringing", leg="leg-1")]


async def test_a_provider_that_refuses_us_is_asked_less_often(client: Client) -> None:
    telephony = ScriptedTelephony()
    async with listening(client, telephony) as turn:
        telephony.emit(ProtocolError("401"))
        with pytest.raises(ApplicationError) as error:
            await turn.task
        assert error.value.type == "ProtocolError"
        assert error.value.next_retry_delay == timedelta(seconds=5)


async def test_a_provider_out_of_reach_is_told_to_temporal(client: Client) -> None:
    telephony = ScriptedTelephony()
    telephony.reachable = False
    with pytest.raises(ApplicationError, match="node: no answer") as error:
        await Turn(client, telephony).task
    assert error.value.type == "ProviderUnavailable"


async def test_a_connection_that_never_comes_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.listener_session.CONNECT", timedelta(milliseconds=50))

    class Mute(ScriptedTelephony):
        async def events(self) -> AsyncIterator[None]:
            await asyncio.Event().wait()
            yield

    with pytest.raises(ApplicationError, match=r"no connection within 0\.05 s") as error:
        await Turn(client, Mute()).task
    assert error.value.type == "ProviderUnavailable"


async def test_a_worker_that_stops_hands_over_what_it_has_heard_and_goes(
    client: Client, transfers: list[Handle]
) -> None:
    telephony = ScriptedTelephony()
    transfer = transfers[0]
    async with listening(client, telephony) as turn:
        for digit in "123":
            telephony.say(transfer.id, "leg-1", LegEventKind.DIGIT, digit=digit)
        await heard(transfer, 1)
        turn.leaving.set()
        with pytest.raises(ApplicationError) as error:
            await turn.task
        assert (error.value.type, error.value.category) == ("WorkerShutdown", ApplicationErrorCategory.BENIGN)
        assert error.value.next_retry_delay
        assert error.value.next_retry_delay < timedelta(seconds=1)
        assert not telephony.listening
    assert [event.digit for event in await heard(transfer, 3)] == ["1", "2", "3"]


async def test_a_cancel_ends_it_at_once(client: Client) -> None:
    telephony = ScriptedTelephony()
    async with listening(client, telephony) as turn:
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn.task
        assert not telephony.listening


async def test_a_turn_ends_in_good_order_before_its_time_out(client: Client) -> None:
    telephony = ScriptedTelephony()
    await Turn(client, telephony, length=timedelta(milliseconds=200)).task
    assert telephony.connections == 1
    assert not telephony.listening


async def test_temporal_hears_of_it_all_the_time(client: Client, transfers: list[Handle]) -> None:
    telephony = ScriptedTelephony([transfers[0].id])
    async with listening(client, telephony, heartbeat_timeout=timedelta(milliseconds=40)) as turn:
        telephony.say(transfers[0].id, "leg-1")
        await heard(transfers[0], 2)

        async def look() -> Listening | None:
            beat = turn.beats[-1]
            return beat if beat.signals == 2 else None

        beat = await eventually(look, "a heartbeat that knows of both signals")
        assert (beat.reconciled, beat.events) == (1, 1)
        assert beat.since is not None


async def test_another_worker_may_have_the_provider(client: Client) -> None:
    with pytest.raises(ApplicationError, match="no provider elsewhere") as error:
        await ActivityEnvironment().run(Listen(client, {NODE: ScriptedTelephony()}).listen, "elsewhere")
    assert not error.value.non_retryable
