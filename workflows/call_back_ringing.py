"""Carries out one attempt of a call-back: keeps its aim true until the two are together or nobody is left."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.arrange import ARRANGE, ATTEMPT_LIMIT
from activities.signs_of_life import SILENCE
from activities.telephony.model import Observation, Phase, Placement
from hookflash._summary import in_words
from workflows.call_back_attempt import Aim, Attempt, CalledLeg
from workflows.limits import AWAY_LIMIT, CAUSE_FOLLOWS

TOTAL_LIMIT = timedelta(seconds=10)
"""How long Temporal tries again by itself."""

_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=1))

_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=10)
"""Between two such rounds, doubled each time: the provider will be back, and until then the history must not fill up
(https://docs.temporal.io/workflow-execution/limits)."""

_Answer = TypeVar("_Answer")


async def bring_together(attempt: Attempt) -> bool:
    """Ring the caller, and then the customer.

    Returns:
        Whether both are on the line; if not, everybody has been released, or the provider stays away.
    """
    limits = (
        # From the dialling: while the provider cannot be reached, nobody waits, and the attempt is merely late.
        asyncio.create_task(_limit(attempt.caller, lambda: attempt.caller.phase > Phase.NEW)),
        # From the caller's answer: now somebody waits, also while the provider cannot be reached.
        asyncio.create_task(_limit(attempt.customer, lambda: attempt.caller.answered)),
    )
    pause, reached_at = _PAUSE, workflow.now()
    while not attempt.together:
        aim, attempt.doubted, attempt.mark = attempt.aim, False, ""
        stands = await _arrange(attempt, aim)
        if stands and attempt.over and attempt.aim == aim:
            break
        if stands:
            reached_at = workflow.now()
        elif workflow.now() - reached_at >= AWAY_LIMIT:
            attempt.away_since = reached_at
            break
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda aim=aim: attempt.aim != aim or attempt.doubted,
                timeout=None if stands else pause,
                timeout_summary=f"Try the provider again ({in_words(pause)})",
            )
        failed_again = not stands and attempt.aim == aim
        pause = min(2 * pause, _LONGEST_PAUSE) if failed_again else _PAUSE
    for limit in limits:
        limit.cancel()
    if attempt.failed is not None:
        await _learn_why(attempt.failed)
    return attempt.together


async def unless(overtaken: Callable[[], bool], work: workflow.ActivityHandle[_Answer]) -> _Answer:
    """Wait for an activity. When it is overtaken it is asked to stop, and its end is waited for all the same.

    Raises:
        ActivityError: It failed, or it did stop.
    """
    await workflow.wait_condition(lambda: work.done() or overtaken())
    if not work.done():
        work.cancel()
    return await work


async def _arrange(attempt: Attempt, aim: Aim) -> bool:
    """Make an aim true, unless there is a newer one meanwhile. Returns whether it was."""
    wanted = attempt.arrangement(aim)
    work = workflow.start_activity(
        ARRANGE,
        wanted,
        task_queue=wanted.queue or None,
        result_type=Observation,
        start_to_close_timeout=ATTEMPT_LIMIT,
        heartbeat_timeout=SILENCE,
        schedule_to_close_timeout=TOTAL_LIMIT,
        retry_policy=_RETRY,
        # Two aims must never be carried out side by side: attempts are short, and the end of the older is waited for.
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=_summary(attempt, aim),
    )
    try:
        observation = await unless(lambda: attempt.aim != aim, work)
    except ActivityError:
        return False
    for seen in observation.legs:
        attempt.saw(seen)
    attempt.mark = observation.mark
    return observation.stands


async def _limit(leg: CalledLeg, begun: Callable[[], bool]) -> None:
    """Let the time of a leg to answer be over; the provider's own limit stands behind it."""
    await workflow.wait_condition(begun)
    limit = leg.dial.ring_timeout
    try:
        await workflow.wait_condition(
            lambda: leg.phase > Phase.RINGING,
            timeout=limit,
            timeout_summary=f"Ring {leg.name} ({in_words(limit)})",
        )
    except TimeoutError:
        leg.expired = True


async def _learn_why(leg: CalledLeg) -> None:
    """Give the event that says why a leg ended a moment to arrive: 'busy' says more than 'gone'."""
    with contextlib.suppress(asyncio.TimeoutError):
        text = f"Why a leg ended is still to be told ({in_words(CAUSE_FOLLOWS)})"
        await workflow.wait_condition(lambda: leg.cause is not None, timeout=CAUSE_FOLLOWS, timeout_summary=text)


def _summary(attempt: Attempt, aim: Aim) -> str:
    if attempt.over:
        return f"Release {attempt.caller.name} and {attempt.customer.name}"
    leg = (attempt.caller, attempt.customer)[len(aim) - 1]
    placement, expired = aim[-1]
    if expired:
        return f"{leg.name}: release unless answered"
    verb = "Ring" if placement is Placement.RINGING and leg.phase is Phase.NEW else "Look at"
    return f"{verb} {leg.name} ({in_words(leg.dial.ring_timeout)})"
