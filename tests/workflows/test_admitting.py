"""The tenant's policy is asked before anything is touched, and again where it does not answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.admission import ADMIT, Admission, AdmissionInput, Tenants, Verdict
from hookflash import Mode, Outcome
from tests.workflows.engine import TENANTS, Running, running_engine
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


async def asked(transfer: Running) -> list[str]:
    """Return the activities that a transfer has asked for, in order."""
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in (await transfer.handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]


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


@pytest.mark.parametrize("stumble", [fail, hang])
async def test_a_policy_that_does_not_answer_is_asked_again(
    client: Client, stumble: Callable[[], Awaitable[None]]
) -> None:
    async with running_engine(client, admit=stumbling(stumble)) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=50ms")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
        assert (await asked(transfer))[:2] == ["admit", "arrange"]


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
