"""What the server keeps for operators of every transfer, read from the API: no browser needed."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, cast

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import WorkflowInteractionDefinition, WorkflowMetadata
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import SearchAttributePair

from hookflash import AcceptGate, CommandName, Context, Mode, Stage, Target, names
from hookflash.client import TransferClient
from tests.workflows.engine import Engine, Running, running_engine
from workflows.wording import SUMMARY_LIMIT

CUSTOMER = "Zebulon Quux"
NUMBERS = ("15550123", "15550199")
CONTEXT = Context(customer_name=CUSTOMER, reason="Damaged parcel of Zebulon Quux", steps_tried=("called 15550199",))

EXPLAINED = (
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
)
PARTY_OR_LIMIT = re.compile(r"customer|agent|target|claims desk|premium line|\(\d+ (ms|s|min|h)", re.IGNORECASE)

FIXED_ATTRIBUTES = {
    "TransferMode": "cold",
    "TransferProvider": "simulator",
    "TransferTenant": "default",
    "TransferAgent": "a-17",
    "TransferStage": "ended",
    "TransferHeld": False,
}


@pytest.fixture(scope="module")
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client) as engine:
        yield engine


@pytest.fixture(scope="module")
async def long_story(engine: Engine) -> Running:
    """A transfer with all that can be waited for: a target that is denied, a busy one, and one that must accept.

    It is followed until the call itself is over, so that the watch over the call can be looked at too.
    """
    targets = (
        Target(address="sim:forbidden", name="Premium line"),
        Target(address=f"sim:{NUMBERS[0]}?busy", name="Claims desk"),
        Target(address=f"sim:{NUMBERS[1]}?answer=200ms&press=1&after=200ms", name="Claims desk", accept=AcceptGate()),
    )
    request = engine.request(Mode.WARM, *targets, context=CONTEXT)
    started = await TransferClient(engine.client, engine.queue).start(request)
    transfer = Running(engine, request, engine.client.get_workflow_handle(started.id, run_id=started.run_id))
    await transfer.reaches(Stage.CONSULTING)
    for command in ("swap", "swap", "conference", "complete"):
        await transfer.do(command)
    await transfer.handle.result()
    engine.exchange.hang_up(transfer.target_leg)
    await _supervision(transfer).result()
    return transfer


async def _decoded(client: Client, payload: Payload) -> str:
    (text,) = await client.data_converter.decode([payload], [str])
    return text


async def _summaries(client: Client, handle: WorkflowHandle[Any, Any]) -> dict[str, str]:
    """Return the summary of each event that stands for something being done, by the event."""
    events: list[HistoryEvent] = [event async for event in handle.fetch_history_events()]
    explained = [event for event in events if event.event_type in EXPLAINED]
    assert explained
    return {
        f"{event.event_id} {EventType.Name(event.event_type)}": await _decoded(client, event.user_metadata.summary)
        for event in explained
    }


async def _metadata(handle: WorkflowHandle[Any, Any]) -> WorkflowMetadata:
    """Return what ``temporal workflow metadata`` and the UI's dialogs show."""
    return await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)


