"""Transfers as a contact centre sees them, on the real server with a simulated exchange."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from hookflash import AcceptGate, Actor, Cause, Hold, Mode, Outcome, Party, Stage, Target, Unhold
from tests.workflows.engine import Engine, running_engine


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client) as engine:
        yield engine


async def test_a_warm_transfer_is_completed(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=300ms")
    await transfer.hear(customer={"music"}, agent={"ringback"})
    await transfer.reaches(Stage.CONSULTING)
    await transfer.hear(customer={"music"}, agent={"target"}, target={"agent"})
    await transfer.do("conference")
    await transfer.hear(customer={"agent", "target"}, agent={"customer", "target"}, target={"customer", "agent"})
    await transfer.do("complete")
    result = await transfer.result()
    await transfer.hear(customer={"target"}, target={"customer"})
    assert (result.outcome, result.cause, result.ended_by) == (Outcome.CONNECTED, None, Actor.AGENT)
    assert result.customer_with == ("target",)
    (attempt,) = result.attempts
    assert attempt.target == "Claims desk"
    assert attempt.rang_at
    assert attempt.answered_at
    assert attempt.dialled_at
    assert attempt.dialled_at < attempt.rang_at < attempt.answered_at == attempt.accepted_at
    assert attempt.ended_at is None
    assert result.held > result.consulting


async def test_the_last_one_of_a_connected_call_is_released(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=100ms")
    assert (await transfer.result()).outcome is Outcome.CONNECTED
    await transfer.hear(customer={"target"}, target={"customer"})
    engine.exchange.hang_up(transfer.target_leg)
    await transfer.hear()


async def test_a_cold_transfer_releases_the_agent_at_the_answer(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=300ms")
    await transfer.hear(customer={"ringback"}, agent={"music"})
    result = await transfer.result()
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.TARGET)
    await transfer.hear(customer={"target"}, target={"customer"})


@pytest.mark.parametrize(
    ("script", "cause"),
    [("busy", Cause.BUSY), ("decline", Cause.DECLINED), ("unreachable", Cause.UNREACHABLE), ("ring", Cause.NO_ANSWER)],
)
async def test_a_cold_transfer_that_nobody_takes_gives_the_customer_back(
    engine: Engine, script: str, cause: Cause
) -> None:
    target = Target(address=f"sim:bob?{script}", name="Claims desk", ring_timeout=timedelta(milliseconds=400))
    transfer = await engine.transfer(Mode.COLD, target)
    result = await transfer.result()
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, cause)
    assert result.customer_with == ("agent",)
    await transfer.hear(customer={"agent"}, agent={"customer"})


async def test_a_busy_target_is_followed_by_the_next(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, "sim:bob?busy", "sim:dora?answer=200ms")
    result = await transfer.result()
    assert result.outcome is Outcome.CONNECTED
    assert [it.cause for it in result.attempts] == [Cause.BUSY, None]


async def test_a_customer_who_gives_up_stops_the_ringing(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
    await transfer.reaches(Stage.RINGING)
    engine.exchange.hang_up(transfer.request.customer.leg)
    result = await transfer.result()
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CUSTOMER_LEFT, Actor.CUSTOMER, ())
    await transfer.hear()


async def test_unhold_brings_customer_and_agent_together_while_it_rings(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
    await transfer.hear(customer={"ringback"}, agent={"music"})
    status = await transfer.do("unhold")
    assert status.stage is Stage.RINGING
    await transfer.hear(customer={"agent"}, agent={"customer"})
    engine.exchange.answer(transfer.target_leg)
    await transfer.hear(customer={"agent", "target"}, agent={"customer", "target"}, target={"customer", "agent"})
    await transfer.do("cancel")
    assert (await transfer.result()).outcome is Outcome.CANCELLED


async def test_hold_and_unhold_work_as_signals(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=100ms")
    await transfer.reaches(Stage.CONSULTING)
    await transfer.handle.signal("unhold")
    await transfer.reaches(Stage.THREE_WAY)
    await transfer.handle.signal("hold", Hold(party=Party.TARGET))
    await transfer.reaches(Stage.SWAPPED)
    await transfer.handle.signal("unhold", Unhold(party=Party.TARGET))
    await transfer.reaches(Stage.THREE_WAY)
    await transfer.do("complete")
    assert (await transfer.result()).outcome is Outcome.CONNECTED


async def test_a_command_that_makes_no_sense_is_refused_with_what_is_possible(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
    await transfer.reaches(Stage.RINGING)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await transfer.do("accept")
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "CommandRejected"
    assert "cannot accept in stage ringing" in refused.value.cause.message
    assert "cancel" in refused.value.cause.message
    await transfer.do("cancel")
    assert (await transfer.result()).cause is Cause.AGENT_CANCELLED


async def test_an_agent_who_hangs_up_while_it_rings_leaves_the_customer_to_the_target(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
    await transfer.reaches(Stage.RINGING)
    engine.exchange.hang_up(transfer.request.agent.leg)
    await transfer.hear(customer={"ringback"})
    engine.exchange.answer(transfer.target_leg)
    assert (await transfer.result()).outcome is Outcome.CONNECTED


async def test_an_agent_who_has_left_is_recalled_when_nobody_answers(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
    await transfer.reaches(Stage.RINGING)
    engine.exchange.hang_up(transfer.request.agent.leg)
    await transfer.hear(customer={"ringback"})
    engine.exchange.hang_up(transfer.target_leg)
    result = await transfer.result()
    assert (result.outcome, result.customer_with) == (Outcome.RECALLED_AGENT, ("agent",))
    await transfer.hear(customer={"agent"}, agent={"customer"})


async def test_blind_is_denied_unless_the_tenant_may(engine: Engine) -> None:
    denied = await engine.transfer(Mode.BLIND, "sim:bob?answer=100ms")
    result = await denied.result()
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.REJECTED, Cause.BLIND_DENIED, ("agent",))
    allowed = await engine.transfer(Mode.BLIND, "sim:bob?answer=400ms", tenant="bold")
    await allowed.hear(customer={"ringback"})
    assert (await allowed.result()).outcome is Outcome.CONNECTED


async def test_warm_is_denied_where_the_tenant_may_not(engine: Engine) -> None:
    denied = await engine.transfer(Mode.WARM, "sim:bob?answer=100ms", tenant="curt")
    result = await denied.result()
    assert (result.outcome, result.cause, result.customer_with) == (Outcome.REJECTED, Cause.WARM_DENIED, ("agent",))
    assert denied.target_legs == []
    journal = [entry.text for entry in (await denied.status()).journal]
    assert "warm is denied: policy of tenant curt, no introductions" in journal
    allowed = await engine.transfer(Mode.COLD, "sim:bob?answer=100ms", tenant="curt")
    assert (await allowed.result()).outcome is Outcome.CONNECTED


async def test_a_denied_destination_is_never_dialled(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, "sim:forbidden?answer=100ms", "sim:bob?answer=100ms")
    result = await transfer.result()
    assert [it.cause for it in result.attempts] == [Cause.DESTINATION_DENIED, None]
    alone = await engine.transfer(Mode.COLD, "sim:forbidden?answer=100ms")
    result = await alone.result()
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.DESTINATION_DENIED)


async def test_a_consultation_gives_the_customer_back(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.CONSULT, "sim:bob?answer=100ms&hangup=500ms")
    await transfer.reaches(Stage.CONSULTING)
    result = await transfer.result()
    assert (result.outcome, result.customer_with) == (Outcome.CONSULTED, ("agent",))
    await transfer.hear(customer={"agent"}, agent={"customer"})


async def test_a_transfer_of_an_unknown_leg_is_rejected_and_nothing_is_dialled(engine: Engine) -> None:
    request = engine.request(Mode.WARM, "sim:bob?ring")
    request = request.model_copy(update={"customer": request.customer.model_copy(update={"leg": "sim:nobody"})})
    transfer = await engine.start(request)
    result = await transfer.result()
    assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.UNKNOWN_LEG)
    assert not [leg for leg in engine.exchange.legs if leg.startswith("hf-")]


async def test_a_target_that_must_accept_is_joined_when_it_presses_one(engine: Engine) -> None:
    target = Target(address="sim:bob?answer=200ms&press=1&after=300ms", name="Claims desk", accept=AcceptGate())
    transfer = await engine.transfer(Mode.COLD, target)
    await transfer.hear(customer={"music"}, agent={"music"}, target={"announcement"})
    result = await transfer.result()
    assert result.outcome is Outcome.CONNECTED
    await transfer.hear(customer={"target"}, target={"customer"})


async def test_a_transferred_call_can_be_transferred_again(engine: Engine) -> None:
    first = await engine.transfer(Mode.COLD, "sim:bob?answer=100ms")
    assert (await first.result()).outcome is Outcome.CONNECTED
    await first.hear(customer={"target"}, target={"customer"})
    again = first.request.model_copy(
        update={
            "agent": first.request.agent.model_copy(update={"leg": first.target_leg}),
            "targets": (first.request.targets[0].model_copy(update={"address": "sim:dora?answer=300ms"}),),
        }
    )
    second = await engine.start(again)
    assert (await second.result()).outcome is Outcome.CONNECTED
    supervision = engine.client.get_workflow_handle(
        f"connected:{first.handle.id.removeprefix('transfer:')}:{first.handle.first_execution_run_id}"
    )
    assert (await supervision.result())["left"] == ""


async def test_a_phone_that_is_dialled_late_rings_for_all_its_time(engine: Engine) -> None:
    engine.exchange.faults.slow(1.0)
    target = Target(address="sim:bob?answer=1s", name="Claims desk", ring_timeout=timedelta(milliseconds=1500))
    transfer = await engine.transfer(Mode.COLD, target)
    assert (await transfer.result()).outcome is Outcome.CONNECTED
    await transfer.hear(customer={"target"}, target={"customer"})
