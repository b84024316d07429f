"""`hookflash doctor`: what is amiss, and what to do."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from hookflash import Mode, names
from hookflash._operators import server
from tests.operators.operated import Operated, engine
from tests.support.namespaces import new_namespace
from tests.support.polling import eventually
from workers.attributes import ensure_search_attributes
from workers.provider_settings import SIMULATOR

pytestmark = pytest.mark.timeout(300)


def told(report: dict[str, Any], level: str) -> dict[str, list[str]]:
    """Return what a report says at a level, by check."""
    found: dict[str, list[str]] = {}
    for it in cast("list[dict[str, str]]", report["findings"]):
        if it["level"] == level:
            found.setdefault(it["check"], []).append(f"{it['text']} -> {it['remedy']}")
    return found


async def listens(client: Client, *, somebody: bool = True) -> None:
    """Wait until a worker listens to the simulator, or until Temporal has noticed that none does any more."""

    async def there() -> bool | None:
        listener = await client.get_workflow_handle(names.listener_id(SIMULATOR)).describe()
        started = [
            it
            for it in listener.raw_description.pending_activities
            if it.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        ]
        if not somebody:
            return not started or None
        return any(b"since" in payload.data for it in started for payload in it.heartbeat_details.payloads) or None

    await eventually(there, "a listener", within=90)


async def test_a_sound_engine_has_nothing_to_repair(operated: Operated) -> None:
    await (await operated.start(Mode.COLD, "answer=100ms")).wait()
    await operated.visible("ExecutionStatus = 'Completed'", 1)
    await listens(operated.client)
    ran = await operated.run("doctor")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    checks = [line.split()[1] for line in lines]
    assert list(dict.fromkeys(checks)) == [
        *("temporal", "namespace", "clock", "attributes", "workers", "listeners", "payloads", "transfers")
    ]
    assert "the last transfer can be read (json/plain)" in ran.out
    # From there a person gets anywhere; a script is given the page of each thing.
    here = f"https://ui.example/namespaces/{operated.client.namespace}"
    assert [line.rpartition("  ")[2] for line in lines if "https:" in line] == [here]
    report = (await operated.run("doctor", "--json")).json
    pages = {f"{it['check']} {it['text']}": it["ui"] for it in report["findings"]}
    assert {it.partition(" ")[0] for it in pages if pages[it] is None} == {"temporal", "clock"}
    assert {it.removeprefix(f"{here}/") for it in pages.values() if it} >= {
        *(here, "task-queues/transfers", "task-queues/transfers-listeners")
    }
    (listener,) = (it for it in pages.values() if it and "/workflows/listener%3Asimulator/" in it)
    assert listener.endswith("/history")


async def test_without_workers_it_says_what_to_start(client: Client) -> None:
    own = await new_namespace(client, "operators")
    ran = await Operated(own).run("doctor", "--json")
    assert ran.code == 1
    failures = told(ran.json, "failure")
    assert list(failures) == ["attributes", "workers", "listeners"]
    assert "not registered: TransferMode, " in failures["attributes"][0]
    assert "temporal operator search-attribute create --namespace operators-" in failures["attributes"][0]
    assert len(failures["workers"]) == 3
    assert "python -m workers --role engine" in failures["workers"][0]
    assert "there is none" in failures["listeners"][0]
    # What is amiss comes with where to look, below what to do.
    report = (await Operated(own).run("doctor")).out.splitlines()
    attributes = next(at for at, line in enumerate(report) if line.startswith("failure  attributes"))
    assert report[attributes + 1].strip().startswith("-> start a worker")
    assert report[attributes + 2].strip() == f"https://ui.example/namespaces/{own.namespace}"


async def test_without_a_server_it_says_where_it_looked(operated: Operated) -> None:
    ran = await operated.run("doctor", "--address", "127.0.0.1:1", "--json")
    assert ran.code == 1
    assert "127.0.0.1:1" in told(ran.json, "failure")["temporal"][0]
    elsewhere = await operated.run("doctor", "--namespace", "nobodys")
    assert elsewhere.code == 1
    assert elsewhere.out.splitlines()[-2].startswith("failure  namespace    nobodys: ")


async def test_a_listener_that_was_ended_and_a_node_without_one_are_named(client: Client, tmp_path: Path) -> None:
    own = await new_namespace(client, "operators")
    operated = Operated(own)
    async with engine(own, tmp_path):
        transfer = await operated.ringing()
        await listens(own)
    await operated.visible(f"{names.TRANSFER_PROVIDER.name} = '{SIMULATOR}'", 1)
    await listens(own, somebody=False)
    ended = (await operated.run("doctor", "--json")).json
    assert f"{SIMULATOR}: nobody listens, attempt " in told(ended, "failure")["listeners"][0]
    await own.get_workflow_handle(names.listener_id(SIMULATOR)).terminate()
    again = (await operated.run("doctor", "--json")).json
    assert f"{SIMULATOR}: transfers run there, and nobody listens" in told(again, "failure")["listeners"][0]
    await own.get_workflow_handle(transfer.id).terminate()
    await operated.visible("ExecutionStatus = 'Running'", 0)
    idle = (await operated.run("doctor", "--json")).json
    assert f"the workflow {names.listener_id(SIMULATOR)} was ended" in told(idle, "warning")["listeners"][0]


class Sealed(PayloadCodec):
    """What this machine has no key for."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata={"encoding": b"binary/encrypted"}, data=it.data) for it in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


