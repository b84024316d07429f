"""From one workflow's watch over a call to the next: before a transfer, and after it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError

from activities.telephony.model import Observation, Placement
from hookflash.names import SUPERVISION_TYPE, WATCH, owning_run, supervision_id
from workflows.arranger import Aim
from workflows.call import Call
from workflows.connected_call import TAKEN_OVER_SIGNAL, ConnectedCallResult
from workflows.core import State


async def take_over(observation: Observation, told: set[str]) -> None:
    """Tell whoever watched these legs until now that this workflow does.

    Args:
        observation: What the provider saw; it says who that was.
        told: Who needs no telling; grows by those who are told now.
    """
    former = {seen.former_owner: None for seen in observation.legs if seen.former_owner.startswith(WATCH)}
    for owner in [it for it in former if it not in told]:
        told.add(owner)
        watch, run_id = owning_run(owner)
        try:
            await workflow.get_external_workflow_handle(watch, run_id=run_id).signal(TAKEN_OVER_SIGNAL)
        except ApplicationError:
            workflow.logger.debug("the former owner of a leg is over: %s", owner)


async def hand_over(call: Call, state: State) -> None:
    """Let a small workflow watch what the transfer leaves behind, so that the result is there at once."""
    input, _ = call.arrangement(Aim.of(state))
    left = tuple(leg for leg in input.arrangement.legs if leg.placement in (Placement.IN_ROOM, Placement.ON_HOLD))
    if not left or not state.begun:
        return
    watched = input.arrangement.model_copy(update={"legs": left})
    info = workflow.info()
    await workflow.start_child_workflow(
        SUPERVISION_TYPE,
        input.model_copy(update={"arrangement": watched}),
        result_type=ConnectedCallResult,
        id=supervision_id(info.workflow_id, info.run_id),
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        task_timeout=timedelta(seconds=2),
        static_summary=f"Watch {' and '.join(leg.name for leg in left)}",
    )
