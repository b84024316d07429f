"""The workers' sandbox for tests, which make thousands of workers and replays in one process."""

from dataclasses import replace
from typing import ClassVar

from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workers.sandbox import sandbox


class ProvenSandbox(SandboxedWorkflowRunner):
    """Imports a workflow on trial once in a process, and not again for each worker and each replay.

    The SDK tries every workflow whenever a worker is made, and a replay makes one: most of a short test was spent on
    that. What runs in it is imported anew for each run of a workflow, as ever.
    """

    _proven: ClassVar[set[type]] = set()

    def prepare_workflow(self, defn: workflow._Definition) -> None:  # pyright: ignore[reportPrivateUsage] the SDK's own
        """See base class."""
        if defn.cls not in self._proven:
            super().prepare_workflow(defn)
            self._proven.add(defn.cls)


def proven_sandbox() -> SandboxedWorkflowRunner:
    """Return what the workers run workflow code in."""
    return replace(ProvenSandbox(), restrictions=sandbox().restrictions)