@workflow.defn(name=names.WORKFLOW_TYPE)
class Broken:
    """A transfer with a fault."""

    @workflow.run
    async def run(self, _: dict[str, str]) -> None:
        raise RuntimeError("a fault of ours")


async def test_transfers_that_cannot_be_read_or_go_on_are_told_of(client: Client) -> None:
    own = await new_namespace(client, "operators")
    await ensure_search_attributes(own)
    operated, queue = Operated(own), f"broken-{uuid4()}"
    async with Worker(own, task_queue=queue, workflows=[Broken], workflow_runner=UnsandboxedWorkflowRunner()):
        await own.start_workflow(names.WORKFLOW_TYPE, {}, id="transfer:broken:1", task_queue=queue)
        await operated.visible("TemporalReportedProblems IS NOT NULL", 1)
    sealing = await Client.connect(
        own.service_client.config.target_host,
        namespace=own.namespace,
        data_converter=DataConverter(payload_codec=Sealed()),
    )
    await sealing.start_workflow(names.WORKFLOW_TYPE, {}, id="transfer:sealed:1", task_queue=queue)
    await operated.visible("ExecutionStatus = 'Running'", 2)
    failures = told((await operated.run("doctor", "--json")).json, "failure")
    assert failures["transfers"][0].startswith("1 are suspended by a fault of the workers -> hookflash list --query ")
    assert failures["payloads"][0].startswith("the last transfer cannot be read (binary/encrypted): ")
    assert "the keys of the workers" in failures["payloads"][0]


@pytest.mark.parametrize(
    ("wrong_by", "said"),
    [
        (timedelta(hours=1), "this machine is 1 h ahead of the server"),
        (timedelta(hours=-1), "this machine is 1 h behind the server"),
    ],
)
async def test_clocks_that_differ_are_told_of(
    client: Client, monkeypatch: pytest.MonkeyPatch, wrong_by: timedelta, said: str
) -> None:
    class WrongClock(datetime):
        """The clock of a machine that cannot be set from within a test."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "WrongClock":
            return cast("WrongClock", datetime.now(tz) + wrong_by)

    monkeypatch.setattr(server, "datetime", WrongClock)
    (finding,) = [it async for it in server.clock(client)]
    assert (finding.level, finding.text) == ("warning", said)
    assert "NTP" in finding.remedy
