"""The tenant's policy is asked before anything is touched, and again where it does not answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.admission import ADMIT, Admission, AdmissionInput, Tenants, Verdict
from hookflash import HandOff, Mode, Outcome, Policy, Recall, Retarget, Target
from tests.workflows.engine import TENANTS, Running, running_engine
from tests.workflows.people import causes, hear, journal, leg_of, person, refused, ring, tried
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


async def test_a_premium_number_is_no_address_of_an_agent(client: Client) -> None:
    """Whoever starts a transfer says where the agent can be called back: the policy is asked there as for a target."""
    voicemail = HandOff(kind="voicemail", place="claims")
    async with running_engine(client) as engine:
        request = engine.request(Mode.COLD, "sim:bob?ring", policy=Policy(fallbacks=(Recall(attempts=3), voicemail)))
        agent = request.agent.model_copy(update={"address": "sim:forbidden?answer=0ms"})
        transfer = await engine.start(request.model_copy(update={"agent": agent}))
        await ring(transfer, "Claims desk")
        engine.exchange.hang_up(agent.leg)
        await hear(transfer, customer="ringback")
        engine.exchange.hang_up(leg_of(transfer, "Claims desk").id)
        result = await ends_soundly(transfer)
        assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_VOICEMAIL, ("voicemail",))
        assert tried(result.fallbacks) == ["VOICEMAIL"]
        assert causes(result) == ["Claims desk declined"], "the agent is no target"
        assert "agent must not be rung: destination_denied" in journal(await transfer.status())
    assert [leg.id for leg in engine.exchange.legs.values() if leg.name == "agent" and leg.id != agent.leg] == []


async def test_a_retarget_to_a_premium_number_is_refused_and_nobody_is_rung(client: Client) -> None:
    async with running_engine(client) as engine:
        transfer = await engine.transfer(Mode.COLD, person("Bob"))
        await ring(transfer, "Bob")
        why = await refused(transfer.do("retarget", Retarget(target=Target(address="sim:forbidden", name="Eve"))))
        assert why.startswith("cannot retarget: destination_denied")
        await hear(transfer, customer="ringback", agent="music")
        assert not [leg for leg in engine.exchange.legs.values() if leg.name == "Eve"]
        engine.exchange.answer(leg_of(transfer, "Bob").id)
        assert causes(await ends_soundly(transfer)) == ["Bob"]
