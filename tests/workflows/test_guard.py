"""Nothing that a caller sends wedges a workflow: every wrong input, for everything that takes one.

A workflow is wedged when its task fails and is retried for ever. So each test goes on to use the workflow, or sees it
fail with an answer; one that is wedged runs into the time-out. All against a real server, since what is tested is how
the SDK's decoding and the guard work together.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from hookflash.converter import INVALID_REQUEST, data_converter
from tests.support.polling import eventually
from tests.workflows.guard_probe import Event, GuardProbe, Heard, Order
from workflows.guard import GuardInterceptor

pytestmark = pytest.mark.timeout(15)

PHONE = "+498912345"
"""Stands for what must not be repeated in an answer: answers end up in logs and in the UI."""
GOOD = {"party": "customer"}

SHARED_CONTRACT = SandboxRestrictions.default.with_passthrough_modules("hookflash")
OWN_CONTRACT = SandboxRestrictions.default


Handle = WorkflowHandle[Any, Any]


class Wrong(NamedTuple):
    """Inputs that are no `Order`."""

    inputs: list[Any]
    field: str
    problem: str
    decoded: bool = False
    """Whether it is only the guard that can refuse it; the SDK drops a signal whose input it cannot decode."""


def raw(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    """An input exactly as another SDK, or somebody with curl, might send it."""
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


WRONG = {
    "no input": Wrong([], "", "1 input expected, 0 given", decoded=True),
    "two inputs": Wrong([GOOD, GOOD], "", "1 input expected, 2 given", decoded=True),
    "null": Wrong([None], "", "Input should be an object, not null", decoded=True),
    "null in JSON": Wrong([raw(b"null")], "", "Input should be an object"),
    "null with data": Wrong([raw(b"1", b"binary/null")], "", "Input should be an object, not null", decoded=True),
    "bytes": Wrong([b"{}"], "", "Input should be an object, not binary data", decoded=True),
    "a string": Wrong([PHONE], "", "Input should be an object"),
    "a list": Wrong([[GOOD]], "", "Input should be an object"),
    "a number": Wrong([498912345], "", "Input should be an object"),
    "broken JSON": Wrong([raw(b'{"party"')], "", "Invalid JSON: EOF while parsing an object at line 1 column 8"),
    "an encoding of somebody else's": Wrong(
        [raw(b"\x00", b"binary/encrypted")], "", "Input should be JSON, not binary/encrypted"
    ),
    "no encoding": Wrong([RawValue(Payload(data=b"{}"))], "", "Input should be JSON, not without encoding"),
    "an unknown field": Wrong([{**GOOD, "hurry": PHONE}], "hurry", "Extra inputs are not permitted"),
    "a missing field": Wrong([{}], "party", "Field required"),
    "a word that is not in the list": Wrong([{"party": PHONE}], "party", "Input should be 'customer' or 'agent'"),
    "a wrong nested field": Wrong(
        [{**GOOD, "steps": [{"kind": "park", "place": "A"}, {"kind": "ring", "seconds": PHONE + "x"}]}],
        "steps.1.seconds",
        "Input should be a valid integer, unable to parse string as an integer",
    ),
    "a missing nested field": Wrong([{**GOOD, "steps": [{"kind": "park"}]}], "steps.0.place", "Field required"),
    "a kind there is not": Wrong(
        [{**GOOD, "steps": [{"kind": PHONE}]}], "steps.0.kind", "Input should be one of 'ring', 'park'"
    ),
    "no kind at all": Wrong([{**GOOD, "steps": [{"place": "A"}]}], "steps.0.kind", "Field required"),
    "what a validator of ours refuses": Wrong([{**GOOD, "patience": 0}], "patience", "some patience is needed"),
}

every_wrong_input = pytest.mark.parametrize("wrong", [pytest.param(it, id=name) for name, it in WRONG.items()])


class Guarded(NamedTuple):
    """A worker with the guard, and what a caller does with its workflows."""

    client: Client
    task_queue: str
    replayer: Replayer

    async def start(self, *inputs: object, signal: str | None = None) -> Handle:
        return await self.client.start_workflow(
            "GuardProbe",
            args=inputs,
            id=f"guard-{uuid4()}",
            task_queue=self.task_queue,
            result_type=Heard,
            start_signal=signal,
        )

    async def finish(self, handle: Handle) -> Heard:
        """Let the probe end as it should: proof that it is not wedged, neither now nor when it is replayed."""
        await update(handle, "finish")
        heard = await handle.result()
        await self.replayer.replay_workflow(await handle.fetch_history())
        return heard


async def update(handle: Handle, name: str, *inputs: object) -> None:
    # The SDK leaves the type of args open in one overload, for which the whole signature counts as unknown.
    await handle.execute_update(name, args=inputs)  # pyright: ignore[reportUnknownMemberType]


@asynccontextmanager
async def guarded_worker(client: Client, restrictions: SandboxRestrictions) -> AsyncGenerator[Guarded]:
    runner = SandboxedWorkflowRunner(restrictions=restrictions)
    replayer = Replayer(
        workflows=[GuardProbe],
        interceptors=[GuardInterceptor()],
        data_converter=data_converter,
        workflow_runner=runner,
    )
    async with Worker(
        client,
        task_queue=f"guard-{uuid4()}",
        workflows=[GuardProbe],
        interceptors=[GuardInterceptor()],
        workflow_runner=runner,
    ) as worker:
        yield Guarded(client, worker.task_queue, replayer)


@pytest.fixture(scope="module")
async def guarded(client: Client) -> AsyncIterator[Guarded]:
    async with guarded_worker(client, SHARED_CONTRACT) as guarded:
        yield guarded


def message(wrong: Wrong, subject: str = "Order") -> str:
    return f"invalid {subject}: {wrong.field + ': ' if wrong.field else ''}{wrong.problem}"


def assert_answers(error: BaseException | None, wrong: Wrong, subject: str = "Order") -> None:
    """The error is the guard's, names the field and repeats nothing of what was sent."""
    assert isinstance(error, ApplicationError)
    assert (error.type, error.non_retryable) == (INVALID_REQUEST, True)
    assert error.message == message(wrong, subject)
    assert error.details == ([{"field": wrong.field, "problem": wrong.problem}],)
    assert PHONE not in repr(error)
    assert error.cause is None


