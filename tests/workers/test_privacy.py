"""What is left of a call that is over: no number and no name, wherever one looks, if there are keys.

Without keys the same look finds them, so that it is known to see something.
"""

import asyncio
import base64
import os
import signal
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from temporalio.client import Client

from hookflash import TransferClient
from tests.support.server_process import ServerProcess, server_process
from tests.workers.private_calls import EVERYTHING, TENANTS, make_all
from tests.workers.process import worker_process
from tests.workers.traces import found_in, found_in_files, written_as

pytestmark = pytest.mark.timeout(240)


class Left:
    """What a run of all the calls has left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw_api = b""
        """What Temporal's interface says of every workflow to somebody who has no keys."""
        self.metrics = b""
        self.told = b""
        """What the command line has told the operator."""


async def leave_traces(folder: Path, *, keys_file: Path | None) -> Left:
    """Make the calls with a server and a worker of their own, and stop both."""
    left = Left(folder)
    (folder / "tenants.toml").write_text(TENANTS)
    ours = {"HOOKFLASH_ENCRYPTION_KEYS_FILE": str(keys_file)} if keys_file else {}
    (folder / "server").mkdir()
    async with server_process(folder / "server") as server:
        variables = server.environment() | ours
        more = {"HOOKFLASH_LOG_LEVEL": "DEBUG", "HOOKFLASH_TENANTS_FILE": str(folder / "tenants.toml")}
        async with worker_process(folder / "worker.log", **variables, **more) as worker:
            await worker.ready()
            client = await TransferClient.connect(address=server.address, encryption_keys_file=keys_file)
            await make_all(client)
            left.told = await _command_line("status", "transfer:simulator:sim:c-warm", **variables)
            left.raw_api = await _everything_the_api_tells(server)
            left.metrics = await asyncio.to_thread(_read, server.metrics)
            worker.send(signal.SIGTERM)
            assert await worker.end() == 0
    return left


async def _command_line(*arguments: str, **variables: str) -> bytes:
    command = (sys.executable, "-c", "from hookflash.cli import main; main()", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **variables}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors
    return output


async def _everything_the_api_tells(server: ServerProcess) -> bytes:
    client = await Client.connect(server.address)
    told: list[bytes] = []
    async for found in client.list_workflows():
        handle = client.get_workflow_handle(found.id, run_id=found.run_id)
        told.append(found.raw_info.SerializeToString())
        told.append((await handle.describe()).raw_description.SerializeToString())
        told.append((await handle.fetch_history()).to_json().encode())
    assert len(told) > 3 * 6
    return b"\n".join(told)


def _read(address: str) -> bytes:
    with urlopen(address) as answer:
        return answer.read()


@pytest.fixture(scope="module")
async def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("encrypted")
    keys = folder / "keys"
    keys.write_text(f"2026-11 {base64.b64encode(os.urandom(32)).decode()}\n")
    keys.chmod(0o600)
    return await leave_traces(folder, keys_file=keys)


@pytest.fixture(scope="module")
async def clear(tmp_path_factory: pytest.TempPathFactory) -> Left:
    return await leave_traces(tmp_path_factory.mktemp("clear"), keys_file=None)


def test_encrypted_neither_the_database_nor_the_api_tells_a_number_or_a_name(encrypted: Left) -> None:
    assert found_in_files(encrypted.folder, "server/database*", EVERYTHING) == set()
    assert found_in(encrypted.raw_api, EVERYTHING) == set()


def test_in_clear_the_database_and_the_api_tell_them_all(clear: Left) -> None:
    assert found_in_files(clear.folder, "server/database*", EVERYTHING) == set(EVERYTHING)
    assert found_in(clear.raw_api, EVERYTHING) == set(EVERYTHING)


@pytest.mark.parametrize("run", ["encrypted", "clear"])
def test_logs_and_metrics_tell_no_number_and_no_name_with_or_without_keys(
    run: str, request: pytest.FixtureRequest
) -> None:
    left: Left = request.getfixturevalue(run)
    assert found_in_files(left.folder, "worker.log", EVERYTHING) == set()
    assert found_in_files(left.folder, "server/log", EVERYTHING) == set()
    assert found_in(left.metrics, EVERYTHING) == set()
    # There is something in them: the look would have found what else was there.
    log = (left.folder / "worker.log").read_text()
    assert "dropped signal hold: invalid Hold: party: Input should be 'customer'" in log
    assert "for WatchedCall" in log.partition("Failed activation on workflow ConnectedCall")[2]
    assert b"transfer:simulator:sim:c-warm" in (left.folder / "server" / "log").read_bytes()
    assert b"service_requests" in left.metrics


def test_whoever_has_the_keys_is_told_as_ever(encrypted: Left, clear: Left) -> None:
    assert found_in(encrypted.told, EVERYTHING) == found_in(clear.told, EVERYTHING) != set()


@pytest.mark.parametrize("before", range(3))
def test_the_look_finds_a_text_inside_of_base64(before: int) -> None:
    inside = base64.b64encode(b"x" * before + "Ignatius Flümmerby".encode() + b"xyz")
    assert found_in(inside, ["Ignatius Flümmerby"])
    assert not found_in(inside, ["Ignatius Flümmerbo"])
    assert all(len(form) > 12 for form in written_as("4915550100017"))
