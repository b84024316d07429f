from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions


def sandbox() -> SandboxedWorkflowRunner:
    restrictions = SandboxRestrictions.default.with_passthrough_modules("hookflash", "activities", "workflows.core")
    return SandboxedWorkflowRunner(restrictions=restrictions)
