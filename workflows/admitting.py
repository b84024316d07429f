"""Asks the tenant's policy whom a transfer may ring."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from activities.admission import ADMIT, AdmissionInput, Verdict
from hookflash import Target, TransferRequest
from hookflash._summary import name_of
from workflows.wording import shorten

AT_ONCE = timedelta(seconds=1)
"""How long the question may hold up a workflow task: longer than an answer takes on a starved machine, and less than
what the task has."""


async def admit_at_once(request: TransferRequest, targets: Sequence[Target]) -> Verdict | None:
    """Ask as ``admit`` does, but first within the present workflow task, which saves a round trip and a task.

    For the beginning of a transfer only: until there is an answer, the transfer hears of nothing. Without one the
    question is an activity of its own as ever, with its retries and its limits, and everybody is heard meanwhile.
    """
    asked, summary = _question(request, targets)
    try:
        # One attempt: the SDK goes on for ever with others, whatever schedule_to_close_timeout says (measured).
        return await workflow.execute_local_activity(
            ADMIT,
            asked,
            result_type=Verdict,
            start_to_close_timeout=AT_ONCE,
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=summary,
        )
    except FailureError:
        return await admit(request, targets)


async def admit(request: TransferRequest, targets: Sequence[Target]) -> Verdict | None:
    """Return what the tenant's policy says; None if nobody can be asked, and then nobody may be rung.

    Args:
        request: What is asked for, and for whom.
        targets: Who is to be rung.

    Raises:
        ApplicationError: Type ``InvalidRequest``: the request can never be carried out.
    """
    asked, summary = _question(request, targets)
    try:
        return await workflow.execute_activity(
            ADMIT,
            asked,
            result_type=Verdict,
            start_to_close_timeout=timedelta(seconds=2),
            schedule_to_close_timeout=timedelta(seconds=15),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
            summary=summary,
        )
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == "InvalidRequest":
            raise error.cause from error
        return None


def _question(request: TransferRequest, targets: Sequence[Target]) -> tuple[AdmissionInput, str]:
    """Return what the activity is asked, and how operators read it."""
    asked = AdmissionInput(tenant=request.tenant, mode=request.mode, provider=request.provider, targets=tuple(targets))
    more = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
    return asked, shorten(f"May tenant {request.tenant} ring {name_of(targets[0])}{more}?")
