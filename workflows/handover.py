"""From one workflow's watch over a call to the next: before a transfer, and after it."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.telephony.model import Observation, Placement
from hookflash import CallBack, Cause, Outcome
from hookflash.names import WATCH, owning_run
from workflows.aim import Aim
from workflows.arrange_input import arrange_input, context_headers, named_customer, reason
from workflows.call import Call
from workflows.children import TAKEN_OVER_SIGNAL, schedule, watch_over
from workflows.core import State
from workflows.payloads import CallBackInput


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
    """Let a small workflow see to what the transfer leaves behind, so that the result is there at once."""
    if state.ending is not None and state.ending.outcome is Outcome.CALLBACK_SCHEDULED:
        await schedule(_promise(call, state))
    input, _ = arrange_input(call, Aim.of(state))
    left = tuple(
        # Played and told by now. The next owner would do it anew, and a phone may be asking for something else then.
        leg.model_copy(update={"announcement": None, "report": None})
        for leg in input.arrangement.legs
        if leg.placement in (Placement.IN_ROOM, Placement.ON_HOLD)
    )
    if not left or not state.begun:
        return
    # The watch takes the legs from this workflow, and from nobody else.
    stays = {"owner": call.owner, "take_from": None, "legs": left, "customer": named_customer(call, left)}
    watched = input.arrangement.model_copy(update=stays)
    onward = call.when_target_leaves if state.customer.up and state.target.up else None
    told = reason(call, Outcome.CONNECTED, Cause.TARGET_LEFT) if onward else None
    await watch_over(input.model_copy(update={"arrangement": watched}), onward.place if onward else "", told)


def _promise(call: Call, state: State) -> CallBackInput:
    request, entry = call.request, call.fallbacks[state.fallback - 1].entry
    assert isinstance(entry, CallBack)
    caller = entry.caller or request.agent.address
    assert request.customer.address is not None
    assert caller is not None  # the request was refused otherwise
    return CallBackInput(
        provider=request.provider,
        tenant=request.tenant,
        customer=request.customer.address,
        caller=caller,
        after=entry.after,
        attempts=entry.attempts,
        pause=entry.pause,
        caller_id=request.policy.caller_id or "",
        hold_music=call.hold_music,
        headers=context_headers(request.context, {}),
        caller_name="caller" if entry.caller else "agent",
    )
