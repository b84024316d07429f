"""Transfers with a number or a name in every place that has room for one, and with everything that goes wrong."""

from collections.abc import Awaitable
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

from hookflash import (
    Agent,
    AnotherTarget,
    CallBack,
    Context,
    Customer,
    HookflashError,
    Mode,
    Outcome,
    Policy,
    Recall,
    RunningTransfer,
    Stage,
    Target,
    TransferClient,
    TransferRequest,
    names,
)
from tests.support.polling import eventually

NUMBERS = (
    *("4915550100017", "4915550100024", "4915550100031", "4915550100048", "4915550100055", "4915550100062"),
    *("4915550100079", "4915550100086", "4915550100093"),
)
CUSTOMER, AGENT, TARGET, WARM_TARGET, CALLER_ID, FORBIDDEN, RETARGETED, BROKEN, IN_DIRECTORY = NUMBERS
NAMES = (
    *(
        "Zebulon Quuxworthy",
        "Philippa Grommetson",
        "Ottoline Zwieback",
        "Ignatius Flümmerby",
        "Wilhelmina Snodgrassova",
    ),
    *("Barnabas Tiddlywink", "Cordelia Umpleby", "Thaddeus Yarrowby", "Drusilla Kvetchington"),
)
CALLED, DESK, WHY, TRIED, LABEL, HEADER, REASON, MISTAKE, ENTRY = NAMES
EVERYTHING = (*NUMBERS, *NAMES)

TENANTS = f"""\
[tenants.default]
deny = ["sim:{FORBIDDEN}*"]
warm_reason = "ask {ENTRY}"
[tenants.default.directory.claims]
address = "sim:{IN_DIRECTORY}?busy"
name = "{ENTRY}"
"""


def _request(call: str, mode: Mode, *targets: Target, **policy: object) -> TransferRequest:
    return TransferRequest(
        mode=mode,
        provider="simulator",
        customer=Customer(leg=f"sim:c-{call}", address=f"sim:{CUSTOMER}?answer=50ms&hangup=200ms"),
        agent=Agent(leg=f"sim:a-{call}", id="a-17", address=f"sim:{AGENT}?answer=50ms"),
        targets=targets,
        context=Context(
            customer_name=CALLED,
            reason=f"{WHY} has called before",
            issue=WHY,
            steps_tried=(f"asked {TRIED}",),
            data={"relative": HEADER},
        ),
        policy=Policy.model_validate({"caller_id": CALLER_ID, **policy}),
        labels={"account": LABEL},
        idempotency_key=f"k-{call}",
    )


async def make_all(client: TransferClient) -> None:
    """Make the calls, one after another, until they are over, and so is all that follows from them."""
    await _warm(client)
    await _cold(client)
    await _denied(client)
    await _called_back(client)
    await _misunderstood(client.temporal)
    await _over(client.temporal)


async def _warm(client: TransferClient) -> None:
    desk = Target(address=f"sim:{WARM_TARGET}?answer=50ms", name=DESK, data={"relative": HEADER})
    transfer = await client.start(_request("warm", Mode.WARM, desk))
    await _reaches(transfer, Stage.CONSULTING)
    await _refused(transfer.accept())
    await _refused(transfer.retarget(Target(address=f"sim:{FORBIDDEN}", name=DESK)))
    await transfer.retarget(Target(address=f"sim:{RETARGETED}?answer=50ms", name=f"{DESK}'s deputy"))
    await _reaches(transfer, Stage.CONSULTING)
    await transfer.cancel("operator", f"{REASON} wants it")
    assert (await transfer.wait()).outcome is Outcome.CANCELLED


async def _cold(client: TransferClient) -> None:
    desk = Target(address=f"sim:{TARGET}?answer=50ms", name=DESK)
    transfer = await client.start(_request("cold", Mode.COLD, Target(directory="claims"), desk))
    result = await transfer.wait()
    assert result.outcome is Outcome.CONNECTED, result


async def _denied(client: TransferClient) -> None:
    transfer = await client.start(_request("denied", Mode.COLD, Target(address=f"sim:{FORBIDDEN}", name=DESK)))
    assert (await transfer.wait()).outcome is not Outcome.CONNECTED


async def _called_back(client: TransferClient) -> None:
    fallbacks = (
        Recall(ring_timeout=timedelta(seconds=1)),
        AnotherTarget(target=Target(address=f"sim:{RETARGETED}?busy", name=DESK)),
        CallBack(after=timedelta(milliseconds=100), caller=f"sim:{AGENT}?answer=50ms", attempts=1),
    )
    nobody = Target(address=f"sim:{TARGET}?ring", name=DESK, ring_timeout=timedelta(seconds=1))
    request = _request("back", Mode.WARM, nobody, fallbacks=fallbacks)
    agent = request.agent.model_copy(update={"address": f"sim:{AGENT}?busy"})
    transfer = await client.start(request.model_copy(update={"agent": agent}))
    await _reaches(transfer, Stage.RINGING)
    await transfer.complete()  # the agent leaves, so that the fallbacks have their turn
    assert (await transfer.wait()).outcome is Outcome.CALLBACK_SCHEDULED


async def _misunderstood(client: Client) -> None:
    """A request and a signal that are wrong, from somebody who does not use the contract's models."""
    wrong = {"mode": "warm", "customer": {"leg": f"sim:{BROKEN}", "name": MISTAKE}, "note": MISTAKE}
    with pytest.raises(WorkflowFailureError):
        await client.execute_workflow(
            names.WORKFLOW_TYPE, wrong, id="transfer:simulator:wrong", task_queue=names.TASK_QUEUE
        )
    # A fault of ours, as it were: the workflow waits for its repair, and the log says why.
    watch = await client.start_workflow(
        names.SUPERVISION_TYPE, wrong | {"owner": BROKEN}, id="connected:wrong", task_queue=names.TASK_QUEUE
    )

    async def tried() -> bool | None:
        kinds = {it.event_type async for it in watch.fetch_history_events()}
        return EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED in kinds or None

    await eventually(tried, "a failed task", within=30)
    await watch.terminate()
    # One that runs long enough to be told something.
    request = _request("told", Mode.COLD, Target(address=f"sim:{TARGET}?ring", name=DESK))
    transfer = await TransferClient(client).start(request)
    await _reaches(transfer, Stage.RINGING)
    await client.get_workflow_handle(transfer.id).signal("hold", {"party": MISTAKE, "number": BROKEN})
    with pytest.raises(WorkflowUpdateFailedError):
        # The SDK leaves the type of args open in one overload, for which the whole signature counts as unknown.
        await client.get_workflow_handle(transfer.id).execute_update(  # pyright: ignore[reportUnknownMemberType]
            "retarget", {"target": MISTAKE, "to": BROKEN}
        )
    await transfer.cancel()
    await transfer.wait()


async def _refused(command: Awaitable[object]) -> None:
    with pytest.raises(HookflashError):
        await command


async def _reaches(transfer: RunningTransfer, stage: Stage) -> None:
    async def there() -> bool | None:
        return True if (await transfer.status()).stage is stage else None

    await eventually(there, f"stage {stage}", within=30)


async def _over(client: Client) -> None:
    """Wait for the end of everything but the listener, and the watches over calls in which nobody hangs up."""

    async def over() -> bool | None:
        running = {it.workflow_type async for it in client.list_workflows("ExecutionStatus = 'Running'")}
        return None if {names.WORKFLOW_TYPE, names.CALL_BACK_TYPE} & running else True

    await eventually(over, "the end of all calls", within=30)
