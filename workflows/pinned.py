"""Transfers that end on the build of the engine on which they began, for workers that have a build id."""

from temporalio import workflow
from temporalio.common import VersioningBehavior

from hookflash import TransferRequest, TransferResult
from hookflash.names import WORKFLOW_TYPE
from workflows.transfer import Transfer


# A class of its own: a worker without a build id must not run one that says this, its transfers would be stuck.
@workflow.defn(name=WORKFLOW_TYPE, versioning_behavior=VersioningBehavior.PINNED)
class PinnedTransfer(Transfer):
    """``Transfer``, which the next build does not take over. It lasts for minutes, and replays nowhere else."""

    @workflow.run
    async def run(self, request: TransferRequest) -> TransferResult:
        """See ``Transfer.run``."""
        return await super().run(request)
