"""What is measured of transfers, read where Prometheus reads it."""

import pytest
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

from activities.metrics import METRICS
from hookflash import Mode, Outcome, Policy, ProviderEvent, Stage
from hookflash.converter import data_converter
from hookflash.request import HandOff
from tests.support.polling import eventually
from tests.support.prometheus import Scrape, free_address, scrape
from tests.workflows.engine import running_engine
from tests.workflows.scenarios import warm_completed
from workers.telemetry import prometheus


class Measured:
    """An engine in the test's process, and what it has measured."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self._address = address

    async def now(self) -> Scrape:
        return await scrape(self._address)


@pytest.fixture
async def measured(client: Client) -> Measured:
    address = free_address()
    runtime = Runtime(telemetry=TelemetryConfig(metrics=prometheus(address)))
    server = client.service_client.config.target_host
    own = await Client.connect(
        server, namespace=client.namespace, data_converter=data_converter, runtime=runtime, identity="measured"
    )
    return Measured(own, address)


async def test_a_warm_transfer_is_measured_from_the_hold_to_the_end(measured: Measured) -> None:
    async with running_engine(measured.client) as engine:
        _, result = await warm_completed(engine)
    seen = await measured.now()
    warm = {"mode": "warm", "provider": "simulator"}
    assert seen.total("hookflash_transfers_finished_total", **warm, outcome="connected", cause="none") == 1
    assert seen.total("hookflash_attempts_finished_total", **warm, cause="none") == 1
    assert seen.total("hookflash_time_to_hold_seconds_count", **warm) == 1
    assert seen.total("hookflash_answer_to_connected_seconds_count", **warm) == 1
    for name, took in (("hold", result.held), ("consult", result.consulting)):
        assert seen.total(f"hookflash_{name}_duration_seconds_count", **warm) == 1
        assert seen.total(f"hookflash_{name}_duration_seconds_sum", **warm) == pytest.approx(
            took.total_seconds(), abs=0.001
        )
    (attempt,) = result.attempts
    assert attempt.answered_at
    assert attempt.dialled_at
    rang = (attempt.answered_at - attempt.dialled_at).total_seconds()
    assert seen.total("hookflash_ring_duration_seconds_sum", **warm, answered="true") == pytest.approx(rang, abs=0.001)
    assert seen.total("hookflash_arrange_duration_seconds_count", provider="simulator", result="stands") >= 3


async def test_replayed_again_and_again_it_is_counted_once(measured: Measured) -> None:
    async with running_engine(measured.client, max_cached_workflows=0) as engine:
        for _ in range(2):
            transfer, _ = await warm_completed(engine)
            await transfer.status()  # asked after the end, it is replayed once more
    seen = await measured.now()
    for name in (
        "hookflash_transfers_finished_total",
        "hookflash_attempts_finished_total",
        "hookflash_time_to_hold_seconds_count",
        "hookflash_answer_to_connected_seconds_count",
        "hookflash_hold_duration_seconds_count",
    ):
        assert seen.total(name) == 2, name


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
    for ended in (result, left):
        cause = ended.cause.value if ended.cause else "none"
        assert seen.total(finished, outcome=ended.outcome.value, cause=cause) == 1
    assert seen.total(finished, mode="blind", outcome="rejected", cause="blind_denied") == 1
    assert seen.total("hookflash_attempts_finished_total", cause="busy") == 1
    assert seen.total("hookflash_ring_duration_seconds_count", answered="false") >= 2
    for tried in result.fallbacks:
        took = str(tried.took_customer).lower()
        assert seen.total("hookflash_fallbacks_tried_total", kind=tried.kind, took_customer=took) == 1
    assert result.fallbacks


async def test_what_only_a_look_at_the_real_state_shows_is_a_correction(measured: Measured) -> None:
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
        await engine.signal(transfer.handle.id, ProviderEvent(kind="reconcile"))
        assert (await transfer.result()).outcome is Outcome.CONNECTED
    assert (await measured.now()).total("hookflash_reconcile_corrections_total", provider="simulator") == 1


async def test_labels_are_those_of_the_table_and_name_nobody(measured: Measured) -> None:
    async with running_engine(measured.client) as engine:
        transfer, _ = await warm_completed(engine)
    seen = await measured.now()
    sdk = {"namespace", "task_queue", "workflow_type", "activity_type", "service_name", "le"}
    for metric in METRICS:
        for suffix in ("", "_bucket", "_sum", "_count"):
            for labels, _ in seen.series(metric.exported + suffix):
                assert set(labels) - sdk == set(metric.labels) - {"tenant"}, metric.name
    for private in (transfer.request.customer.leg, transfer.request.agent.leg, "a-17", "Claims desk", "sim:bob"):
        assert private not in seen.text


async def test_rings_and_reactions_have_buckets_that_tell_them_apart(measured: Measured) -> None:
    async with running_engine(measured.client) as engine:
        await warm_completed(engine)
    seen = await measured.now()

    def bounds(name: str) -> set[float]:
        return {float(labels["le"]) for labels, _ in seen.series(f"{name}_seconds_bucket")} - {float("inf")}

    for metric in METRICS:
        if metric.buckets and bounds(metric.name):
            assert bounds(metric.name) == set(metric.buckets), metric.name
    assert {1.0, 60.0} <= bounds("hookflash_ring_duration")
    assert {0.005, 0.5} <= bounds("hookflash_answer_to_connected")
