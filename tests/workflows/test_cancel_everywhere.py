"""Whenever a transfer is given up, the customer is with a person afterwards and no leg is left over.

Each story is first told undisturbed, to count its moments; then once per moment with a cancel there, several at once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner

from hookflash import (
    AcceptGate,
    AnotherTarget,
    CallBack,
    HandOff,
    HangUp,
    Mode,
    Outcome,
    Policy,
    Recall,
    Stage,
    Target,
    TransferRequest,
    TransferResult,
)
from hookflash.names import transfer_id
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.interrupting import InterruptedExchange, Moments
from tests.workflows.scenarios import SHORT, asked, gated, together
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

MOST = 40
"""Moments of a story that are tried."""

AT_ONCE = 8
"""Transfers side by side. The exchange looks at the clock for customers in silence, and must not find the silence of a
machine that is busy with forty transfers for one worker."""


class Story(NamedTuple):
    """A transfer whose phones do everything by themselves."""

    request: Callable[[Engine], TransferRequest]
    ends: frozenset[Outcome]
    """How it ends without a cancel, or in spite of one that comes too late."""
    rests_in: Stage = Stage.ENDED
    """Where it stays if nobody does anything."""


Targets = str | Target | tuple[Target, ...]


def _story(mode: Mode, target: Targets, *ends: Outcome, rests_in: Stage = Stage.ENDED, **more: object) -> Story:
    targets = target if isinstance(target, tuple) else (target,)
    return Story(asked(mode, *targets, **more), frozenset(ends), rests_in)


_QUIET = Target(address="sim:bob?ring", name="Claims desk", ring_timeout=SHORT)
_LAST = Policy(fallbacks=(Recall(), HandOff(kind="flow", place="reception")))
_PAUSE = timedelta(milliseconds=200)
_AGAIN = Policy(fallbacks=(Recall(attempts=2, pause=_PAUSE), HandOff(kind="flow", place="reception")))
_SUPERVISOR = AnotherTarget(target=Target(address="sim:sue?answer=200ms", name="Supervisor"))
_OTHERS = Policy(fallbacks=(_SUPERVISOR, HandOff(kind="flow", place="reception")))
_SORRY = Policy(fallbacks=(HangUp(apology="sorry"),))
_PROMISE = Policy(fallbacks=(CallBack(),))
_END_OF_LIST = Policy(fallbacks=(HandOff(kind="voicemail", place="missing"), HangUp()))

STORIES = {
    "warm, to the consultation": _story(Mode.WARM, "sim:bob?answer=50ms", rests_in=Stage.CONSULTING),
    "cold, ringing": _story(Mode.COLD, "sim:bob?ring", rests_in=Stage.RINGING),
    "cold, answered": _story(Mode.COLD, "sim:bob?answer=100ms", Outcome.CONNECTED),
    "cold, ring time-out": _story(Mode.COLD, _QUIET, Outcome.RETURNED_TO_AGENT),
    "accept gate": _story(Mode.COLD, gated("answer=50ms&press=1&after=200ms"), Outcome.CONNECTED),
    "accept time-out": _story(Mode.WARM, gated("answer=50ms", SHORT), Outcome.RETURNED_TO_AGENT),
    "consultation": _story(Mode.CONSULT, "sim:bob?answer=50ms&hangup=300ms", Outcome.CONSULTED),
    "blind": _story(
        Mode.BLIND, "sim:bob?answer=100ms", Outcome.CONNECTED, Outcome.RECALLED_AGENT, tenant="bold", policy=_LAST
    ),
    "recall in progress": _story(
        Mode.WARM, _QUIET, Outcome.RECALLED_AGENT, scripts=("", "hangup=300ms"), recalled="answer=200ms", policy=_LAST
    ),
    "recall in vain": _story(
        Mode.COLD, _QUIET, Outcome.SENT_TO_FLOW, scripts=("", "hangup=300ms"), recalled="busy", policy=_LAST
    ),
    "end of the list": _story(Mode.COLD, _QUIET, Outcome.FAILED, scripts=("", "hangup=300ms"), policy=_END_OF_LIST),
    "several, the first takes it": _story(
        Mode.COLD, together("sim:bob?answer=200ms", "sim:dora?ring", "sim:erik?busy"), Outcome.CONNECTED
    ),
    "several, all asked": _story(
        Mode.WARM,
        tuple(
            it.model_copy(update={"accept": AcceptGate()})
            for it in together("sim:bob?answer=50ms&press=2&after=200ms", "sim:dora?answer=50ms&press=1&after=400ms")
        ),
        rests_in=Stage.CONSULTING,
    ),
    "several in vain": _story(
        Mode.COLD, together("sim:bob?busy", "sim:dora?decline=100ms", "sim:erik?decline"), Outcome.RETURNED_TO_AGENT
    ),
    "recalled again and again": _story(
        Mode.COLD, "sim:bob?busy", Outcome.SENT_TO_FLOW, scripts=("", "hangup=50ms"), recalled="busy", policy=_AGAIN
    ),
    "another target": _story(
        Mode.BLIND,
        "sim:bob?busy",
        Outcome.CONNECTED,
        Outcome.SENT_TO_FLOW,
        Outcome.RETURNED_TO_AGENT,
        tenant="bold",
        policy=_OTHERS,
    ),
    "a promise": _story(Mode.BLIND, "sim:bob?busy", Outcome.CALLBACK_SCHEDULED, tenant="bold", policy=_PROMISE),
    "an apology": _story(Mode.BLIND, "sim:bob?busy", Outcome.FAILED, tenant="bold", policy=_SORRY),
    "the customer hangs up": _story(
        Mode.WARM, "sim:bob?answer=100ms", Outcome.CUSTOMER_LEFT, scripts=("hangup=500ms", "")
    ),
}


Cancel = Callable[[Running], Awaitable[None]]


async def workflow_cancel(transfer: Running) -> None:
    """What an operator does in the UI. A transfer that is over is not found."""
    try:
        await transfer.handle.cancel()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def cancel_update(transfer: Running) -> None:
    """What an agent's desktop does; refused when the transfer is over, or about to be."""
    with contextlib.suppress(WorkflowUpdateFailedError, RPCError):
        await transfer.accepted("cancel")


