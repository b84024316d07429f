"""What workflow code runs in: nothing of its own, as in production, or the SDK's sandbox, as in the tests.

The sandbox stops code that would decide otherwise when it is replayed. For that it gives every single workflow its own
copy of the workflow modules, and wraps builtins of the whole process while any workflow takes a step. That the engine's
workflows need no stopping is shown before they are shipped: the tests run and replay them in the sandbox, and read all
of their code (docs/decisions/0023-workers-without-the-sandbox.md).
"""

from enum import StrEnum

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from workers.variables import FromEnvironment

PURE = (
    *("aim", "arrange_input", "call", "call_back_attempt", "feature_codes", "ids", "ledger", "legs", "limits"),
    *("news", "payloads", "recordings", "wording"),
)
"""Modules of ``workflows`` that neither import Temporal nor one that does: nothing in them could ask for the time."""

PASSED_THROUGH = ("hookflash", "activities", "workflows.core", *(f"workflows.{name}" for name in PURE))
"""Modules that all workflows of a process share even in the sandbox; the others are imported again for every single
one. What is shared is outside the sandbox, so it must be pure. Never ``workflows`` as a whole: its modules would be
without protection."""


class Sandbox(StrEnum):
    """What protects workflow code in a worker."""

    NONE = "none"
    FULL = "full"


class SandboxSettings(FromEnvironment):
    """A part of the worker's settings."""

    sandbox: Sandbox = Sandbox.NONE
    """What protects workflow code. `none`: all transfers of a worker share its modules. `full`: each imports them anew,
    in Temporal's sandbox, for half as much CPU again; meant for code that you have changed."""


def sandbox(policy: SandboxImportNotificationPolicy | None = None) -> SandboxedWorkflowRunner:
    """Return the sandbox.

    Args:
        policy: What to do about imports that are not passed through. Default: warn of those in mid-workflow.
    """
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(
        restrictions=restrictions.with_import_notification_policy(
            policy or SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        )
    )


def workflow_runner(protection: Sandbox) -> WorkflowRunner:
    """Return what workflow code runs in."""
    return sandbox() if protection is Sandbox.FULL else UnsandboxedWorkflowRunner()
