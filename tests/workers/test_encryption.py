"""Transfers whose history is encrypted: by one key after another, by workers that have them and by others."""

import asyncio
import base64
import os
import signal
import sys
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from hookflash import (
    Agent,
    Customer,
    EncryptionError,
    EngineUnreachable,
    Mode,
    Outcome,
    RunningTransfer,
    Stage,
    Target,
    TransferClient,
    TransferRequest,
)
from hookflash.converter import data_converter
from hookflash.encryption import encrypted
from tests.support.polling import eventually
from tests.support.sandbox import proven_sandbox
from tests.workers.process import temporal_at, worker_process
from workers.engine import WORKFLOWS
from workflows.guard import GuardInterceptor

pytestmark = pytest.mark.timeout(120)

REQUEST = TransferRequest(
    mode=Mode.WARM,
    provider="simulator",
    customer=Customer(leg="sim:carol"),
    agent=Agent(leg="sim:anna", address="sim:anna"),
    targets=(Target(address="sim:bob?answer=100ms", name="Claims desk"),),
)


def line(id: str) -> str:
    return f"{id} {base64.b64encode(os.urandom(32)).decode()}\n"


OLD, NEW = line("2026-10"), line("2026-11")


class Keys:
    """A file with keys, and who uses it."""

    def __init__(self, path: Path, client: Client) -> None:
        self.path = path
        self._client = client

    def hold(self, *lines: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text("".join(lines))
        new.chmod(0o600)
        new.replace(self.path)

    def worker(self) -> dict[str, str]:
        return temporal_at(self._client) | {"HOOKFLASH_ENCRYPTION_KEYS_FILE": str(self.path)}

    async def client(self) -> TransferClient:
        there = temporal_at(self._client)
        return await TransferClient.connect(
            address=there["TEMPORAL_ADDRESS"],
            namespace=there["TEMPORAL_NAMESPACE"],
            encryption_keys_file=self.path,
        )

    async def replay(self, history: WorkflowHistory) -> None:
        replayer = Replayer(
            workflows=WORKFLOWS,
            data_converter=encrypted(data_converter, self.path),
            interceptors=[GuardInterceptor()],
            workflow_runner=proven_sandbox(),
        )
        await replayer.replay_workflow(history)


@pytest.fixture
def keys(tmp_path: Path, own_namespace: Client) -> Keys:
    keys = Keys(tmp_path / "keys", own_namespace)
    keys.hold(OLD)
    return keys


async def reaches(transfer: RunningTransfer, stage: Stage) -> None:
    async def there() -> bool | None:
        try:
            return True if (await transfer.status()).stage is stage else None
        except EngineUnreachable:  # its last task has failed, the next one is to come
            return None

    await eventually(there, f"stage {stage}", within=30)


async def test_keys_are_changed_in_the_middle_of_a_transfer_and_its_history_replays(
    own_namespace: Client, keys: Keys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = await keys.client()
    async with worker_process(tmp_path / "log", **keys.worker()) as worker:
        await worker.ready()
        await worker.logs("encrypting what is stored, with key 2026-10")
        transfer = await client.start(REQUEST)
        await reaches(transfer, Stage.CONSULTING)

        keys.hold(OLD, NEW)  # first everybody has to be able to read it
        await transfer.hold()
        keys.hold(NEW, OLD)
        await transfer.conference()
        await worker.logs("encrypting with key 2026-11, 2 keys in all")
        await transfer.complete()
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        # A worker that begins with nothing in memory reads the history from its start.
        worker.send(signal.SIGTERM)
        assert await worker.end() == 0
    async with worker_process(tmp_path / "log2", **keys.worker()) as worker:
        await worker.ready()
        assert (await transfer.status()).stage is Stage.ENDED

    history = await own_namespace.get_workflow_handle(transfer.id).fetch_history()
    told = history.to_json()
    for id in ("2026-10", "2026-11"):
        assert base64.b64encode(id.encode()).decode() in told
    await keys.replay(history)

    keys.hold(NEW)
    with pytest.raises(RuntimeError):
        await keys.replay(history)
    assert "this is encrypted with key '2026-10', which is not in" in caplog.text


async def test_a_worker_without_the_keys_waits_for_one_that_has_them(
    own_namespace: Client, keys: Keys, tmp_path: Path
) -> None:
    client = await keys.client()
    async with worker_process(tmp_path / "without", **temporal_at(own_namespace)) as without:
        await without.ready()
        transfer = await client.start(REQUEST)
        reason = "this is encrypted with key '2026-10', and there are no keys here: set HOOKFLASH_ENCRYPTION_KEYS_FILE"
        await without.logs(reason)
        description = await own_namespace.get_workflow_handle(transfer.id).describe()
        assert description.status is not None
        assert description.status.name == "RUNNING"
        async with worker_process(tmp_path / "with", **keys.worker()) as has_them:
            await has_them.ready()
            # Both of them get work, until the one without goes.
            without.send(signal.SIGTERM)
            assert await without.end() == 0
            await reaches(transfer, Stage.CONSULTING)
            await transfer.complete()
            assert (await transfer.wait()).outcome is Outcome.CONNECTED
    assert await reasons_of_failed_tasks(own_namespace, transfer) == {reason}


async def test_a_worker_that_lacks_the_new_key_goes_on_as_soon_as_it_gets_it(
    own_namespace: Client, keys: Keys, tmp_path: Path
) -> None:
    client = await keys.client()
    async with worker_process(tmp_path / "log", **keys.worker()) as worker:
        await worker.ready()
        ahead = Keys(tmp_path / "ahead", own_namespace)
        ahead.hold(NEW, OLD)
        transfer = await (await ahead.client()).start(REQUEST)
        await worker.logs("this is encrypted with key '2026-11', which is not in")
        keys.hold(OLD, NEW)
        await reaches(transfer, Stage.CONSULTING)
        await client.complete(transfer.id)
        assert (await client.wait(transfer.id)).outcome is Outcome.CONNECTED


async def test_a_caller_without_the_keys_is_told_so(own_namespace: Client, keys: Keys, tmp_path: Path) -> None:
    async with worker_process(tmp_path / "log", **keys.worker()) as worker:
        await worker.ready()
        # What it sends is read: keys can be brought in while callers still have none.
        transfer = await TransferClient(own_namespace).start(REQUEST)
        with pytest.raises(EncryptionError, match="there are no keys here: set HOOKFLASH_ENCRYPTION_KEYS_FILE"):
            await transfer.status()
        with_keys = (await keys.client()).transfer(transfer.id)
        await reaches(with_keys, Stage.CONSULTING)
        await with_keys.complete()
        assert (await with_keys.wait()).outcome is Outcome.CONNECTED


async def test_an_operator_without_the_keys_is_told_so_and_sees_no_empty_picture(
    own_namespace: Client, keys: Keys, tmp_path: Path
) -> None:
    async with worker_process(tmp_path / "log", **keys.worker()) as worker:
        await worker.ready()
        with_keys = (await keys.client()).transfer((await TransferClient(own_namespace).start(REQUEST)).id)
        await reaches(with_keys, Stage.CONSULTING)
        await own_namespace.get_workflow_handle(with_keys.id).terminate()
    # Neither a worker nor a result: what is left to show is the history alone.
    for variables, code, told in (
        ({}, 2, "there are no keys here: set HOOKFLASH_ENCRYPTION_KEYS_FILE"),
        ({"HOOKFLASH_ENCRYPTION_KEYS_FILE": str(keys.path)}, 0, "Claims desk"),
    ):
        shown = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from hookflash.cli import main; main()", "show", with_keys.id),
            env=os.environ | temporal_at(own_namespace) | variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await shown.communicate()
        assert (shown.returncode, told in output.decode()) == (code, True), output.decode()


async def test_a_wrong_file_of_keys_ends_a_worker_before_it_begins(keys: Keys, tmp_path: Path) -> None:
    keys.hold("2026-12 dGhpcyBpcyBzaG9ydA==\n")
    async with worker_process(tmp_path / "log", **keys.worker()) as worker:
        assert await worker.end() == 2
        assert f"HOOKFLASH_ENCRYPTION_KEYS_FILE: {keys.path}, line 1: key 2026-12 has 13 bytes, not 32" in worker.log
        assert "dGhpcyBp" not in worker.log


async def test_a_file_of_keys_that_everybody_may_read_is_warned_of(keys: Keys, tmp_path: Path) -> None:
    keys.path.chmod(0o644)
    variables = keys.worker() | {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    async with worker_process(tmp_path / "log", **variables) as worker:
        await worker.logs("HOOKFLASH_ENCRYPTION_KEYS_FILE: every user of this machine may read that file")


async def reasons_of_failed_tasks(client: Client, transfer: RunningTransfer) -> set[str]:
    """Return why workflow tasks of a transfer have failed."""
    events = client.get_workflow_handle(transfer.id).fetch_history_events()
    return {
        it.workflow_task_failed_event_attributes.failure.message
        async for it in events
        if it.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    }
