"""The workflow that keeps one listener per provider node alive."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.listen import Listen
from hookflash import names

HEARTBEAT_TIMEOUT = timedelta(seconds=1.2)
"""How long a dead worker goes unnoticed; calls go on meanwhile, only nobody hears of them. Beats come every quarter of
it, so a worker may stand still for three quarters; 0.4 s were seen of a busy one. One that is taken for dead and lives
on does no harm (the next connection takes the events from it), but every open transfer of the node looks at the real
state then, which is not what a busy worker needs."""

TURN = timedelta(hours=1)
"""Longest attempt. The activity ends a little earlier by itself, and a new run takes up changes of this code."""

RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=50), backoff_coefficient=1)
"""Without end, and for a worker that died: whatever else ends a turn says when to try again. The pause must not grow,
as every turn of the hour counts as a try, those that ended in good order too."""

PAUSE = timedelta(seconds=2)
"""Before another run, after an end of the activity that should not be possible."""


@workflow.defn(name=names.LISTENER_TYPE)
class Listener:
    """Listens to one provider node for as long as the node is in use. Cancelling it is how that is ended."""

    @workflow.run
    async def run(self, provider: str, heartbeat_timeout: timedelta = HEARTBEAT_TIMEOUT) -> None:
        """Listen, hour after hour.

        Args:
            provider: Name of the node.
            heartbeat_timeout: Of this run. The next one has what the worker that has listened is set to.
        """
        workflow.set_current_details(_details(provider, heartbeat_timeout))
        following: timedelta | None = None
        try:
            following = await workflow.execute_activity_method(
                Listen.listen,
                provider,
                task_queue=names.LISTENER_TASK_QUEUE,
                start_to_close_timeout=TURN,
                heartbeat_timeout=heartbeat_timeout,
                retry_policy=RETRIES,
                summary=f"Listen to {provider}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("listening to %s ended", provider)
            await workflow.sleep(PAUSE, summary=f"Listen to {provider} again")
        workflow.continue_as_new(args=inputs(provider, following or heartbeat_timeout))


def inputs(provider: str, heartbeat_timeout: timedelta) -> tuple[str] | tuple[str, timedelta]:
    """Return what a run is started with.

    What is usual is left out: an engine of a version that does not know it refuses it, while a new one takes its place.
    """
    return (provider,) if heartbeat_timeout == HEARTBEAT_TIMEOUT else (provider, heartbeat_timeout)


def _details(provider: str, heartbeat_timeout: timedelta) -> str:
    return f"""\
Keeps **one listener** on the provider node **`{provider}`**: what happens to the legs of its calls is passed on to
their transfers.

* *Who listens*: the worker of the pending activity. Its heartbeat says since when, and how much was heard.
* *It fails over*: when that worker dies, another one listens {heartbeat_timeout.total_seconds():g} seconds later, and
  every open transfer of the node looks at the real state.
* *To stop it*, cancel this workflow. Any worker that has the node starts it again.
"""
