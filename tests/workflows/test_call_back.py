"""The scheduled call-back, on the real server with a simulated exchange: the promise is kept, or it is said why not."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.admission import ADMIT, AdmissionInput, Verdict
from activities.telephony.model import Arrangement, Observation, Phase
from hookflash import Cause, ProviderEvent
from hookflash.names import CALL_BACK_TYPE, TRANSFER_STAGE, WATCH
from tests.support.polling import eventually
from tests.workflows.calling_back import SHORT, Phones, calling_back, is_connected, true, who_failed

pytestmark = pytest.mark.timeout(40)

REAL_TIME = timedelta(hours=1)
"""Longer than any test: what takes as long must be skipped."""


async def metadata(handle: WorkflowHandle[Any, Any]) -> WorkflowMetadata:
    return await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)


async def test_the_caller_hears_ringing_until_the_customer_answers(client: Client) -> None:
    async with calling_back(client) as calls:
        handle = await calls.start()
        caller = await calls.rings("agent")
        assert not caller.owner.startswith(WATCH)
        assert caller.owner.startswith(handle.id)
        assert not calls.legs("customer"), "the customer is rung for nobody"
        calls.phones.answer(caller.id)
        customer = await calls.rings("customer")
        await calls.hear(agent="ringback")
        calls.phones.answer(customer.id)
        await is_connected(calls)


async def test_the_callers_phone_may_transfer_for_the_tenant_and_the_customers_may_not(client: Client) -> None:
    async with calling_back(client, Phones(("answer=50ms",), ("answer=50ms",))) as calls:
        await calls.start(tenant="acme")
        await is_connected(calls)
        assert [calls.legs(name)[0].transfers_for for name in ("agent", "customer")] == ["acme", ""]


async def test_nobody_is_rung_before_it_is_time(client: Client) -> None:
    async with calling_back(client, Phones(("answer=50ms",), ("answer=50ms",))) as calls:
        after = timedelta(seconds=1)
        handle = await calls.start(after=after)
        (attempt,) = (await is_connected(calls)).attempts
        started = (await handle.describe()).start_time
        assert timedelta(0) <= attempt.began_at - started - after < timedelta(seconds=1)


async def test_call_now_skips_the_wait_and_is_refused_once_it_rings(client: Client) -> None:
    async with calling_back(client) as calls:
        await calls.start(after=REAL_TIME)
        await calls.call_now()
        caller = await calls.rings("agent")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await calls.call_now()
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "CommandRejected"
        calls.phones.answer(caller.id)
        calls.phones.answer((await calls.rings("customer")).id)
        await is_connected(calls)


async def test_a_caller_who_is_not_there_is_tried_again(client: Client) -> None:
    async def one(script: str, cause: Cause) -> None:
        async with calling_back(client, Phones((script, "answer=50ms"), ("answer=50ms",))) as calls:
            await calls.start(attempts=2, ring_timeout=SHORT)
            result = await is_connected(calls)
            assert who_failed(result) == [("caller", cause), (None, None)]
            assert result.attempts[0].evidence.text
            assert [len(calls.legs(name)) for name in ("agent", "customer")] == [2, 1]

    await asyncio.gather(
        one("busy", Cause.BUSY),
        one("decline", Cause.DECLINED),
        one("invalid", Cause.INVALID_DESTINATION),
        one("ring", Cause.NO_ANSWER),
    )


async def test_a_customer_who_never_answers_is_not_reached_and_the_caller_is_released_each_time(
    client: Client,
) -> None:
    phones = Phones(("answer=50ms",) * 2, ("ring", "busy"))
    async with calling_back(client, phones) as calls:
        await calls.start(attempts=2, ring_timeout=SHORT)
        result = await calls.result()
        assert result.outcome == "not_reached"
        assert who_failed(result) == [("customer", Cause.NO_ANSWER), ("customer", Cause.BUSY)]
        await calls.nothing_left()
        assert [leg.cause for leg in calls.legs("agent")] == [Cause.RELEASED] * 2
        pause = result.attempts[1].began_at - result.attempts[0].began_at
        assert pause > SHORT


async def test_a_caller_who_hangs_up_stops_the_customers_phone(client: Client) -> None:
    async with calling_back(client, Phones(("answer=50ms",) * 2, ("ring", "answer=50ms"))) as calls:
        await calls.start(attempts=2)
        customer = await calls.rings("customer")
        calls.phones.hang_up(calls.legs("agent")[0].id)
        await eventually(lambda: true(not calls.phones.legs[customer.id].live), "the end of the ringing")
        assert calls.phones.legs[customer.id].cause is Cause.RELEASED
        assert who_failed(await is_connected(calls)) == [("caller", Cause.HUNG_UP), (None, None)]


async def test_the_customer_is_not_rung_for_a_caller_who_has_just_left(client: Client) -> None:
    class Fickle(Phones):
        """The caller hangs up while the request to ring the customer is under way."""

        async def arrange(self, wanted: Arrangement) -> Observation:
            for leg in wanted.legs:
                if leg.name == "customer" and leg.dial:
                    self.hang_up(wanted.legs[0].leg)
            return await super().arrange(wanted)

    async with calling_back(client, Fickle(("answer=50ms",))) as calls:
        await calls.start()
        result = await calls.result()
        assert (result.outcome, who_failed(result)) == ("not_reached", [("caller", Cause.HUNG_UP)])
        assert not calls.legs("customer")
        await calls.nothing_left()


@pytest.mark.parametrize("moment", ["waits", "is being dialled", "caller rings", "customer rings", "provider is away"])
async def test_a_cancel_calls_it_off_and_leaves_nothing(client: Client, moment: str) -> None:
    async with calling_back(client, Phones(("answer=50ms" if moment == "customer rings" else "ring",))) as calls:
        if moment == "is being dialled":
            calls.phones.faults.slow(1)
        handle = await calls.start(after=REAL_TIME if moment == "waits" else timedelta(0), attempts=3)
        match moment:
            case "waits":
                await eventually(lambda: _stage(handle, "scheduled"), "the wait")
            case "is being dialled":
                await eventually(lambda: true(calls.phones.requests["arrange"] > 0), "the request")
            case _:
                await calls.rings("customer" if moment == "customer rings" else "agent")
        if moment == "provider is away":
            calls.phones.faults.unavailable(3)
        await handle.cancel()
        result = await calls.result(within=8)
        assert result.outcome == "cancelled"
        assert who_failed(result) == ([] if moment == "waits" else [(None, Cause.OPERATOR_CANCELLED)])
        assert not [leg for leg in calls.phones.legs.values() if leg.live]
        assert not calls.phones.rooms


async def _stage(handle: WorkflowHandle[Any, Any], stage: str) -> bool | None:
    attributes = (await handle.describe()).typed_search_attributes
    return True if attributes.get(TRANSFER_STAGE) == stage else None


@pytest.mark.parametrize("first", ["the cancel", "the answer"])
async def test_a_cancel_that_crosses_the_answer_leaves_two_people_who_talk_or_nobody(
    client: Client, first: str
) -> None:
    async with calling_back(client, Phones(("answer=50ms",))) as calls:

        async def post(owner: str, event: ProviderEvent) -> None:
            crossing = event.kind == "answered" and event.leg == customer.id
            if crossing and first == "the cancel":
                await handle.cancel()
            await calls.engine.signal(owner, event)
            if crossing and first == "the answer":
                await handle.cancel()

        handle = await calls.start(attempts=2)
        customer = await calls.rings("customer")
        calls.engine.post = post
        calls.phones.answer(customer.id)
        if (await calls.result()).outcome == "connected":
            await is_connected(calls)
        else:
            assert who_failed(await calls.result()) == [(None, Cause.OPERATOR_CANCELLED)]
        await calls.nothing_left()


@pytest.mark.parametrize("who", ["caller", "customer"])
async def test_whom_the_policy_denies_is_not_rung_and_neither_is_the_other(client: Client, who: str) -> None:
    async with calling_back(client) as calls:
        await calls.start(attempts=3, **{who: "sim:forbidden1"})
        result = await calls.result()
        assert result.outcome == "denied"
        assert who_failed(result) == [(who, Cause.DESTINATION_DENIED)]
        assert calls.phones.requests["arrange"] == 0


async def test_without_an_answer_of_the_policy_nobody_is_rung(client: Client) -> None:
    @activity.defn(name=ADMIT)
    async def admit(asked: AdmissionInput) -> Verdict:
        raise ApplicationError(f"no provider {asked.provider}", type="InvalidRequest", non_retryable=True)

    async with calling_back(client, admit=admit) as calls:
        await calls.start(attempts=2)
        result = await calls.result()
        assert result.outcome == "not_reached"
        assert who_failed(result) == [(None, Cause.PROVIDER_ERROR)] * 2
        assert calls.phones.requests["arrange"] == 0


async def test_operators_see_what_happens_next_and_never_a_number_and_only_the_caller_is_told_why(
    client: Client,
) -> None:
    phones = Phones(("answer=50ms",) * 2, ("busy",))
    async with calling_back(client, phones) as calls:
        handle = await calls.start(
            caller="sim:+49301111", customer="sim:+49302222", attempts=2, pause=REAL_TIME, headers={"X-Why": "claim"}
        )
        await eventually(lambda: _stage(handle, "calling"), "the call")
        await eventually(lambda: _stage(handle, "scheduled"), "the pause")
        told = await metadata(handle)
        assert "attempt 2 of 2" in told.current_details
        assert "customer: busy" in told.current_details
        await calls.call_now()
        calls.phones.hang_up((await calls.rings("customer", 2)).id)
        await calls.result()
        assert "not reached" in (await metadata(handle)).current_details
        seen = [told.current_details, (await metadata(handle)).current_details]
        description = await handle.describe()
        seen += [str(description.typed_search_attributes), handle.id]
        for event in (await handle.fetch_history()).events:
            seen.append(event.user_metadata.summary.data.decode())
        assert any("Ring agent (20 s)" in text for text in seen)
        assert not [text for text in seen if "4930" in text]
        assert [dial.headers for dial in phones.dials.values()] == [{"X-Why": "claim"}, {}] * 2
        assert all(leg.phase is Phase.ENDED for leg in phones.legs.values())


async def test_bad_input_fails_at_once_and_names_the_field(client: Client) -> None:
    async with calling_back(client) as calls:

        async def refused(case: str, said: str, *inputs: object) -> None:
            handle = await client.start_workflow(
                CALL_BACK_TYPE, args=inputs, id=f"{case}-{calls.engine.queue}", task_queue=calls.engine.queue
            )
            with pytest.raises(WorkflowFailureError) as failure:
                await handle.result()
            assert isinstance(failure.value.cause, ApplicationError)
            assert failure.value.cause.type == "InvalidRequest"
            assert said in failure.value.cause.message

        await asyncio.gather(
            refused("nothing", "1 input expected, 0 given"),
            refused("null", "Input should be an object, not null", None),
            refused("text", "Input should be", "now"),
            refused("half", "tenant: Field required", {"provider": "simulator"}),
            refused("never", "attempts: ", {**calls.promise().model_dump(mode="json"), "attempts": 0}),
        )
