"""A worker as it is run in production: a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from tests.support.polling import eventually

ROOT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """A running `python -m workers`, or another module that says a line when it is ready."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def log(self) -> str:
        """What it has logged until now."""
        return self._log.read_text()

    async def ready(self) -> str:
        """Wait for the line that scripts wait for, and return it."""
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().rstrip()
        assert line, f"the worker ended before it was ready:\n{self.log}"
        return line

    async def logs(self, text: str, within: float = 60.0) -> None:
        """Wait until it has logged something."""

        async def logged() -> bool | None:
            return True if text in self.log else None

        await eventually(logged, f"{text!r} in the log", within)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        """Wait for its end and return the exit code."""
        return await self._process.wait()

    async def kill(self) -> None:
        """Let it die without a chance to clear up."""
        self.send(signal.SIGKILL)
        await self.end()


@asynccontextmanager
async def worker_process(log: Path, *arguments: str, **variables: str) -> AsyncGenerator[WorkerProcess]:
    """Start a worker with a simulator, and make sure that it does not outlive the block.

    Args:
        log: Where its log goes.
        arguments: Of the command line.
        variables: Of its environment, in place of the tests' own.
    """
    more = {"HOOKFLASH_SIMULATOR": "true"} | variables
    async with module_process(log, "workers", *arguments, **more) as worker:
        yield worker


@asynccontextmanager
async def module_process(log: Path, module: str, *arguments: str, **variables: str) -> AsyncGenerator[WorkerProcess]:
    """Run a module (`python -m`) as `worker_process` runs a worker, without a setting of ours but those given."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith(("HOOKFLASH_", "TEMPORAL_"))}
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=ROOT,
            env=inherited | variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    try:
        yield WorkerProcess(process, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def temporal_at(client: Client) -> dict[str, str]:
    """Return the variables that lead a worker to the server and the namespace of a client."""
    return {"TEMPORAL_ADDRESS": client.service_client.config.target_host, "TEMPORAL_NAMESPACE": client.namespace}
