"""The log as one JSON object per line, read from a worker process."""

import json
import logging
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from temporalio.client import Client

from hookflash import Agent, Customer, Mode, Target, TransferClient, TransferRequest
from tests.workers.process import temporal_at, worker_process
from workers.json_logs import JsonFormatter
from workers.provider_settings import SIMULATOR

pytestmark = pytest.mark.timeout(90)


async def test_every_line_is_an_object_and_names_whose_it_is(own_namespace: Client, tmp_path: Path) -> None:
    request = TransferRequest(
        mode=Mode.COLD,
        provider=SIMULATOR,
        customer=Customer(leg="sim:leg-1"),
        agent=Agent(leg="sim:leg-2", id="a-17", address="sim:anna"),
        targets=(Target(address="sim:4930123456?ring", name="Claims desk"),),
    )
    variables = temporal_at(own_namespace) | {"HOOKFLASH_LOG_FORMAT": "json"}
    async with worker_process(tmp_path / "log", **variables) as process:
        await process.ready()
        transfer = await TransferClient(own_namespace).start(request)
        handle = own_namespace.get_workflow_handle(transfer.id, run_id=transfer.run_id)
        await handle.signal("hold", {"party": "Claims desk"})  # makes no sense, and is warned of
        await process.logs("dropped signal hold")
        await process.logs("listening to simulator")
        await transfer.cancel()
        await transfer.wait()
    lines = [json.loads(line) for line in process.log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    (dropped, *_) = [line for line in lines if "dropped signal" in line["message"]]
    assert (dropped["level"], dropped["transfer"], dropped["run"]) == ("WARNING", transfer.id, transfer.run_id)
    (listening, *_) = [line for line in lines if "listening to simulator" in line["message"]]
    assert listening["transfer"] == "listener:simulator"
    assert not any("transfer" in line for line in lines if "connected to Temporal" in line["message"])
    for private in ("4930123456", "Claims desk", "a-17"):
        assert private not in process.log


def test_a_line_about_a_leg_names_it_and_the_trace_that_it_belongs_to() -> None:
    record = logging.makeLogRecord({"levelname": "WARNING", "name": "engine", "msg": "leg %s", "args": ("PJSIP-1",)})
    record.leg = "PJSIP-1"
    with TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_as_current_span("an arrangement") as span:
        inside = json.loads(JsonFormatter().format(record))
    outside = json.loads(JsonFormatter().format(record))
    assert (inside["leg"], inside["trace"]) == ("PJSIP-1", f"{span.get_span_context().trace_id:032x}")
    assert (outside["leg"], "trace" in outside) == ("PJSIP-1", False)
