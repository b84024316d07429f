"""Asks the tenant's policy, before anything is touched."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from activities.admission import ADMIT, ANSWER_LIMIT, AdmissionInput, Verdict
from hookflash import Target, TransferRequest
from hookflash._summary import name_of
from workflows.wording import shorten


async def admit(
    request: TransferRequest,
    targets: Sequence[Target],
    note: Callable[[str], None],
    *,
    agent: Sequence[Target] = (),
    places: Sequence[str] = (),
    caller_ids: Sequence[str] = (),
) -> Verdict | None:
    """Return what the tenant's policy says; None if nobody can be asked, and then nothing is dialled.

    Everything is asked in one question: another one would be two more events in every history.

    Args:
        request: The transfer.
        targets: Who is to be rung.
        note: Writes a line of the journal.
        agent: The agent, if a fallback may ring them; judged after the targets.
        places: Where the customer may have to go on.
        caller_ids: Numbers that may have to be shown.

    Raises:
        ApplicationError: Type ``InvalidRequest``: the request can never be carried out here.
    """
    asked = AdmissionInput(
        tenant=request.tenant,
        mode=request.mode,
        provider=request.provider,
        targets=(*targets, *agent),
        places=tuple(places),
        caller_ids=tuple(caller_ids),
    )
    more = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
    summary = shorten(f"May tenant {request.tenant} ring {name_of(targets[0])}{more}?")
    try:
        return await workflow.execute_activity(
            ADMIT,
            asked,
            result_type=Verdict,
            start_to_close_timeout=ANSWER_LIMIT,
            schedule_to_close_timeout=timedelta(seconds=15),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
            summary=summary,
        )
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == "InvalidRequest":
            raise error.cause from error
        note("the policy could not be asked")
        return None
