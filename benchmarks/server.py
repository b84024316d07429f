"""Temporal servers: one as it is by default, and one that can be killed and comes back with what it knew."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from hookflash.converter import data_converter
from hookflash.names import SEARCH_ATTRIBUTES
from tests.support.polling import eventually
from tests.support.ports import free_address
from tests.support.temporal_server import SETTINGS, server_arguments, start_server, temporal_executable


class LastingServer:
    """A server whose database is in a file."""

    def __init__(self, folder: Path) -> None:
        """Take where its files go."""
        self._folder = folder
        self._address = free_address()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it answers some time later."""
        host, port = self._address.split(":")
        attributes = [
            part
            for key in SEARCH_ATTRIBUTES
            for part in ("--search-attribute", f"{key.name}={KINDS[key.indexed_value_type.name]}")
        ]
        arguments = [
            *("server", "start-dev", "--headless", "--ip", host, "--port", port, "--output", "none"),
            *("--db-filename", str(self._folder / "database"), "--sqlite-pragma", "journal_mode=WAL"),
            *attributes,
            *server_arguments(),
        ]
        with (self._folder / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                temporal_executable(), *arguments, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """Kill it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def client(self) -> Client:
        """Connect as soon as it answers."""

        async def answers() -> Client | None:
            try:
                return await Client.connect(self._address, data_converter=data_converter)
            except RuntimeError:
                return None

        return await eventually(answers, "an answer of the server", within=60)


KINDS = {"KEYWORD": "Keyword", "BOOL": "Bool", "KEYWORD_LIST": "KeywordList"}
"""How the command line calls the types of search attributes."""


@asynccontextmanager
async def lasting_server(folder: Path) -> AsyncGenerator[LastingServer]:
    """Run a server for the length of the block."""
    server = LastingServer(folder)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


READS_EACH_TIME = "system.forceSearchAttributesCacheRefreshOnRead"
"""With this setting, of tests and demonstration, a server reads from its database which search attributes there are
whenever some are written: every second of its reads while transfers begin, and they have one connection."""


@asynccontextmanager
async def plain_server() -> AsyncGenerator[Client]:
    """Run a server that keeps in memory which search attributes there are, as it does by default."""
    settings = {name: value for name, value in SETTINGS.items() if name != READS_EACH_TIME}
    async with await start_server(settings) as server:

        async def knows_them() -> bool | None:
            try:
                for attribute in SEARCH_ATTRIBUTES:
                    await server.client.count_workflows(f"{attribute.name} IS NOT NULL")
            except RPCError:
                return None
            return True

        await eventually(knows_them, "the search attributes", 120, every=0.2)
        yield server.client
