"""Keeps making the newest arrangement true, one activity at a time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.arrange import ARRANGE, ATTEMPT_LIMIT, ArrangeInput
from activities.signs_of_life import SILENCE
from activities.telephony.errors import Unsupported
from activities.telephony.model import Observation
from workflows.aim import Aim
from workflows.core import State
from workflows.news import NotArranged, Observed

TOTAL_LIMIT = timedelta(seconds=10)
"""How long Temporal tries again before the decision core is told: a person is waiting."""

_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=1))


class Arranger:
    """Carries out aims. A newer aim supersedes the one that is under way.

    Two attempts with different aims must never run side by side at the provider. So the older activity is asked to
    stop, and its end is waited for; attempts are short.
    """

    def __init__(
        self,
        build: Callable[[Aim], tuple[ArrangeInput, str]],
        report: Callable[[Observed | NotArranged], None],
    ) -> None:
        """Make an arranger.

        Args:
            build: Returns the activity's input for an aim, and a summary for operators.
            report: Is told what came of each aim.
        """
        self._build = build
        self._report = report
        self._wanted: Aim | None = None
        self._aimed_at: Aim | None = None
        self._work: asyncio.Task[None] | None = None
        self._attempt: workflow.ActivityHandle[Observation] | None = None
        self._mark = ""
        """What stands for the last aim, as long as it is true and nothing else has been tried."""

    @property
    def busy(self) -> bool:
        """Whether something is being made true."""
        return self._work is not None and not self._work.done()

    def follow(self, state: State) -> None:
        """Make a state's aim true from now on, unless the state is to wait before another try."""
        if state.retrying:
            return
        aim = self._wanted = Aim.of(state)
        if not self.busy:
            if aim != self._aimed_at:
                self._work = asyncio.create_task(self._carry_out())
        elif self._attempt is not None and aim != self._aimed_at:
            self._attempt.cancel()

    def look_again(self) -> None:
        """Doubt that the last aim stands: the next call of ``follow`` looks at the provider's real state."""
        self._aimed_at = None

    def saw(self, mark: str) -> bool:
        """Return whether a look at the whole node says that the last aim stands.

        Such a look may be older than the last attempt. Then it says the same, and what has happened since it is told by
        who looked; or it says something else, and we look again.

        Args:
            mark: ``OwnedLegs.mark``; empty: it was not said.
        """
        return bool(mark) and mark == self._mark and self._aimed_at is not None

    def raise_if_broken(self) -> None:
        """Raise what a mistake in the engine's own code raised in the background: it must suspend the workflow."""
        if self._work is not None and self._work.done() and (error := self._work.exception()) is not None:
            raise error

    async def _carry_out(self) -> None:
        while self._wanted is not None and (aim := self._wanted) != self._aimed_at:
            self._aimed_at, self._mark = aim, ""
            wanted, summary = self._build(aim)
            self._attempt = workflow.start_activity(
                ARRANGE,
                wanted,
                task_queue=wanted.queue or None,
                result_type=Observation,
                start_to_close_timeout=ATTEMPT_LIMIT,
                heartbeat_timeout=SILENCE,
                schedule_to_close_timeout=TOTAL_LIMIT,
                retry_policy=_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=summary,
            )
            try:
                observation = await self._attempt
                self._mark = observation.mark
                self._report(Observed(aim, observation))
                return  # what was seen decides what comes next, and nothing may come after the last arrangement
            except ActivityError as error:
                self._aimed_at = None
                if self._wanted == aim and not is_cancelled_exception(error):
                    self._report(_failure(aim, error))
                    return
            finally:
                self._attempt = None


def _failure(aim: Aim, error: ActivityError) -> NotArranged:
    cause = error.cause
    permanently = isinstance(cause, ApplicationError) and cause.type == Unsupported.kind
    return NotArranged(aim, permanently, str(cause or error))
