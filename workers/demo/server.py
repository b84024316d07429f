"""The embedded Temporal server, with its Web UI."""

import random
import shutil
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from hookflash.converter import data_converter
from hookflash.names import SEARCH_ATTRIBUTES

HOST = "localhost"
PORT = 7233
UI_ABOVE = 1000
"""The UI's port is this much above the server's, as Temporal's own tools have it: the `hookflash` command finds it."""

DYNAMIC_CONFIG = {
    # Timers otherwise take up to a second longer than they should, and people watch.
    "history.timerProcessorMaxTimeShift": '"50ms"',
    # A shard looks for timers 20 times a second, and this server has one shard. With ten transfers at a time, timers
    # wait for a look, and where none is to be had soon, the next is three to five seconds later (`lookAheadTask` in
    # https://github.com/temporalio/temporal/blob/main/service/history/queues/queue_scheduled.go).
    "history.timerProcessorMaxPollRPS": "1000",
    # As often it looks for steps and activities that are to be given out: the one after the twentieth within a second
    # waits up to 50 ms, and one transfer alone needs two dozen.
    "history.transferProcessorMaxPollRPS": "1000",
    # Search attributes are otherwise unknown for a while after they were registered.
    "system.forceSearchAttributesCacheRefreshOnRead": "true",
}
"""Settings of a server with one shard, as JSON values."""


class NoServerError(Exception):
    """The server cannot be run. The message says why."""


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    client: Client
    port: int

    @property
    def address(self) -> str:
        """What goes into TEMPORAL_ADDRESS."""
        return f"{HOST}:{self.port}"

    @property
    def ui(self) -> str:
        """Address of its Web UI."""
        return f"http://{HOST}:{self.port + UI_ABOVE}"

    @property
    def elsewhere(self) -> bool:
        """Whether it is not at Temporal's default port."""
        return self.port != PORT


@asynccontextmanager
async def embedded_server() -> AsyncGenerator[Server]:
    """Run a server in memory for the length of the block, at the default ports if these are free.

    Raises:
        NoServerError: There is no executable, or no free port.
    """
    environment, port = await _start()
    try:
        yield Server(environment.client, port)
    finally:
        await environment.shutdown()


async def _start() -> tuple[WorkflowEnvironment, int]:
    executable = temporal_executable()
    failure: Exception | None = None
    # Between the look at a port and its use somebody else may take it.
    for port in (PORT, *random.sample(range(20_000, 30_000), 20)):
        if not (_is_free(port) and _is_free(port + UI_ABOVE)):
            continue
        # The server would greet in the middle of ours.
        arguments = ["--output", "none", *setting_arguments(DYNAMIC_CONFIG)]
        try:
            # The SDK leaves the type of search_attributes open, for which the whole signature counts as unknown.
            environment = await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
                data_converter=data_converter,
                ip="127.0.0.1",
                port=port,
                ui=True,
                ui_port=port + UI_ABOVE,
                search_attributes=SEARCH_ATTRIBUTES,
                dev_server_existing_path=executable,
                dev_server_log_level="never",
                dev_server_extra_args=arguments,
            )
        except RuntimeError as error:
            failure = error
        else:
            return environment, port
    raise NoServerError(f"the Temporal server does not start: {failure or 'no port is free'}")


def temporal_executable() -> str:
    """Return the path of the `temporal` command line, which contains the server.

    Raises:
        NoServerError: There is none. Without a path the SDK would silently download one.
    """
    beside_python = Path(sys.executable).with_name("temporal")
    found = str(beside_python) if beside_python.is_file() else shutil.which("temporal")
    if found is None:
        raise NoServerError("there is no temporal executable; run: make setup")
    return found


def setting_arguments(settings: Mapping[str, str]) -> list[str]:
    """Return the arguments for `temporal server start-dev` that make settings, whose values are JSON."""
    return [part for key, value in settings.items() for part in ("--dynamic-config-value", f"{key}={value}")]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # What was closed a moment ago does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