async def _at_rest(transfer: Running, story: Story) -> None:
    async def there() -> bool | None:
        description = await transfer.handle.describe()
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return True
        with contextlib.suppress(RPCError):
            return True if (await transfer.status()).stage is story.rests_in else None
        return None

    # A query costs the one worker a step: many that ask at every turn would keep transfers from their work.
    await eventually(there, f"the end of {transfer.handle.id}", within=20, every=0.1)


async def _told(engine: Engine, moments: Moments, story: Story, moment: int, cancel: Cancel, *, beyond: bool) -> str:
    """Tell a story with a cancel at one of its moments, or beyond the last. Returns what was wrong with its end."""
    request = story.request(engine)
    workflow_id = transfer_id(request.provider, request.customer.leg)
    to_come = Running(engine, request, engine.client.get_workflow_handle(workflow_id, result_type=TransferResult))
    moments.plan(workflow_id, moment, lambda: cancel(to_come))
    transfer = await engine.start(request)

    async def cancelled() -> bool | None:
        return moments.happened(workflow_id) or None

    try:
        if not beyond:
            await eventually(cancelled, "", within=2)
    except AssertionError:  # there were fewer moments this time
        beyond = True
    if beyond:
        await _at_rest(transfer, story)
        await cancel(transfer)
    try:
        result = await ends_soundly(transfer)
    except (AssertionError, TimeoutError) as error:
        return f"moment {moment}, {workflow_id}: {error or 'never ends'}"
    expected = story.ends | {Outcome.CANCELLED}
    return "" if result.outcome in expected else f"moment {moment}, {workflow_id}: ended as {result.outcome}"


async def _count(engine: Engine, moments: Moments, story: Story) -> int:
    transfer = await engine.start(story.request(engine))
    await _at_rest(transfer, story)
    count = moments.count[transfer.handle.id]
    if story.rests_in is not Stage.ENDED:
        await workflow_cancel(transfer)
    assert (await ends_soundly(transfer)).outcome in story.ends | {Outcome.CANCELLED}
    return min(count, MOST)


@pytest.mark.parametrize("cancel", [workflow_cancel, cancel_update])
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_a_cancel_at_any_moment_leaves_the_customer_with_somebody(
    client: Client, story: Story, cancel: Cancel
) -> None:
    moments = Moments()
    exchange = InterruptedExchange(moments)
    runner = UnsandboxedWorkflowRunner()  # hundreds of transfers; the sandbox has its say when they are replayed
    async with running_engine(client, exchange, admit=moments.admit(), replays=3, runner=runner) as engine:
        engine.post = moments.post(engine)
        count = await _count(engine, moments, story)
        # One more than there are: then it is at rest, or over.
        step = 1 if cancel is workflow_cancel else 4  # the core decides both alike, so a sample of updates will do
        free = asyncio.Semaphore(AT_ONCE)

        async def told_in_turn(moment: int) -> str:
            async with free:
                return await _told(engine, moments, story, moment, cancel, beyond=moment == count)

        told = await asyncio.gather(*(told_in_turn(moment) for moment in range(0, count + 1, step)))
        assert not any(told), "\n".join(it for it in told if it)
    assert exchange.overlaps == []
