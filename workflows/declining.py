"""Tells the phone that has asked for a transfer that nothing comes of it, where no arrangement says so."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.arrange import DECLINE, DeclineInput
from hookflash._about import about
from workflows.call import Call


async def tell_declined(call: Call) -> None:
    """Tell the agent's phone that the transfer it has asked for never began."""
    asked = DeclineInput(provider=call.request.provider, leg=call.request.agent.leg)
    try:
        await workflow.execute_activity(
            DECLINE,
            asked,
            task_queue=call.queue or None,
            start_to_close_timeout=timedelta(seconds=2),
            schedule_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
            summary="Tell the agent's phone that nothing comes of it",
        )
    except ActivityError as error:
        with about(leg=asked.leg):
            workflow.logger.warning("the agent's phone was not told: %s", error)