async def assert_fails(handle: Handle, wrong: Wrong, subject: str = "Order") -> None:
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert_answers(failure.value.cause, wrong, subject)
    assert (await handle.describe()).status == WorkflowExecutionStatus.FAILED


async def assert_refused(handle: Handle, name: str, wrong: Wrong, subject: str = "Order") -> None:
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await update(handle, name, *wrong.inputs)
    assert_answers(failure.value.cause, wrong, subject)


async def test_without_the_guard_a_second_input_wedges_the_workflow(client: Client) -> None:
    # What it shares is not imported again for each try, which together with the asking takes a busy machine too long.
    runner = SandboxedWorkflowRunner(restrictions=SHARED_CONTRACT)
    async with Worker(
        client, task_queue=f"unguarded-{uuid4()}", workflows=[GuardProbe], workflow_runner=runner
    ) as worker:
        handle = await client.start_workflow(
            "GuardProbe", args=[GOOD, GOOD], id=f"unguarded-{uuid4()}", task_queue=worker.task_queue
        )

        async def tried_again() -> bool | None:
            return (await handle.describe()).raw_description.pending_workflow_task.attempt >= 2 or None

        await eventually(tried_again, "a second try")
        await handle.terminate()


@every_wrong_input
async def test_a_wrong_start_fails_the_workflow_and_says_why(guarded: Guarded, wrong: Wrong) -> None:
    handle = await guarded.start(*wrong.inputs)
    await assert_fails(handle, wrong)
    await guarded.replayer.replay_workflow(await handle.fetch_history())


async def test_two_inputs_that_cannot_even_be_decoded_fail_the_workflow(guarded: Guarded) -> None:
    wrong = Wrong([GOOD, raw(b"{")], "", "2 inputs were given, and cannot be read")
    await assert_fails(await guarded.start(*wrong.inputs), wrong, subject="input")


@pytest.mark.parametrize("case", ["no input", "null", "a missing field"])
async def test_a_wrong_start_fails_the_workflow_though_a_signal_comes_first(guarded: Guarded, case: str) -> None:
    await assert_fails(await guarded.start(*WRONG[case].inputs, signal="bell"), WRONG[case])


@every_wrong_input
async def test_a_wrong_update_is_refused_and_the_workflow_goes_on(guarded: Guarded, wrong: Wrong) -> None:
    handle = await guarded.start(GOOD)
    for name in ("checked", "unchecked"):
        await assert_refused(handle, name, wrong)
        await update(handle, name, GOOD)
    assert (await guarded.finish(handle)).orders == ("checked customer", "unchecked customer")


@pytest.mark.parametrize("case", ["two inputs", "null", "an unknown field"])
async def test_a_refused_update_with_a_validator_leaves_nothing_in_the_history(guarded: Guarded, case: str) -> None:
    handle = await guarded.start(GOOD)
    await handle.query(GuardProbe.heard)  # the first workflow task is over
    before = (await handle.describe()).history_length
    await assert_refused(handle, "checked", WRONG[case])
    assert (await handle.describe()).history_length == before
    await guarded.finish(handle)


