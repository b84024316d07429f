"""What a provider, a network and a worker can do to a call-back: it is late, never wrong."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import Arrangement, Observation, Phase
from activities.telephony.simulator import Faults
from hookflash import Cause, Evidence, ProviderEvent
from tests.support.polling import eventually
from tests.workflows.calling_back import SHORT, CallBacks, Phones, calling_back, is_connected, who_failed
from tests.workflows.engine import Engine, listening
from tests.workflows.replaying import replay_all
from tests.workflows.troubles import half, lost, refused

pytestmark = pytest.mark.timeout(40)


@pytest.mark.parametrize("leg", ["agent", "customer"])
async def test_a_fault_delays_a_call_back_and_rings_nobody_twice(client: Client, leg: str) -> None:
    async def one(fault: Callable[[Faults], None]) -> None:
        async with calling_back(client, Phones((), ("answer=50ms",))) as calls:
            if leg == "agent":
                fault(calls.phones.faults)
            await calls.start()
            caller = await calls.rings("agent")
            if leg == "customer":
                fault(calls.phones.faults)
            calls.phones.answer(caller.id)
            assert who_failed(await is_connected(calls)) == [(None, None)]

    await asyncio.gather(*(one(fault) for fault in (refused, lost, half)))


async def test_an_outage_that_lasts_is_outlasted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.call_back_ringing.TOTAL_LIMIT", timedelta(milliseconds=500))
    monkeypatch.setattr("workflows.call_back_ringing._PAUSE", timedelta(milliseconds=100))
    phones = Phones(("answer=50ms",), ("answer=50ms",))
    phones.faults.outage = True
    async with calling_back(client, phones, runner=UnsandboxedWorkflowRunner()) as calls:
        # Its ring time is short: the attempt must be late, and not over before anybody could be rung.
        handle = await calls.start(ring_timeout=SHORT)
        await eventually(lambda: _pauses(handle, 4), "some rounds")
        phones.faults.outage = False
        assert who_failed(await is_connected(calls)) == [(None, None)]


async def _pauses(handle: WorkflowHandle[Any, Any], number: int) -> bool | None:
    events = (await handle.fetch_history()).events
    return True if sum(it.HasField("timer_started_event_attributes") for it in events) >= number else None


async def test_what_happened_in_an_outage_is_looked_up(client: Client) -> None:
    async with calling_back(client, Phones(("answer=50ms",))) as calls:
        await calls.start()
        customer = await calls.rings("customer")
        calls.phones.faults.outage = True
        calls.phones.answer(customer.id)
        assert not (await calls.handles[-1].describe()).close_time
        calls.phones.faults.outage = False
        await is_connected(calls)


async def test_a_caller_does_not_wait_for_ever_for_a_customer_who_cannot_be_dialled(client: Client) -> None:
    class OneWay(Phones):
        """Lines to customers are down."""

        async def arrange(self, wanted: Arrangement) -> Observation:
            if any(it.name == "customer" and it.dial and not it.expired for it in wanted.legs):
                raise ProviderUnavailable("no line")
            return await super().arrange(wanted)

    async with calling_back(client, OneWay(("answer=50ms",))) as calls:
        await calls.start(ring_timeout=SHORT)
        result = await calls.result()
        assert (result.outcome, who_failed(result)) == ("not_reached", [("customer", Cause.PROVIDER_ERROR)])
        await calls.nothing_left()
        assert not calls.legs("customer")


@pytest.mark.parametrize("who", ["caller", "customer"])
async def test_our_own_limit_stands_behind_the_providers(client: Client, who: str) -> None:
    phones = Phones(("ring" if who == "caller" else "answer=50ms",))
    phones.patient = True
    async with calling_back(client, phones) as calls:
        await calls.start(ring_timeout=SHORT)
        result = await calls.result()
        assert (result.outcome, who_failed(result)) == ("not_reached", [(who, Cause.NO_ANSWER)])
        await calls.nothing_left()


async def test_an_answer_that_nobody_heard_is_never_cut_off_by_our_limit(client: Client) -> None:
    async with calling_back(client, Phones(("answer=50ms",))) as calls:

        async def deaf(owner: str, event: ProviderEvent) -> None:
            """Lose the customer's answer."""
            if not (event.kind == "answered" and event.leg == calls.legs("customer")[0].id):
                await calls.engine.signal(owner, event)

        await calls.start(ring_timeout=timedelta(seconds=1))
        customer = await calls.rings("customer")
        calls.engine.post = deaf
        calls.phones.answer(customer.id)
        await is_connected(calls)


