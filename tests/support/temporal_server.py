"""The real Temporal server of the tests: where its executable is, how it is set up, and its start."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment

from hookflash.converter import data_converter
from hookflash.names import SEARCH_ATTRIBUTES
from workers.demo.server import DYNAMIC_CONFIG, setting_arguments, temporal_executable

__all__ = ["SETTINGS", "server_arguments", "start_server", "start_skipping_server", "temporal_executable"]

SETTINGS = DYNAMIC_CONFIG | {
    # A workflow that is stuck can be found after its first failed task, not only after a minute.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "1",
    # For WorkflowEnvironment.start_time_skipping_v2(); changes nothing for workflows that are not asked to skip.
    "frontend.WorkflowTimeSkippingEnabled": "true",
    # It otherwise closes each connection when it is five minutes old, and with it whatever is asked in that very moment
    # and is not tried again. That the product tries again is for tests/test_remote_calls.py to say.
    "frontend.keepAliveMaxConnectionAge": '"24h"',
    # Whether the last transfer of a build is over is otherwise looked at every three minutes.
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"1s"',
    "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
}
"""Settings of the server that tests depend on, as JSON values: those of the demonstration, and more."""


def server_arguments() -> list[str]:
    """Return the arguments for `temporal server start-dev` that make `SETTINGS`."""
    return setting_arguments(SETTINGS)


TRIES = 3


async def start_server(
    settings: Mapping[str, str] = SETTINGS,
    *,
    converter: DataConverter = data_converter,
    ui_port: int | None = None,
    database: Path | None = None,
) -> WorkflowEnvironment:
    """Start a server, to be entered.

    Args:
        settings: As JSON values.
        converter: Of its client.
        ui_port: Where its UI is. Default: it has none.
        database: The file in which it keeps what it knows. Default: in memory.

    Raises:
        RuntimeError: It does not start.
    """
    more = [] if ui_port is None else ["--ui-disable-news-fetch"]
    return await tried_again(
        # The SDK leaves the type of search_attributes open, for which the whole signature counts as unknown.
        lambda: WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
            data_converter=converter,
            search_attributes=SEARCH_ATTRIBUTES,
            ui=ui_port is not None,
            ui_port=ui_port,
            dev_server_existing_path=temporal_executable(),
            dev_server_database_filename=str(database) if database else None,
            dev_server_extra_args=[*setting_arguments(settings), *more],
        )
    )


async def start_skipping_server() -> WorkflowEnvironment:
    """Start a server that skips the time in which nothing happens, to be entered.

    Raises:
        RuntimeError: It does not start.
    """
    return await tried_again(
        lambda: WorkflowEnvironment.start_time_skipping_v2(
            data_converter=data_converter,
            search_attributes=SEARCH_ATTRIBUTES,
            dev_server_existing_path=temporal_executable(),
            dev_server_extra_args=server_arguments(),
        )
    )


async def tried_again(start: Callable[[], Awaitable[WorkflowEnvironment]]) -> WorkflowEnvironment:
    """Start a server, again if it does not: the SDK gives it five seconds, and a port that was free a moment before."""
    for _ in range(TRIES - 1):
        try:
            return await start()
        except RuntimeError as error:
            print(f"the Temporal server is started again: {error}", file=sys.stderr)
    return await start()
