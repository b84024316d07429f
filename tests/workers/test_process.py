"""Workers as processes: how they begin, how they end, and who goes on when one is killed."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from hookflash import Agent, Customer, Mode, Outcome, Target, TransferClient, TransferRequest, names
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process
from tests.workflows.replaying import replay_all
from workers.attributes import ensure_search_attributes
from workers.provider_settings import SIMULATOR

pytestmark = pytest.mark.timeout(60)


async def until_listening(client: Client, *others: WorkerProcess, within: float = 10) -> int:
    """Wait until one of these processes listens, and return its id."""
    handle = client.get_workflow_handle(names.listener_id(SIMULATOR))

    async def look() -> int | None:
        for pending in (await handle.describe()).raw_description.pending_activities:
            if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
                for process in others:
                    if pending.last_worker_identity.startswith(f"all@{process.pid}@"):
                        return process.pid
        return None

    return await eventually(look, "a listener", within)


@asynccontextmanager
async def pair(client: Client, folder: Path) -> AsyncGenerator[tuple[WorkerProcess, WorkerProcess]]:
    """Two workers of the same kind."""
    variables = temporal_at(client)
    async with worker_process(folder / "1", **variables) as one, worker_process(folder / "2", **variables) as two:
        await asyncio.gather(one.ready(), two.ready())
        yield one, two


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_says_when_it_is_ready_and_ends_in_good_order(
    own_namespace: Client, tmp_path: Path, number: signal.Signals
) -> None:
    async with worker_process(tmp_path / "log", **temporal_at(own_namespace)) as process:
        assert await process.ready() == "hookflash worker ready: role=all providers=simulator"
        await until_listening(own_namespace, process)
        process.send(number)
        async with asyncio.timeout(5):
            assert await process.end() == 0
        assert "workers: stopped" in process.log
        assert "Traceback" not in process.log


@pytest.mark.parametrize("variables", [{}, {"HOOKFLASH_SANDBOX": "full"}], ids=["by default", "in the sandbox"])
async def test_a_call_is_transferred(own_namespace: Client, tmp_path: Path, variables: dict[str, str]) -> None:
    request = TransferRequest(
        mode=Mode.COLD,
        provider=SIMULATOR,
        customer=Customer(leg="sim:carol"),
        agent=Agent(leg="sim:anna", id="a-17", address="sim:anna"),
        targets=(Target(address="sim:bob?answer=100ms", name="Claims desk"),),
    )
    async with worker_process(tmp_path / "log", **temporal_at(own_namespace), **variables) as process:
        await process.ready()
        transfer = await TransferClient(own_namespace).start(request)
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
    # Whatever it ran in: the sandbox of the tests decides the same.
    await replay_all([own_namespace.get_workflow_handle(transfer.id, first_execution_run_id=transfer.run_id)])


async def test_when_the_listening_worker_is_killed_another_one_listens(own_namespace: Client, tmp_path: Path) -> None:
    async with pair(own_namespace, tmp_path) as (one, two):
        killed = await until_listening(own_namespace, one, two)
        victim, survivor = (one, two) if killed == one.pid else (two, one)
        victim.send(signal.SIGKILL)
        await victim.end()
        await until_listening(own_namespace, survivor, within=8)
        await survivor.logs("listening to simulator")


async def test_when_the_listening_worker_is_stopped_another_one_listens_at_once(
    own_namespace: Client, tmp_path: Path
) -> None:
    async with pair(own_namespace, tmp_path) as (one, two):
        stopped = await until_listening(own_namespace, one, two)
        leaving, staying = (one, two) if stopped == one.pid else (two, one)
        leaving.send(signal.SIGTERM)
        await until_listening(own_namespace, staying, within=3)
        assert await leaving.end() == 0


async def test_a_worker_without_a_server_waits_for_one_until_it_is_stopped(tmp_path: Path) -> None:
    nobody = "127.0.0.1:1"  # tcpmux, which nobody runs
    async with worker_process(tmp_path / "log", TEMPORAL_ADDRESS=nobody) as process:
        await process.logs(f"no connection to Temporal yet: address={nobody}")
        process.send(signal.SIGTERM)
        assert await process.end() == 0


async def test_what_is_less_safe_than_it_could_be_is_warned_of_at_start(tmp_path: Path) -> None:
    secret, file = tmp_path / "secret", tmp_path / "nodes.toml"
    secret.write_text("a secret of ours")
    secret.chmod(0o644)
    node = f'app = "hookflash"\nusername = "engine"\npassword_file = "{secret}"\n'
    manager = (
        f'host = "192.0.2.1"\nallow_plain_tcp = true\nusername = "a"\npassword_file = "{secret}"\ncontexts = ["b"]\n'
    )
    file.write_text(f'[nodes.north]\nurl = "https://192.0.2.1/ari"\n{node}[nodes.north.manager]\n{manager}')
    variables = {"HOOKFLASH_ASTERISK_NODES_FILE": str(file), "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    async with worker_process(tmp_path / "log", **variables) as worker:
        for field in ("nodes.north.password_file", "nodes.north.manager.password_file"):
            await worker.logs(f"{field}: every user of this machine may read that file")
        await worker.logs("north: a manager on another machine without TLS gets the password in clear")
        worker.send(signal.SIGTERM)
        assert await worker.end() == 0
    assert "a secret of ours" not in worker.log


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        ((), {"HOOKFLASH_ACTIVITY_SLOTS": "none"}, "HOOKFLASH_ACTIVITY_SLOTS: "),
        ((), {"TEMPORAL_CONFIG_FILE": "/no/such.toml"}, "TEMPORAL_CONFIG_FILE: "),
        (("--role", "listener"), {}, "HOOKFLASH_SIMULATOR: "),
        (("--role", "cook"), {}, "--role"),
    ],
)
async def test_wrong_settings_end_it_before_it_begins(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    async with worker_process(tmp_path / "log", *arguments, **variables) as process:
        assert await process.end() == 2
        assert said in process.log
        assert "Traceback" not in process.log


async def test_a_namespace_that_is_not_fit_for_transfers_ends_it(own_namespace: Client, tmp_path: Path) -> None:
    await ensure_search_attributes(own_namespace, keys=[SearchAttributeKey.for_text(names.TRANSFER_STAGE.name)])
    async with worker_process(tmp_path / "log", **temporal_at(own_namespace)) as process:
        assert await process.end() == 1
        assert "TransferStage is Text, must be Keyword" in process.log
        assert "Traceback" not in process.log
