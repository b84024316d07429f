"""A Temporal server as a process with files of its own, which can be read when it has ended."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from hookflash.converter import data_converter
from tests.support.polling import eventually
from tests.support.temporal_server import server_arguments, temporal_executable


@dataclass(frozen=True)
class ServerProcess:
    """A running server."""

    address: str
    metrics: str
    """Where its metrics are to be had."""
    folder: Path
    """Its database (`database`, with what SQLite puts beside it) and its log (`log`)."""

    def environment(self) -> dict[str, str]:
        """Return the variables that lead Temporal's clients to it."""
        return {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": "default"}


@asynccontextmanager
async def server_process(folder: Path) -> AsyncGenerator[ServerProcess]:
    """Run a server that keeps its database in a file, and logs everything; stop it in good order.

    Args:
        folder: Where its files go.
    """
    port, metrics_port = _free_port(), _free_port()
    server = ServerProcess(f"127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics", folder)
    arguments = [
        *("server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)),
        *("--metrics-port", str(metrics_port), "--db-filename", str(folder / "database"), "--log-level", "debug"),
        *server_arguments(),
    ]
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(temporal_executable(), *arguments, stdout=log, stderr=log)
        try:

            async def answers() -> Client | None:
                try:
                    return await Client.connect(server.address, data_converter=data_converter)
                except RuntimeError:
                    return None

            await eventually(answers, "an answer of the server", within=60)
            yield server
        finally:
            process.terminate()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