async def _attributes(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    attributes = (await handle.describe()).typed_search_attributes
    return {pair.key.name: pair.value for pair in cast("Iterable[SearchAttributePair[Any]]", attributes)}


def _supervision(transfer: Running) -> WorkflowHandle[Any, Any]:
    run_id = transfer.handle.run_id
    assert run_id is not None
    return transfer.engine.client.get_workflow_handle(names.supervision_id(transfer.handle.id, run_id))


async def test_every_activity_timer_and_child_has_a_summary_that_names_a_party_or_a_limit(long_story: Running) -> None:
    client = long_story.engine.client
    transfer = await _summaries(client, long_story.handle)
    assert "Claims desk accepts (15 s)" in transfer.values()
    assert any(
        re.fullmatch(r"Customer waits, hold budget \(5 min(, 4 min \d+ s left)?\)", it) for it in transfer.values()
    )
    for event, summary in {**transfer, **await _summaries(client, _supervision(long_story))}.items():
        assert len(summary) <= SUMMARY_LIMIT, event
        assert PARTY_OR_LIMIT.search(summary), f"{event}: {summary}"


async def test_every_wait_is_on_the_details_page_and_the_one_that_ends_first_is_the_timer(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=0ms")
    await transfer.reaches(Stage.CONSULTING)
    named = ("Customer waits, hold budget (5 min)", "Agent and Claims desk talk, consult limit (5 min)")
    page = (await _metadata(transfer.handle)).current_details
    _, *waits = page.partition("Ends by itself")[2].partition("\n\n")[0].splitlines()
    ends = [re.fullmatch(r"- (\d\d:\d\d:\d\d) (.*)", line) for line in waits]
    assert [it.group(2) for it in ends if it] == [*named, "Whole transfer, overall limit (1 h)"]
    assert {it.name for it in (await transfer.status()).deadlines} == {it.group(2) for it in ends if it}
    summaries = await _summaries(engine.client, transfer.handle)
    timers = [it for event, it in summaries.items() if event.endswith("TIMER_STARTED")]
    assert timers[0] == "Ring Claims desk (20 s)"
    assert re.fullmatch(r"Customer waits, hold budget \(5 min(, 4 min \d+ s left)?\)", timers[1])
    assert timers[2:] == []
    await transfer.do("cancel")
    await transfer.result()


async def test_the_client_says_at_the_start_what_it_is_about(long_story: Running) -> None:
    description = await long_story.handle.describe()
    assert await description.static_summary() == "Warm transfer to Premium line"
    details = await description.static_details()
    assert details
    assert "Claims desk" in details


async def test_what_operators_read_holds_no_name_of_a_customer_and_no_number(long_story: Running) -> None:
    client, handle = long_story.engine.client, long_story.handle
    description = await handle.describe()
    readable = [
        *(await _summaries(client, handle)).values(),
        *(await _summaries(client, _supervision(long_story))).values(),
        (await _metadata(handle)).current_details,
        (await _metadata(_supervision(long_story))).current_details,
        str(await description.static_summary()),
        str(await description.static_details()),
        str(await description.memo()),
        str(await _attributes(handle)),
        handle.id,
    ]
    for text in readable:
        for secret in ("Zebulon", "Quux", "Damaged", "sim:anna?", *NUMBERS):
            assert secret not in text


async def test_every_handler_says_what_it_is_for_and_what_its_body_is(long_story: Running) -> None:
    for handle in (long_story.handle, _supervision(long_story)):
        definition = (await _metadata(handle)).definition
        everything = [*definition.signal_definitions, *definition.update_definitions, *definition.query_definitions]
        for handler in everything:
            # The SDK's own queries, such as __stack_trace, have no description.
            assert handler.description or handler.name.startswith("__"), handler.name
    updates: list[WorkflowInteractionDefinition] = list(
        (await _metadata(long_story.handle)).definition.update_definitions
    )
    assert {command.value for command in CommandName} == {it.name for it in updates}
    for update in updates:
        assert "Body: {" in update.description or "No body." in update.description, update.name


async def _nothing(_: Running) -> None:
    pass


async def _customer_hangs_up(transfer: Running) -> None:
    await transfer.reaches(Stage.RINGING)
    transfer.engine.exchange.hang_up(transfer.request.customer.leg)


async def _operator_cancels(transfer: Running) -> None:
    await transfer.reaches(Stage.RINGING)
    await transfer.handle.cancel()


async def _agent_leaves_and_target_declines(transfer: Running) -> None:
    await transfer.reaches(Stage.RINGING)
    transfer.engine.exchange.hang_up(transfer.request.agent.leg)
    await transfer.hear(customer={"ringback"})
    transfer.engine.exchange.hang_up(transfer.target_leg)


@pytest.mark.parametrize(
    ("mode", "script", "happens", "outcome", "cause"),
    [
        (Mode.COLD, "bob?answer=100ms", _nothing, "connected", None),
        (Mode.COLD, "bob?busy", _nothing, "returned_to_agent", "busy"),
        (Mode.COLD, "bob?ring", _customer_hangs_up, "customer_left", None),
        (Mode.COLD, "bob?ring", _operator_cancels, "cancelled", "operator_cancelled"),
        (Mode.WARM, "bob?ring", _agent_leaves_and_target_declines, "recalled_agent", "declined"),
        (Mode.COLD, "forbidden", _nothing, "rejected", "destination_denied"),
        (Mode.BLIND, "bob?ring", _nothing, "rejected", "blind_denied"),
    ],
)
async def test_search_attributes_tell_the_outcome_whatever_the_end(
    engine: Engine,
    mode: Mode,
    script: str,
    happens: Callable[[Running], Awaitable[None]],
    outcome: str,
    cause: str | None,
) -> None:
    transfer = await engine.transfer(mode, f"sim:{script}")
    await happens(transfer)
    result = await transfer.result()
    found = await _attributes(transfer.handle)
    legs = found.pop("TransferLegs")
    found.pop("BuildIds", None)  # the server's own
    told = {"TransferOutcome": outcome, "TransferCause": cause or result.cause}
    assert found == FIXED_ATTRIBUTES | {"TransferMode": mode.value} | {k: v for k, v in told.items() if v}
    assert isinstance(legs, list)
    assert transfer.request.customer.leg in legs


async def test_a_request_that_cannot_be_accepted_fails_and_the_failure_names_the_field(engine: Engine) -> None:
    request = engine.request(Mode.COLD, "sim:bob?ring").model_copy(update={"provider": "nowhere"})
    transfer = await engine.start(request)
    with pytest.raises(WorkflowFailureError) as failed:
        await transfer.result()
    assert "provider: no provider 'nowhere' here; there is: simulator" in str(failed.value.cause)
