"""The tenant's policy is asked before anything is touched: at once where it answers, and again where it does not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.admission import ADMIT, Admission, AdmissionInput, Tenants, Verdict
from hookflash import Mode, Outcome, Retarget, Stage, Target
from tests.workflows.engine import TENANTS, Running, running_engine
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


async def asked(transfer: Running) -> list[str]:
    """Return what a transfer has asked for, in order: its activities, and questions within a workflow task."""
    found: list[str] = []
    for event in (await transfer.handle.fetch_history()).events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            found.append(event.activity_task_scheduled_event_attributes.activity_type.name)
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            found.append("at once")
    return found


def stumbling(stumble: Callable[[], Awaitable[None]]) -> Callable[[AdmissionInput], Awaitable[Verdict]]:
    """Return a policy to which something happens at the first question."""
    questions = 0

    @activity.defn(name=ADMIT)
    async def admit(question: AdmissionInput) -> Verdict:
        nonlocal questions
        questions += 1
        if questions == 1:
            await stumble()
        return await Admission(TENANTS, ["simulator"]).admit(question)

    return admit


async def fail() -> None:
    raise RuntimeError("the policy stumbles")


async def hang() -> None:
    await asyncio.Event().wait()


async def test_the_policy_is_asked_at_once_when_a_transfer_begins_and_by_an_activity_later(client: Client) -> None:
    async with running_engine(client) as engine:
        transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
        await transfer.reaches(Stage.RINGING)
        assert (await asked(transfer))[:2] == ["at once", "arrange"]
        # Whom a transfer that is under way may ring is asked by an activity: it hears of everything meanwhile.
        await transfer.do("retarget", Retarget(target=Target(address="sim:dora?ring")))
        assert "admit" in await asked(transfer)
        await transfer.do("cancel")
        await ends_soundly(transfer)


@pytest.mark.parametrize("stumble", [fail, hang])
async def test_a_policy_that_does_not_answer_at_once_is_asked_again(
    client: Client, stumble: Callable[[], Awaitable[None]]
) -> None:
    async with running_engine(client, admit=stumbling(stumble)) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=50ms")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
        assert (await asked(transfer))[:3] == ["at once", "admit", "arrange"]


async def test_a_request_that_can_never_be_carried_out_fails_with_the_field(client: Client) -> None:
    admit = Admission(Tenants(), ["pbx1"]).admit
    async with running_engine(client, admit=admit) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        with pytest.raises(WorkflowFailureError) as failed:
            await transfer.result()
        assert isinstance(failed.value.cause, ApplicationError)
        assert failed.value.cause.type == "InvalidRequest"
        assert "provider: no provider 'simulator' here; there is: pbx1" in failed.value.cause.message
        assert engine.exchange.requests["arrange"] == 0
