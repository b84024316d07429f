"""What every command has: its arguments, a connection to Temporal, and a way to print."""

import argparse
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError

from hookflash import _ui
from hookflash._failures import is_missing, rpc_failure
from hookflash.client import TransferClient
from hookflash.errors import TransferNotFound

DONE, REFUSED, INVALID, UNREACHABLE = 0, 1, 2, 3
"""Exit codes."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Session:
    """One run of the command, connected."""

    def __init__(self, arguments: argparse.Namespace, client: TransferClient) -> None:
        self.arguments = arguments
        self.client = client

    @classmethod
    async def open(cls, arguments: argparse.Namespace) -> "Session":
        """Connect to where the arguments and the environment say.

        Raises:
            EngineUnreachable: There is no server, or the configuration cannot be read.
        """
        return cls(arguments, await TransferClient.connect(address=arguments.address, namespace=arguments.namespace))

    @property
    def temporal(self) -> Client:
        """The connection itself."""
        return self.client.temporal

    def link(self, id: str, run_id: str | None) -> str | None:
        """Return where the Temporal UI shows a transfer, None if nobody said where the UI is."""
        return self.page(_ui.workflow(id, run_id))

    def list_link(self, query: str) -> str | None:
        """Return where the Temporal UI lists what a query finds, None if nobody said where the UI is."""
        return self.page(_ui.workflows(query))

    def page(self, path: str) -> str | None:
        """Return the address of a page of the Temporal UI, by its path below the namespace, None as above."""
        base = self.arguments.ui or os.environ.get("TEMPORAL_UI_URL")
        return _ui.address(base, self.temporal.service_client.config.target_host, self.temporal.namespace, path)

    async def describe(self, id: str, run_id: str | None = None) -> WorkflowExecutionDescription:
        """Return what Temporal knows of a transfer without asking a worker.

        Raises:
            TransferNotFound: There is no such transfer.
            EngineUnreachable: The server cannot be reached.
        """
        try:
            return await self.temporal.get_workflow_handle(id, run_id=run_id).describe()
        except RPCError as error:
            if is_missing(error):
                raise TransferNotFound(f"no transfer {id} in namespace {self.temporal.namespace}", id) from error
            raise rpc_failure(error, "describe") from error


Run = Callable[[Session], Awaitable[int]]
"""What carries out a command, and returns the exit code."""


def write(text: str) -> None:
    """Print for whoever asked, at once: the output may go into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write_json(document: Any, *, indent: int | None = 2) -> None:  # noqa: ANN401 whatever JSON can hold
    """Print a JSON document; without indentation it is one line."""
    write(json.dumps(document, indent=indent))


def note(text: str) -> None:
    """Tell a person something that is no part of the output."""
    sys.stderr.write(f"hookflash: {text}\n")
    sys.stderr.flush()
