"""Measures a call-back for whoever runs the engine, once and at its end, as `workflows/measuring.py` does a transfer.

That a call-back was promised is the transfer's to count: it ends with the outcome ``callback_scheduled``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from temporalio import workflow

from activities import metrics
from hookflash import Cause
from workflows.measuring import first_time

WhyNot = tuple[str | None, Cause | None]
"""Who was not there in an attempt, and why it came to nothing."""


def measure_call_back(
    where: Mapping[str, str], outcome: str, attempts: Sequence[WhyNot], promised_for: datetime, *, kept: bool
) -> None:
    """Count a call-back that is over, its attempts, and how late it was.

    Args:
        where: The labels ``provider`` and ``tenant``.
        outcome: What has come of it.
        attempts: Every attempt, in order.
        promised_for: When it was to be.
        kept: Whether both are on the line, since now.
    """
    if not first_time():
        return
    workflow.logger.info("the call-back is over: %s", outcome)
    meter = workflow.metric_meter()
    # One that was called off before its time has no attempts.
    told = [{**where, "failed": failed or "", "cause": cause.value if cause else ""} for failed, cause in attempts]
    for labels in told:
        metrics.count(meter, metrics.CALL_BACK_ATTEMPTS, labels)
    last = told[-1] if told else where
    metrics.count(meter, metrics.CALL_BACKS_FINISHED, {**last, "outcome": outcome})
    if kept:
        metrics.measure(meter, metrics.CALL_BACK_LATENESS, where, workflow.now() - promised_for)
