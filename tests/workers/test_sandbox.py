"""What workflows share with the process, and what each of them has a copy of: told by the sandbox itself."""

import warnings

from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import SandboxImportNotificationPolicy

from workers.engine import PASSED_THROUGH, WORKFLOWS, sandbox


async def test_nothing_but_the_shell_is_imported_again_for_every_workflow() -> None:
    runner: SandboxedWorkflowRunner = sandbox(SandboxImportNotificationPolicy.WARN_ON_UNINTENTIONAL_PASSTHROUGH)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for type_ in WORKFLOWS:
            # What a worker does first. The sandbox looks for a running loop, so this test has one.
            runner.prepare_workflow(workflow._Definition.must_from_class(type_))  # pyright: ignore[reportPrivateUsage]
    again = {str(warning.message).split()[1] for warning in told}
    assert "workflows.arranger" in again, "the sandbox does not say any more what it imports"
    assert {name for name in again if name.partition(".")[0] != "workflows"} == set()
    assert not any(name.startswith("workflows.core") for name in again)


def test_the_shell_is_protected() -> None:
    assert "workflows" not in PASSED_THROUGH
