"""The workflow that keeps one listener per provider node alive."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.listen import Listen
from hookflash import names

HEARTBEAT_TIMEOUT = timedelta(seconds=3)
"""How long a dead worker goes unnoticed. Beats come every second; calls go on meanwhile, only nobody hears of them."""

TURN = timedelta(hours=1)
"""Longest attempt. The activity ends a little earlier by itself, and a new run takes up changes of this code."""

RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(seconds=2)
)
"""Without end: while nobody listens, transfers learn of an answer only when they look by themselves."""

PAUSE = timedelta(seconds=2)
"""Before another run, after an end of the activity that should not be possible."""


@workflow.defn(name=names.LISTENER_TYPE)
class Listener:
    """Listens to one provider node for as long as the node is in use. Cancelling it is how that is ended."""

    @workflow.run
    async def run(self, provider: str) -> None:
        """Listen, hour after hour.

        Args:
            provider: Name of the node.
        """
        workflow.set_current_details(_details(provider))
        try:
            await workflow.execute_activity_method(
                Listen.listen,
                provider,
                task_queue=names.LISTENER_TASK_QUEUE,
                start_to_close_timeout=TURN,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=RETRIES,
                summary=f"Listen to {provider}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("listening to %s ended", provider)
            await workflow.sleep(PAUSE, summary=f"Listen to {provider} again")
        workflow.continue_as_new(provider)


def _details(provider: str) -> str:
    return f"""\
Keeps **one listener** on the provider node **`{provider}`**: what happens to the legs of its calls is passed on to
their transfers.

* *Who listens*: the worker of the pending activity. Its heartbeat says since when, and how much was heard.
* *It fails over*: when that worker dies, another one listens {HEARTBEAT_TIMEOUT.total_seconds():g} seconds later, and
  every open transfer of the node looks at the real state.
* *To stop it*, cancel this workflow. Any worker that has the node starts it again.
"""
