"""A Temporal server as a process with files of its own: it can be killed, and started again with what it knew."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client

from hookflash.converter import data_converter
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.small_disk import SmallDisk
from tests.support.temporal_server import server_arguments, temporal_executable


@dataclass
class ServerProcess:
    """A server, which keeps its addresses and its files when it is started again."""

    folder: Path
    """Its database (`database`, with what SQLite puts beside it) and its log (`log`)."""
    port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    disk: SmallDisk | None = None
    """Where its database is. Default: in its folder."""
    _process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def metrics(self) -> str:
        """Where its metrics are to be had."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def database(self) -> Path:
        return (self.disk.folder if self.disk is not None else self.folder) / "database"

    def environment(self) -> dict[str, str]:
        """Return the variables that lead Temporal's clients to it."""
        return {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": "default"}

    async def start(self) -> Client:
        """Start it with what is in its folder, and return a client as soon as it answers."""
        command: list[str | Path] = [
            *(
                temporal_executable(),
                "server",
                "start-dev",
                "--headless",
                "--ip",
                "127.0.0.1",
                "--port",
                str(self.port),
            ),
            *("--metrics-port", str(self.metrics_port), "--db-filename", str(self.database), "--log-level", "debug"),
            *server_arguments(),
        ]
        with (self.folder / "log").open("ab") as log:
            inside = self.disk.inside(command) if self.disk is not None else command
            self._process = await asyncio.create_subprocess_exec(*inside, stdout=log, stderr=log)

        async def answers() -> Client | None:
            try:
                return await Client.connect(self.address, data_converter=data_converter)
            except RuntimeError:
                return None

        return await eventually(answers, "an answer of the server", within=60)

    async def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def back_up(self, to: Path) -> None:
        """Write a backup of its database, of one moment, while it runs or does not."""
        with closing(sqlite3.connect(self.database)) as database:
            database.execute("VACUUM INTO ?", (str(to),))

    def restore(self, backup: Path) -> None:
        """Give it the database of a backup. It must not run."""
        for file in self.folder.glob(f"{self.database.name}*"):  # SQLite's journals belong to the old one
            file.unlink()
        shutil.copy(backup, self.database)

    async def stop(self) -> None:
        """Stop it in good order, unless it has ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


@asynccontextmanager
async def server_process(folder: Path) -> AsyncGenerator[ServerProcess]:
    """Run a server that keeps its database in a file, and logs everything; stop it in good order.

    Args:
        folder: Where its files go.
    """
    server = ServerProcess(folder)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
