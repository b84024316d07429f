"""Nodes that engines do not reach: workers of their own do what touches calls, in processes as in production."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.admission import Admission, AdmissionInput, Tenants
from hookflash import Mode, Outcome, names
from hookflash.running import RunningTransfer
from tests.operators.operated import Operated
from tests.operators.test_doctor import told
from tests.support.polling import eventually
from tests.workers.environ import Environ, refusal
from tests.workers.process import WorkerProcess, temporal_at, worker_process
from workers.provider_settings import SIMULATOR
from workers.settings import Settings
from workflows.payloads import CallBackInput

pytestmark = pytest.mark.timeout(180)

QUEUE = f"transfers:{SIMULATOR}"


@asynccontextmanager
async def engine(client: Client, folder: Path) -> AsyncGenerator[WorkerProcess]:
    """An engine that reaches no node."""
    elsewhere = {"HOOKFLASH_SIMULATOR": "", "HOOKFLASH_PROVIDERS_ELSEWHERE": SIMULATOR}
    log = folder / "engine.log"
    async with worker_process(log, "--role", "engine", **temporal_at(client), **elsewhere) as process:
        assert await process.ready() == "hookflash worker ready: role=engine providers="
        yield process


@asynccontextmanager
async def provider(client: Client, folder: Path) -> AsyncGenerator[WorkerProcess]:
    """A worker beside its node, that runs no workflow."""
    async with worker_process(folder / "provider.log", "--role", "provider", **temporal_at(client)) as process:
        assert await process.ready() == f"hookflash worker ready: role=provider providers={SIMULATOR}"
        yield process


async def activities(client: Client, workflow: str, run_id: str | None = None) -> dict[str, set[tuple[str, str]]]:
    """Return where each kind of activity of a workflow was asked for, and the role of who did it."""
    history = await client.get_workflow_handle(workflow, run_id=run_id).fetch_history()
    scheduled = {it.event_id: it.activity_task_scheduled_event_attributes for it in history.events}
    found: dict[str, set[tuple[str, str]]] = {}
    for it in history.events:
        if it.HasField("activity_task_started_event_attributes"):
            started = it.activity_task_started_event_attributes
            asked = scheduled[started.scheduled_event_id]
            role = started.identity.partition("@")[0]
            found.setdefault(asked.activity_type.name, set()).add((asked.task_queue.name, role))
    return found


async def test_an_engine_leaves_to_others_what_touches_a_call(own_namespace: Client, tmp_path: Path) -> None:
    operated = Operated(own_namespace)
    async with engine(own_namespace, tmp_path), provider(own_namespace, tmp_path):
        transfer = await operated.start(Mode.COLD, "answer=100ms&hangup=1s")
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        theirs = {(QUEUE, "provider")}
        assert await activities(own_namespace, transfer.id) == {"admit": {("transfers", "engine")}, "arrange": theirs}

        watch = names.supervision_id(transfer.id, await run_of(own_namespace, transfer))
        assert (await own_namespace.get_workflow_handle(watch).result())["left"] == "Claims desk"
        assert await activities(own_namespace, watch) == {"arrange": theirs}
        ran = await operated.run("doctor", "--json")
        assert told(ran.json, "ok")["providers"] == [f"{SIMULATOR}: 1 worker asks for work ({QUEUE}) -> "]


async def test_a_call_back_finds_them_too(own_namespace: Client, tmp_path: Path) -> None:
    promise = CallBackInput(
        provider=SIMULATOR,
        tenant="default",
        caller="sim:anna?answer=100ms",
        customer="sim:carol?answer=100ms",
        after=timedelta(0),
    )
    async with engine(own_namespace, tmp_path), provider(own_namespace, tmp_path):
        call_back = f"callback:{SIMULATOR}:carol"
        result: Any = await own_namespace.execute_workflow(
            names.CALL_BACK_TYPE, promise, id=call_back, task_queue=names.TASK_QUEUE, task_timeout=names.TASK_TIMEOUT
        )
        assert result["outcome"] == "connected"
        assert (await activities(own_namespace, call_back))["arrange"] == {(QUEUE, "provider")}


async def test_while_nobody_asks_for_work_it_is_as_with_a_node_that_is_away(
    own_namespace: Client, tmp_path: Path
) -> None:
    operated = Operated(own_namespace)
    async with engine(own_namespace, tmp_path):
        transfer = await operated.start(Mode.WARM, "answer=100ms")

        async def asked() -> bool | None:
            history = await own_namespace.get_workflow_handle(transfer.id).fetch_history()
            queues = {it.activity_task_scheduled_event_attributes.task_queue.name for it in history.events}
            return QUEUE in queues or None

        await eventually(asked, "an arrangement that nobody takes up", 30)
        await transfer.cancel()

        async def noted() -> bool | None:
            return any("provider: " in it.text for it in (await transfer.status()).journal) or None

        await eventually(noted, "a failure of the provider", 60)
        failures = told((await operated.run("doctor", "--json")).json, "failure")
        assert failures["providers"][0].startswith(f"{SIMULATOR}: nobody asks for work ({QUEUE}) -> start a worker")
        assert failures["listeners"][0].startswith(f"{SIMULATOR}: nobody listens")
        async with provider(own_namespace, tmp_path):
            # It was tried again all the time, as whenever a customer is to be given back.
            assert (await transfer.wait()).outcome is Outcome.CANCELLED


async def test_what_begins_is_left_to_others_though_the_node_is_still_reached() -> None:
    def about(node: str) -> AdmissionInput:
        return AdmissionInput(tenant="default", mode=Mode.COLD, provider=node, targets=())

    admit = Admission(Tenants(), ["near", "moving"], ["moving", "far"]).admit
    asked = {it: (await ActivityEnvironment().run(admit, about(it))).queue for it in ("near", "moving", "far")}
    assert asked == {"near": "", "moving": "transfers:moving", "far": "transfers:far"}


def test_an_engine_needs_no_node_of_its_own(environ: Environ) -> None:
    environ.set(HOOKFLASH_PROVIDERS_ELSEWHERE="north, south")
    assert Settings.load().elsewhere() == ("north", "south")
    environ.set(HOOKFLASH_PROVIDERS_ELSEWHERE="a node")
    assert refusal().startswith("HOOKFLASH_PROVIDERS_ELSEWHERE: ")


async def test_whoever_touches_calls_needs_a_node(tmp_path: Path) -> None:
    elsewhere = {"HOOKFLASH_SIMULATOR": "", "HOOKFLASH_PROVIDERS_ELSEWHERE": "north"}
    async with worker_process(tmp_path / "log", "--role", "provider", **elsewhere) as process:
        assert await process.end() == 2
        assert "--role provider needs HOOKFLASH_SIMULATOR or a node of Asterisk" in process.log


async def run_of(client: Client, transfer: RunningTransfer) -> str:
    return (await client.get_workflow_handle(transfer.id).describe()).run_id
