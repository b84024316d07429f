"""Whether a worker process lives and is ready, over HTTP, for whatever starts and stops it: ``/livez``, ``/readyz``."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from activities.turns import Turns
from workers.variables import SettingsError, variable_of

PATIENCE = timedelta(seconds=2)
"""How long Temporal may take to say that it is there."""


class Health:
    """What is known of this process. Whoever runs it fills it in."""

    def __init__(self) -> None:
        self.client: Client | None = None
        """The connection to Temporal. None: there is none yet."""
        self.workers: Sequence[Worker] = ()
        """The workers of this process. Empty: not started yet."""
        self.turns = Turns()
        """The nodes that it is this process's turn to listen to."""
        self.stopping = False
        """Whether it takes on nothing new any more."""

    async def reasons(self) -> list[str]:
        """Return why this process is not ready; empty if it is. Asks Temporal."""
        if self.stopping:
            return ["stopping"]
        if self.client is None:
            return ["not connected to Temporal"]
        found: list[str] = []
        try:
            if not await _serves(self.client):
                found.append("Temporal does not serve")
        except RPCError as error:
            found.append(f"Temporal does not answer: {error.status.name}")
        if not self.workers or not all(worker.is_running for worker in self.workers):
            found.append("not all workers run")
        return found + [f"not connected to {node}" for node in self.turns.unheard()]


async def _serves(client: Client) -> bool:
    # The SDK's own tries would take ten seconds, and no probe waits that long.
    until = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
    try:
        return await client.service_client.check_health(timeout=PATIENCE)
    except RPCError as error:
        # What is asked in the moment in which the server closes a connection as too old, which it does every five
        # minutes. What has run out of time is called the same, and finds no time left.
        if error.status is not RPCStatusCode.CANCELLED:
            raise
    left = max(until - asyncio.get_running_loop().time(), 0.001)
    return await client.service_client.check_health(timeout=timedelta(seconds=left))


@asynccontextmanager
async def served(health: Health, address: str | None) -> AsyncGenerator[None]:
    """Answer for the length of the block.

    Args:
        health: What is told.
        address: IP address and port. None: nobody is told anything.

    Raises:
        SettingsError: Nobody can listen there.
    """
    if address is None:
        yield
        return
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(_application(health), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except OSError as error:
            raise SettingsError(f"{variable_of('health_address')}: {error.strerror}") from error
        yield
    finally:
        await runner.cleanup()


def _application(health: Health) -> web.Application:
    async def livez(request: web.Request) -> web.Response:
        # That it is answered at all says it: a loop that hangs does not.
        return web.json_response({"alive": True})

    async def readyz(request: web.Request) -> web.Response:
        reasons = await health.reasons()
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    application = web.Application()
    application.add_routes([web.get("/livez", livez), web.get("/readyz", readyz)])
    return application
