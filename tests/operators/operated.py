"""The command as an operator runs it: a process of its own, against a real server with a worker process."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

from temporalio.client import Client

from hookflash import Agent, Customer, Mode, RunningTransfer, Stage, Target, TransferClient, TransferRequest
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process
from workers.provider_settings import SIMULATOR

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "+4930123456"
"""Whom every test of this folder rings. No command may print it."""

RING = timedelta(minutes=5)
"""Longer than any test."""


class Ran(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 whatever was printed
        return json.loads(self.out)


class Operated:
    """A namespace, a way to start transfers in it, and the command."""

    def __init__(self, client: Client, **variables: str) -> None:
        self.client = client
        self.variables = variables
        """Environment of the command, beside what says where the server is."""
        self.transfers = TransferClient(client)

    async def start(self, mode: Mode, script: str, **fields: Any) -> RunningTransfer:  # noqa: ANN401
        """Start the transfer of a new call to a phone that behaves as scripted."""
        call = uuid4().hex[:8]
        default = {
            "customer": Customer(leg=f"sim:carol-{call}"),
            "agent": Agent(leg=f"sim:anna-{call}", address=f"sim:anna-{call}?answer=100ms"),
            "targets": (Target(address=f"sim:{NUMBER}?{script}", name="Claims desk", ring_timeout=RING),),
        }
        return await self.transfers.start(
            TransferRequest.model_validate({"mode": mode, "provider": SIMULATOR, **default, **fields})
        )

    async def ringing(self, **fields: Any) -> RunningTransfer:  # noqa: ANN401
        """Start a warm transfer, and wait until it rings, which it does for long."""
        transfer = await self.start(Mode.WARM, "ring", **fields)
        await reaches(transfer, Stage.RINGING)
        return transfer

    def link(self, transfer: RunningTransfer) -> str:
        """Where the UI shows it."""
        path = f"{self.client.namespace}/workflows/{quote(transfer.id, safe='')}/{transfer.run_id}/history"
        return f"https://ui.example/namespaces/{path}"

    async def visible(self, query: str, number: int) -> None:
        """Wait until Temporal's list has so many transfers: it is a moment behind."""

        async def there() -> bool | None:
            found = await self.client.count_workflows(f"WorkflowType = 'Transfer' AND {query}")
            return found.count == number or None

        await eventually(there, f"{number} x {query}", within=90)

    async def begin(self, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> asyncio.subprocess.Process:
        """Start the command as a shell does."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from hookflash.cli import main; main()", *arguments),
            cwd=ROOT,
            env={**environment(self.client), **self.variables},
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Where the tests themselves run in the background of a script, Ctrl-C is ignored, and that is inherited.
            preexec_fn=_hear_interrupts,
        )

    async def run(self, *arguments: str, answer: str | None = None, piped: str | None = None) -> Ran:
        """Run the command to its end.

        Args:
            arguments: Its own.
            answer: What a person types. Default: there is nobody, and no terminal.
            piped: What another command writes into its standard input. Default: nothing.
        """
        if piped is not None:
            return await _ended(await self.begin(*arguments, stdin=asyncio.subprocess.PIPE), piped)
        if answer is None:
            return await _ended(await self.begin(*arguments))
        ours, theirs = pty.openpty()
        try:
            os.write(ours, f"{answer}\n".encode())
            return await _ended(await self.begin(*arguments, stdin=theirs))
        finally:
            os.close(ours)
            os.close(theirs)


async def _ended(process: asyncio.subprocess.Process, piped: str | None = None) -> Ran:
    out, err = await process.communicate(piped.encode() if piped is not None else None)
    assert process.returncode is not None
    assert NUMBER not in out.decode() + err.decode()
    return Ran(process.returncode, out.decode(), err.decode())


async def reaches(transfer: RunningTransfer, stage: Stage) -> None:
    """Wait until a transfer is in a stage."""

    async def there() -> bool | None:
        return (await transfer.status()).stage is stage or None

    await eventually(there, f"stage {stage}", within=90)


def environment(client: Client) -> dict[str, str]:
    """The environment of a command: that of the tests, and where the server is."""
    foreign = ("TEMPORAL_", "HOOKFLASH_", "COLUMNS")
    inherited = {name: it for name, it in os.environ.items() if not name.startswith(foreign)}
    return {**inherited, **temporal_at(client), "TEMPORAL_UI_URL": "https://ui.example", "TZ": "UTC"}


@asynccontextmanager
async def engine(client: Client, folder: Path) -> AsyncGenerator[WorkerProcess]:
    """A worker process with a simulator, in the namespace of a client."""
    async with worker_process(folder / "worker.log", **temporal_at(client)) as worker:
        await worker.ready()
        yield worker


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
