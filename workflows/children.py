"""Starts the workflows that come after another one: by name, so that nobody who starts them has to import them."""

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy

from activities.arrange import ArrangeInput
from activities.telephony.model import Reason
from hookflash import names
from hookflash._summary import in_words
from hookflash.names import SUPERVISION_TYPE, TASK_TIMEOUT, supervision_id
from workflows.payloads import CallBackInput, CallBackResult, ConnectedCallResult, WatchedCall

TAKEN_OVER_SIGNAL = "taken_over"
"""Another transfer of the same call has begun; its workflow watches the legs now."""


async def watch_over(left: ArrangeInput, onward: str = "", reason: Reason | None = None) -> None:
    """Start a watch over the legs that the present workflow leaves behind. Returns once it runs.

    Args:
        left: Where they are now, owned by the present workflow.
        onward: Place where the customer goes on when somebody else leaves first. Default: nowhere.
        reason: What that place is told. Default: nothing.
    """
    info = workflow.info()
    await workflow.start_child_workflow(
        SUPERVISION_TYPE,
        WatchedCall(
            provider=left.provider, arrangement=left.arrangement, queue=left.queue, onward=onward, reason=reason
        ),
        result_type=ConnectedCallResult,
        id=supervision_id(info.workflow_id, info.run_id),
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        task_timeout=TASK_TIMEOUT,
        static_summary=f"Watch {' and '.join(leg.name for leg in left.arrangement.legs)}",
    )


async def schedule(promise: CallBackInput) -> None:
    """Let a workflow of its own keep a promise of the present one. Returns once it runs."""
    info = workflow.info()
    await workflow.start_child_workflow(
        names.CALL_BACK_TYPE,
        promise,
        result_type=CallBackResult,
        id=names.call_back_id(info.workflow_id, info.run_id),
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        task_timeout=names.TASK_TIMEOUT,
        static_summary=f"Call the customer back in {in_words(promise.after)}",
    )