async def test_events_that_are_doubled_late_unknown_or_malformed_change_nothing(client: Client) -> None:
    phones = Phones(("busy", "answer=100ms"), ("answer=100ms",))
    async with calling_back(client, phones) as calls:
        kept: list[ProviderEvent] = []

        async def post(owner: str, event: ProviderEvent) -> None:
            kept.append(event)
            for late in (event, *kept, ProviderEvent(kind="exploded"), ProviderEvent(kind="answered", leg="nobody")):
                await calls.engine.signal(owner, late)
            handle = calls.handles[-1]
            for nonsense in ([], [None], ["ended"], [{"kind": 7}], [{"kind": "ended"}, {"kind": "ended"}]):
                with contextlib.suppress(Exception):  # it is over
                    await handle.signal("provider_event", args=nonsense)

        calls.engine.post = post
        await calls.start(attempts=2)
        assert who_failed(await is_connected(calls)) == [("caller", Cause.BUSY), (None, None)]


async def test_why_a_leg_ended_may_be_told_after_it_was_seen_to_be_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.call_back_ringing.CAUSE_FOLLOWS", timedelta(seconds=8))

    class Forgetful(Phones):
        """Asked about a leg that is gone, it only says so: as Asterisk does."""

        async def arrange(self, wanted: Arrangement) -> Observation:
            observation = await super().arrange(wanted)
            gone = {"cause": None, "evidence": Evidence()}
            legs = (it.model_copy(update=gone if it.phase is Phase.ENDED else {}) for it in observation.legs)
            return observation.model_copy(update={"legs": tuple(legs)})

    async with calling_back(client, Forgetful(("decline",)), runner=UnsandboxedWorkflowRunner()) as calls:

        async def post(owner: str, event: ProviderEvent) -> None:
            if event.kind == "ended":
                await calls.engine.signal(owner, ProviderEvent(kind="reconcile"))
                await eventually(lambda: _pauses(handle, 2), "a ring limit, and then a wait for the reason")
            await calls.engine.signal(owner, event)

        calls.engine.post = post
        handle = await calls.start()
        assert who_failed(await calls.result()) == [("caller", Cause.DECLINED)]


@pytest.mark.parametrize("moment", ["caller rings", "customer rings"])
async def test_a_worker_that_dies_in_the_middle_is_replaced(client: Client, moment: str) -> None:
    phones = Phones(("ring" if moment == "caller rings" else "answer=50ms",))
    engine = Engine(client, phones)
    calls = CallBacks(engine, phones)
    async with engine.worker(sticky_queue_schedule_to_start_timeout=SHORT), listening(engine):
        handle = await calls.start()
        rung = await calls.rings("agent" if moment == "caller rings" else "customer")
    phones.lose_listener()
    phones.answer(rung.id)
    async with engine.worker(sticky_queue_schedule_to_start_timeout=SHORT), listening(engine):
        if moment == "caller rings":
            phones.answer((await calls.rings("customer")).id)
        await is_connected(calls)
    await replay_all([handle])
    assert phones.violations == ()


async def test_it_works_when_every_step_is_replayed(client: Client) -> None:
    phones = Phones(("busy", "answer=50ms"), ("answer=50ms",))
    async with calling_back(client, phones, max_cached_workflows=0) as calls:
        await calls.start(attempts=2)
        await is_connected(calls)
