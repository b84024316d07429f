"""What is measured of transfers, read where Prometheus reads it."""

from collections import Counter
from typing import NamedTuple

import pytest
from temporalio.client import Client

from activities.delivery import as_look
from activities.metrics import METRICS
from hookflash import Mode, Outcome, Policy, ProviderEvent, Stage, TransferResult
from hookflash.fallbacks import HandOff
from tests.support.polling import eventually
from tests.support.prometheus import Scrape
from tests.workflows.engine import Running, running_engine
from tests.workflows.measured import Measured
from tests.workflows.scenarios import warm_completed


@pytest.fixture
async def measured(client: Client) -> Measured:
    return await Measured.connect(client)


class Warm(NamedTuple):
    """A warm transfer that is over."""

    transfer: Running
    result: TransferResult
    seen: Scrape


@pytest.fixture(scope="module")
async def warm(client: Client) -> Warm:
    measured = await Measured.connect(client)
    async with running_engine(measured.client) as engine:
        transfer, result = await warm_completed(engine)
    return Warm(transfer, result, await measured.now())


def test_a_warm_transfer_is_measured_from_the_hold_to_the_end(warm: Warm) -> None:
    seen, result = warm.seen, warm.result
    labels = {"mode": "warm", "provider": "simulator"}
    assert seen.total("hookflash_transfers_finished_total", **labels, outcome="connected", cause="none") == 1
    assert seen.total("hookflash_attempts_finished_total", **labels, cause="none") == 1
    assert seen.total("hookflash_time_to_hold_seconds_count", **labels) == 1
    assert seen.total("hookflash_answer_to_connected_seconds_count", **labels) == 1
    for name, took in (("hold", result.held), ("consult", result.consulting)):
        assert seen.total(f"hookflash_{name}_duration_seconds_count", **labels) == 1
        told = seen.total(f"hookflash_{name}_duration_seconds_sum", **labels)
        assert told == pytest.approx(took.total_seconds(), abs=0.001)
    (attempt,) = result.attempts
    assert attempt.answered_at
    assert attempt.dialled_at
    rang = (attempt.answered_at - attempt.dialled_at).total_seconds()
    told = seen.total("hookflash_ring_duration_seconds_sum", **labels, answered="true")
    assert told == pytest.approx(rang, abs=0.001)
    assert seen.total("hookflash_arrange_duration_seconds_count", provider="simulator", result="stands") >= 3


def test_labels_are_those_of_the_table_and_name_nobody(warm: Warm) -> None:
    sdk = {"namespace", "task_queue", "workflow_type", "activity_type", "service_name", "le"}
    for metric in METRICS:
        for suffix in ("", "_bucket", "_sum", "_count"):
            for labels, _ in warm.seen.series(metric.exported + suffix):
                assert set(labels) - sdk == set(metric.labels) - {"tenant"}, metric.name
    request = warm.transfer.request
    for private in (request.customer.leg, request.agent.leg, "a-17", "Claims desk", "sim:bob"):
        assert private not in warm.seen.text


def test_buckets_are_those_of_the_table(warm: Warm) -> None:
    measured = [it for it in METRICS if it.buckets and warm.seen.series(f"{it.exported}_bucket")]
    assert len(measured) >= 5
    for metric in measured:
        bounds = {float(labels["le"]) for labels, _ in warm.seen.series(f"{metric.exported}_bucket")}
        assert bounds == {*metric.buckets, float("inf")}, metric.name


async def test_replayed_again_and_again_it_is_counted_once(measured: Measured) -> None:
    async with running_engine(measured.client, max_cached_workflows=0) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=50ms")
        await transfer.result(within=60)
        await transfer.status()  # asked after the end, it is replayed once more
    seen = await measured.now()
    for name in (
        "hookflash_transfers_finished_total",
        "hookflash_attempts_finished_total",
        "hookflash_ring_duration_seconds_count",
        "hookflash_answer_to_connected_seconds_count",
    ):
        assert seen.total(name) == 1, name


