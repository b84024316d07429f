"""By which ids a line of a worker's log is found again: transfer, run, leg and trace, in the log of a real process."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Client

from activities.admission import Tenants
from activities.delivery import deliver
from activities.telephony.model import TransferAsked
from activities.transfer_key import TransferKeys
from hookflash import Agent, Customer, Mode, Outcome, ProviderEvent, Target, TransferClient, TransferRequest
from hookflash._about import about
from hookflash.names import owner_token, transfer_id
from hookflash.running import RunningTransfer
from tests.support.collector import Collector, collector
from tests.support.json_log import json_log
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process
from tests.workers.scripted_telephony import ScriptedTelephony
from workers.provider_settings import SIMULATOR

pytestmark = pytest.mark.timeout(90)

Line = dict[str, Any]

JSON = {"HOOKFLASH_LOG_FORMAT": "json", "HOOKFLASH_LOG_LEVEL": "DEBUG"}


@pytest.fixture
async def traced() -> AsyncIterator[Collector]:
    async with collector() as running:
        yield running


def request(provider: str, target: str) -> TransferRequest:
    return TransferRequest(
        mode=Mode.COLD,
        provider=provider,
        customer=Customer(leg="sim:leg-1"),
        agent=Agent(leg="sim:leg-2", id="a-17", address="sim:anna"),
        targets=(Target(address=target, name="Claims desk"),),
    )


def lines(process: WorkerProcess) -> list[Line]:
    return [json.loads(line) for line in process.log.splitlines()]


def ours(process: WorkerProcess, transfer: RunningTransfer) -> list[Line]:
    """Return every line in which the transfer, its run or one of its legs occurs anywhere at all."""
    assert transfer.run_id
    ids = ("sim:leg-1", "sim:leg-2", transfer.run_id)
    return [it for it in lines(process) if any(id in json.dumps(it) for id in ids)]


def check_ids(found: list[Line], transfer: RunningTransfer) -> None:
    """Every line about the transfer names it and its run; its own trace, or none, but never that of somebody else."""
    assert transfer.run_id
    trace = UUID(transfer.run_id).hex
    for line in found:
        if line.get("transfer", "").startswith("connected:"):
            assert line.get("trace", trace) == trace, line
            continue
        assert (line["transfer"], line["run"]) == (transfer.id, transfer.run_id), line
        assert line.get("trace", trace) == trace, line


async def attempt_failed(process: WorkerProcess, transfer: RunningTransfer) -> Line | None:
    found = ours(process, transfer)
    return next((it for it in found if "Completing activity as failed" in it["message"]), None)


async def test_of_a_transfer_that_goes_well(own_namespace: Client, traced: Collector, tmp_path: Path) -> None:
    variables = temporal_at(own_namespace) | JSON | {"HOOKFLASH_OTLP_ENDPOINT": traced.endpoint}
    async with worker_process(tmp_path / "log", **variables) as process:
        await process.ready()
        await process.logs("listening to simulator")
        transfer = await TransferClient(own_namespace).start(request(SIMULATOR, "sim:4930123456?answer=100ms"))
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await process.logs("answered was told to")
        await process.logs("the transfer is over: connected")
        found = ours(process, transfer)
    check_ids(found, transfer)
    assert transfer.run_id
    # What the workflow says has the trace of the workflow.
    (over,) = [it for it in found if it["message"].startswith("the transfer is over")]
    assert (over["level"], over["trace"]) == ("INFO", UUID(transfer.run_id).hex)
    # What the listener says is about a leg, and is the transfer's: not the listener's, who has a trace of its own.
    (answered,) = [it for it in found if it["message"].startswith("answered was told to")]
    assert answered["leg"].startswith("hf-")  # the target's, which the transfer has minted
    assert "trace" not in answered
    assert all("leg" in it for it in found if "was told to" in it["message"] and "reconcile" not in it["message"])
    (listening, *_) = [it for it in lines(process) if "listening to simulator" in it["message"]]
    assert listening["transfer"] == "listener:simulator"
    assert "leg" not in listening
    for private in ("4930123456", "Claims desk", "a-17"):
        assert private not in process.log


async def test_of_a_transfer_whose_node_is_away(own_namespace: Client, traced: Collector, tmp_path: Path) -> None:
    node = 'url = "http://127.0.0.1:1/ari"\napp = "north"\nusername = "engine"\npassword = "x"\n'
    (tmp_path / "nodes.toml").write_text(f"[nodes.north]\n{node}")
    variables = temporal_at(own_namespace) | JSON
    variables |= {"HOOKFLASH_SIMULATOR": "false", "HOOKFLASH_ASTERISK_NODES_FILE": str(tmp_path / "nodes.toml")}
    async with worker_process(tmp_path / "log", **variables, HOOKFLASH_OTLP_ENDPOINT=traced.endpoint) as process:
        await process.ready()
        transfer = await TransferClient(own_namespace).start(request("north", "pjsip:4930123456"))
        failed = await eventually(lambda: attempt_failed(process, transfer), "a failed attempt in the log", within=20)
        handle = own_namespace.get_workflow_handle(transfer.id, run_id=transfer.run_id)
        await handle.signal("hold", {"party": "Claims desk"})  # makes no sense, and is warned of
        await process.logs("dropped signal hold")
        found = ours(process, transfer)
    check_ids(found, transfer)
    assert transfer.run_id
    trace = UUID(transfer.run_id).hex
    # The SDK's own line too, which it writes when the attempt, and with it the attempt's span, is over.
    assert "error" in failed
    assert failed["trace"] == trace
    (dropped,) = [it for it in found if "dropped signal" in it["message"]]
    assert dropped["trace"] == trace
    for private in ("4930123456", "Claims desk", "a-17"):
        assert private not in process.log


async def test_without_tracing_there_is_no_trace(own_namespace: Client, tmp_path: Path) -> None:
    async with worker_process(tmp_path / "log", **temporal_at(own_namespace), **JSON) as process:
        await process.ready()
        transfer = await TransferClient(own_namespace).start(request(SIMULATOR, "sim:bob?busy"))
        await transfer.wait()
        await process.logs("the transfer is over: ")
        found = ours(process, transfer)
    check_ids(found, transfer)
    assert not any("trace" in it for it in lines(process))


async def test_of_a_leg_whose_transfer_key_is_not_followed(own_namespace: Client) -> None:
    keys = TransferKeys(own_namespace, "node", ScriptedTelephony(), Tenants())
    owner = owner_token(transfer_id("node", "carol"), "run-1")
    with json_log() as log:
        await keys.follow(TransferAsked(leg="anna", owner=owner, again=True))
        await keys.follow(TransferAsked(leg="bob", customer="dora", address="sim:4930123456"))
        await keys.follow(TransferAsked(leg="eve"))
    refused, started, nobodys = log.lines("the transfer key of")
    assert (refused["leg"], refused["transfer"], refused["run"]) == ("anna", transfer_id("node", "carol"), "run-1")
    assert (started["leg"], started["transfer"]) == ("bob", transfer_id("node", "dora"))
    assert started["run"]
    assert (nobodys["leg"], "transfer" in nobodys) == ("eve", False)
    assert "4930123456" not in log.stream.getvalue()


async def test_of_news_that_temporal_never_takes(client: Client) -> None:
    owner = owner_token("transfer:" + "x" * 2000, "no-run")
    with json_log() as log:
        assert not await deliver(client, owner, ProviderEvent(kind="answered", leg="PJSIP-1"))
    (refused,) = log.lines("Temporal refused")
    assert (refused["level"], refused["leg"], refused["run"]) == ("WARNING", "PJSIP-1", "no-run")
    assert f"{refused['transfer']}/no-run" == owner


def test_what_is_said_around_others_holds_for_what_they_begin_and_no_longer() -> None:
    async def work() -> None:
        logging.getLogger("activities").info("at work")

    async def both() -> None:
        with about(owner="transfer:node:carol/run-1"):
            with about(leg="PJSIP-1"):
                task = asyncio.create_task(work())
            logging.getLogger("activities").info("of the whole")
            await task
        await work()

    with json_log() as log:
        asyncio.run(both())
    of_whole, of_leg, after = log.lines()
    assert (of_leg["leg"], of_leg["transfer"], of_leg["run"]) == ("PJSIP-1", "transfer:node:carol", "run-1")
    assert ("leg" in of_whole, of_whole["transfer"]) == (False, "transfer:node:carol")
    assert not {"leg", "transfer", "run"} & after.keys()


def test_a_number_that_somebody_has_made_an_id_of_is_taken_out() -> None:
    with json_log() as log, about(owner="transfer:node:+4930123456/run-1", leg="+4930123456"):
        logging.getLogger("activities").info("ringing")
    (line,) = log.lines()
    assert (line["leg"], line["transfer"], line["run"]) == ("+[…]", "transfer:node:+[…]", "run-1")
    # Those of an Asterisk stay as they are, with and without the name of its system.
    for id in ("1763773200.17", "pbx-1-1763773200.17", "hf-d1494f29ccf8587d9c50550c19fef16d"):
        with json_log() as log, about(owner=f"transfer:node:{id}/run-1", leg=id):
            logging.getLogger("activities").info("ringing")
        (line,) = log.lines()
        assert (line["leg"], line["transfer"]) == (id, f"transfer:node:{id}")
