"""The real Temporal server of the tests: where its executable is, and how it is set up."""

from workers.demo.server import DYNAMIC_CONFIG, setting_arguments, temporal_executable

__all__ = ["SETTINGS", "server_arguments", "temporal_executable"]

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