async def test_why_customers_end_up_elsewhere_is_counted(measured: Measured) -> None:
    policy = Policy(fallbacks=(HandOff(kind="voicemail", place="mailbox"),))
    async with running_engine(measured.client) as engine:
        transfer = await engine.transfer(Mode.BLIND, "sim:bob?busy", tenant="bold", policy=policy)
        result = await transfer.result()
        denied = await engine.transfer(Mode.BLIND, "sim:bob?answer=50ms")
        await denied.result()
        gone = await engine.transfer(Mode.COLD, "sim:bob?ring")
        await gone.reaches(Stage.RINGING)
        engine.exchange.hang_up(gone.request.customer.leg)
        left = await gone.result()
        assert left.outcome is Outcome.CUSTOMER_LEFT
    seen = await measured.now()
    finished = "hookflash_transfers_finished_total"
    for (outcome, cause), times in Counter((it.outcome.value, it.cause) for it in (result, left)).items():
        assert cause is not None
        assert seen.total(finished, outcome=outcome, cause=cause.value) == times
    assert seen.total(finished, mode="blind", outcome="rejected", cause="blind_denied") == 1
    assert seen.total("hookflash_attempts_finished_total", cause="busy") == 1
    assert seen.total("hookflash_ring_duration_seconds_count", answered="false") >= 2
    for tried in result.fallbacks:
        took = str(tried.took_customer).lower()
        assert seen.total("hookflash_fallbacks_tried_total", kind=tried.kind, took_customer=took) == 1
    assert result.fallbacks


@pytest.mark.parametrize("looked_at", ["its own legs", "the whole node"])
async def test_what_only_a_look_at_the_real_state_shows_is_a_correction(measured: Measured, looked_at: str) -> None:
    deaf = False

    async def hear(owner: str, event: ProviderEvent) -> None:
        if not deaf:
            await engine.signal(owner, event)

    async with running_engine(measured.client) as engine:
        engine.post = hear
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")

        async def rings() -> bool | None:
            journal = (await transfer.status()).journal
            return True if any("rings" in it.text for it in journal) else None

        await eventually(rings, "the ringing in the journal")
        assert (await measured.now()).total("hookflash_reconcile_corrections_total") == 0
        deaf = True
        engine.exchange.answer(transfer.target_leg)
        (legs,) = (await engine.exchange.owners()).values()
        await engine.signal(transfer.handle.id, as_look(legs if looked_at == "the whole node" else None))
        assert (await transfer.result()).outcome is Outcome.CONNECTED
    assert (await measured.now()).total("hookflash_reconcile_corrections_total", provider="simulator") == 1


async def test_how_a_provider_fails_is_counted(measured: Measured) -> None:
    """The alert HookflashProviderDown goes by it: what is asked of a node that is away fails more often than not."""
    async with running_engine(measured.client) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        await transfer.reaches(Stage.RINGING)
        before = await measured.now()
        engine.exchange.faults.outage = True

        async def failed() -> bool | None:
            seen = await measured.now()
            counter = "hookflash_arrange_duration_seconds_count"
            asked = seen.total(counter) - before.total(counter)
            return True if seen.total(counter, result="ProviderUnavailable") > max(1, asked / 2) else None

        await transfer.do("cancel")
        await eventually(failed, "more failures than answers")
        engine.exchange.faults.outage = False
        await transfer.result(within=60)


async def test_whatever_is_measured_of_a_transfer_is_counted_once_though_it_is_replayed_all_along(
    measured: Measured,
) -> None:
    deaf = False

    async def hear(owner: str, event: ProviderEvent) -> None:
        if not deaf:
            await engine.signal(owner, event)

    policy = Policy(fallbacks=(HandOff(kind="voicemail", place="mailbox"),))
    async with running_engine(measured.client, max_cached_workflows=0) as engine:
        engine.post = hear
        transfer = await engine.transfer(Mode.WARM, "sim:bob?ring", policy=policy)

        async def rings() -> bool | None:
            journal = (await transfer.status()).journal
            return True if any("rings" in it.text for it in journal) else None

        await eventually(rings, "the ringing in the journal")
        deaf = True
        engine.exchange.answer(transfer.target_leg)
        await engine.signal(transfer.handle.id, as_look(None))
        await transfer.reaches(Stage.CONSULTING)
        deaf = False
        await transfer.do("complete")
        await transfer.result(within=60)
        lost = await engine.transfer(Mode.BLIND, "sim:bob?busy", tenant="bold", policy=policy)
        await lost.result(within=60)
        await transfer.status()
        await lost.status()
    seen = await measured.now()
    once = {
        "hookflash_transfers_finished_total": {"mode": "warm"},
        "hookflash_attempts_finished_total": {"mode": "warm"},
        "hookflash_fallbacks_tried_total": {"mode": "blind"},
        "hookflash_time_to_hold_seconds_count": {"mode": "warm"},
        "hookflash_ring_duration_seconds_count": {"mode": "warm"},
        "hookflash_consult_duration_seconds_count": {"mode": "warm"},
        "hookflash_hold_duration_seconds_count": {"mode": "warm"},
        "hookflash_answer_to_connected_seconds_count": {"mode": "warm"},
        "hookflash_reconcile_corrections_total": {"mode": "warm"},
    }
    assert {name: seen.total(name, **labels) for name, labels in once.items()} == dict.fromkeys(once, 1)