async def test_the_guard_leaves_the_validators_of_the_workflow_their_say(guarded: Guarded) -> None:
    handle = await guarded.start(GOOD)
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await update(handle, "checked", {"party": "agent"})
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.message == "not the agent"
    assert (await guarded.finish(handle)).orders == ()


@every_wrong_input
async def test_a_wrong_signal_is_dropped_and_the_workflow_goes_on(
    guarded: Guarded, wrong: Wrong, caplog: pytest.LogCaptureFixture
) -> None:
    handle = await guarded.start(GOOD)
    for name in ("checked", "awaited", "kept"):
        await handle.signal(name, args=wrong.inputs)
        await handle.signal(name, GOOD)
    heard = await guarded.finish(handle)
    assert heard.orders == ("signalled customer", "awaited customer", "kept customer")
    told = [name for name in ("checked", "awaited", "kept") if wrong.decoded or name == "kept"]
    assert heard.dropped == tuple(f"{name}: {message(wrong)}" for name in told)
    assert message(wrong) in caplog.text
    assert PHONE not in caplog.text


@pytest.mark.parametrize(
    ("inputs", "given"), [([GOOD], 1), ([None], 1), ([GOOD, GOOD], 2)], ids=["a body", "null", "two bodies"]
)
async def test_a_body_is_refused_where_none_is_taken(guarded: Guarded, inputs: list[Any], given: int) -> None:
    wrong = Wrong(inputs, "", f"no input expected, {given} given")
    handle = await guarded.start(GOOD)
    await assert_refused(handle, "finish", wrong, subject="input")
    await handle.signal("bell", args=inputs)
    await handle.signal("bell")
    assert (await guarded.finish(handle)).orders == ("bell",)


@pytest.mark.parametrize(
    ("inputs", "order"),
    [([], None), ([None], None), (WRONG["null in JSON"].inputs, None), ([GOOD], "customer")],
    ids=["nothing", "null", "null in JSON", "an order"],
)
async def test_a_body_that_is_optional_may_be_left_out(guarded: Guarded, inputs: list[Any], order: str | None) -> None:
    handle = await guarded.start(GOOD)
    await update(handle, "optional", *inputs)
    await handle.signal("maybe", args=inputs)
    heard = await guarded.finish(handle)
    assert heard == Heard(orders=(f"optional {order}", f"maybe {order}"), dropped=())


@pytest.mark.parametrize("case", ["two inputs", "bytes", "a string", "broken JSON", "an unknown field"])
async def test_a_body_that_is_optional_is_refused_when_it_is_wrong(guarded: Guarded, case: str) -> None:
    wrong = WRONG[case]
    wrong = wrong._replace(problem=wrong.problem.replace("1 input", "at most 1 input"))
    handle = await guarded.start(GOOD)
    await assert_refused(handle, "optional", wrong)
    await handle.signal("maybe", args=wrong.inputs)
    heard = await guarded.finish(handle)
    assert heard == Heard(orders=(), dropped=(f"maybe: {message(wrong)}",))


async def test_an_event_may_say_more_than_is_understood_but_not_nothing(guarded: Guarded) -> None:
    handle = await guarded.start(GOOD)
    await handle.signal("reported", {"kind": "answered", "news": 1})
    await handle.signal("reported", None)
    heard = await guarded.finish(handle)
    told = "reported: invalid Event: Input should be an object, not null"
    assert heard == Heard(orders=("reported answered",), dropped=(told,))


def test_an_answer_stays_short_and_printable_whatever_was_sent() -> None:
    converter = data_converter.payload_converter
    unknown = {f"\n{number}" + "x" * 1000: PHONE for number in range(1000)}
    with pytest.raises(ApplicationError) as refusal:
        converter.from_payload(converter.to_payload({**GOOD, **unknown}), Order)
    named = [f"?{number}" + "x" * 62 + ": Extra inputs are not permitted" for number in range(3)]
    assert refusal.value.message == f"invalid Order: {'; '.join(named)}; and 97 more"
    assert len(refusal.value.details[0]) == 20


def test_what_is_not_from_a_caller_raises_as_it_does_in_the_sdk() -> None:
    converter = data_converter.payload_converter
    with pytest.raises(ValidationError):
        converter.from_payload(converter.to_payload({"kind": 1}), Event)


async def test_a_sandbox_with_its_own_copy_of_the_contract_is_guarded_too(client: Client) -> None:
    wrong = WRONG["an unknown field"]
    async with guarded_worker(client, OWN_CONTRACT) as guarded:
        await assert_fails(await guarded.start(*wrong.inputs), wrong)
        handle = await guarded.start(GOOD)
        await assert_refused(handle, "checked", wrong)
        await handle.signal("kept", args=wrong.inputs)
        assert (await guarded.finish(handle)).dropped == (f"kept: {message(wrong)}",)
