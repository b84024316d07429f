"""One trace per transfer: from whoever starts it, through workflow and activities, to requests of a real Asterisk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.client import Client

from hookflash import Mode, Outcome
from hookflash.converter import data_converter
from hookflash.names import supervision_id
from hookflash.tracing import TracingInterceptor
from tests.integration.switchboard import ENGINE_APP, Office, temporal_server, worker_on
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.phone import PhoneRack
from tests.support.collector import Collector, Kept, collector
from tests.support.polling import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]


@pytest.fixture
async def traced() -> AsyncIterator[Collector]:
    async with collector() as running:
        yield running


async def test_one_trace_holds_caller_workflow_activity_and_request(
    traced: Collector, asterisk_node: AsteriskNode, phones: PhoneRack, tmp_path: Path
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{traced.endpoint}/v1/traces")))
    async with (
        temporal_server() as client,
        worker_on(
            asterisk_node,
            client,
            tmp_path / "log",
            HOOKFLASH_OTLP_ENDPOINT=traced.endpoint,
            OTEL_BSP_SCHEDULE_DELAY="200",
        ),
    ):
        caller = await Client.connect(
            client.service_client.config.target_host,
            data_converter=data_converter,
            interceptors=[TracingInterceptor(provider)],
        )
        office = Office(asterisk_node, caller, phones, CallControl(asterisk_node.ari, ENGINE_APP))
        call = await office.call()
        await call.target(Behaviour.answers(after=0.2))
        with provider.get_tracer("crm").start_as_current_span("caller") as span:
            trace = f"{span.get_span_context().trace_id:032x}"
            transfer = await call.transfer(Mode.COLD, "target1")
        result = await transfer.wait()
        assert result.outcome is Outcome.CONNECTED
        await call.hang_up()
        assert transfer.run_id
        await caller.get_workflow_handle(supervision_id(transfer.id, transfer.run_id)).result()
        await asyncio.to_thread(provider.force_flush)

        async def complete() -> list[Kept] | None:
            spans = traced.of(trace)
            return spans if {"RunWorkflow:Transfer", "RunWorkflow:ConnectedCall"} <= {it.name for it in spans} else None

        spans = await eventually(complete, "the whole trace", within=30)

        # The path that a request has taken, from the bottom up.
        by_id = {it.id: it for it in spans}
        request = next(it for it in spans if it.name == "POST /channels/{id}/variables")
        path = [request.name]
        while above := by_id.get(by_id[request.id].above):
            path.append(above.name)
            request = above
        assert path[1:] == ["RunActivity:arrange", "RunWorkflow:Transfer", "StartWorkflow:Transfer", "caller"]
        assert {"RunActivity:admit", "RunWorkflow:ConnectedCall"} <= {it.name for it in spans}
        whole = next(it for it in spans if it.name == "RunWorkflow:Transfer")
        assert whole.ended > whole.began
        assert len(by_id) == len(spans), "a span was sent twice"
        # Nobody else's spans are in it: no events, no questions.
        kinds = {it.name.partition(":")[0].partition(" ")[0] for it in spans}
        assert kinds <= {"caller", "StartWorkflow", "RunWorkflow", "RunActivity", "GET", "POST", "PUT", "DELETE"}

        for it in traced.spans:
            for private in ("target1", "Target", "Wasserschaden", "pjsip:", "a-17", "agent@", "PJSIP"):
                assert private not in it.text, f"{private} in {it.name}"

        untraced = await Office(asterisk_node, client, phones, office.calls).call()
        transfer = await untraced.transfer(Mode.COLD, "target1")
        await transfer.wait()
        await untraced.hang_up()
        run_id = transfer.run_id
        assert run_id

        async def without_a_caller() -> list[Kept] | None:
            return [it for it in traced.of(UUID(run_id).hex) if it.name == "RunWorkflow:Transfer"] or None

        (top,) = await eventually(without_a_caller, "a trace with the id of the run", within=30)
        assert top.above == ""
        await asterisk_node.drained(30)
