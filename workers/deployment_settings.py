"""Which build of the engine a worker is, where transfers are to end on the build on which they began."""

from importlib.metadata import version
from typing import Annotated

from pydantic import Field
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from workers.variables import FromEnvironment

DeploymentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
BuildId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
"""As Temporal takes them, which puts both into one id with a colon between."""


class DeploymentSettings(FromEnvironment):
    """A part of the worker's settings."""

    deployment_build_id: BuildId | None = None
    """Name of this build, such as its version: another one for everything that differs. A transfer then ends on the
    build on which it began, and nothing begins on a build before it is made the current one. Unset: every worker goes
    on with every transfer."""
    deployment_name: DeploymentName = "hookflash"
    """Name that all builds of one engine share: Temporal's worker deployment."""

    def deployment(self) -> WorkerDeploymentConfig:
        """Return what a worker says of itself to Temporal."""
        build = self.deployment_build_id
        if build is None:
            return unversioned()
        return WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name=self.deployment_name, build_id=build),
            use_worker_versioning=True,
            # Of all workflows that do not say otherwise; `workflows/pinned.py` does.
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        )


def unversioned() -> WorkerDeploymentConfig:
    """Return what a worker says of itself that has no build id."""
    # Without a name of the code the SDK makes one up, by compiling every module of the process again: two seconds of
    # each start, in which nobody listens. It only names.
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name="hookflash", build_id=version("hookflash")),
        use_worker_versioning=False,
    )
