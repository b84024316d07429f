"""Measures a transfer for whoever runs the engine; see ``activities/metrics.py`` for what each metric means.

Everything is recorded at the end, once for each run. The meter's silence during replay is not enough for that: a task
that is done again is no replay (see ``Recorded``), and a worker that has not kept the workflow in memory was seen to
record twice in its middle (temporalio 1.35, with updates and queries in between).

Nothing here may change what the workflow does: recorded histories must replay.
"""

from datetime import datetime, timedelta

from temporalio import workflow

from activities import metrics
from hookflash import Attempt, TransferRequest, TransferResult
from workflows.core import LegRef, Standing, State
from workflows.ledger import Ledger


def first_time() -> bool:
    """Return whether this run is to be recorded now: it is no replay, and was not recorded in this process."""
    # Looked at first: a replay must not use up the first time.
    return not workflow.unsafe.is_replaying() and metrics.RUNS_RECORDED.first_time(workflow.info().run_id)


class Measuring:
    """Is told what the provider has made true, and what came of it all."""

    def __init__(self, request: TransferRequest, ledger: Ledger) -> None:
        """Measure one transfer.

        Args:
            request: Whose labels are used.
            ledger: Knows when what happened.
        """
        self.reconciling = False
        """Whether the next look at the real state follows a listener's new connection."""
        self._request = request
        self._ledger = ledger
        self._time_to_hold: timedelta | None = None
        self._to_connected: dict[LegRef, timedelta] = {}
        self._corrections = 0

    def saw(self) -> None:
        """Note that a look at the real state has found what no event had told."""
        self._corrections += self.reconciling

    def stands(self, state: State, now: datetime) -> None:
        """Note how long it took until people were where this state wants them."""
        if state.customer is Standing.ON_HOLD and self._time_to_hold is None:
            self._time_to_hold = now - self._ledger.started_at
        leg = state.target_leg
        let_in_at = self._ledger.let_in_at(leg) if leg and state.target is Standing.IN_ROOM else None
        if leg and let_in_at:
            self._to_connected.setdefault(leg, now - let_in_at)

    def finished(self, result: TransferResult) -> None:
        """Count a transfer that is over, and everything it took; the log has one line of it."""
        if not first_time():
            return
        outcome, cause = result.outcome.value, result.cause.value if result.cause else ""
        workflow.logger.info("the transfer is over: %s", f"{outcome}, {cause}" if cause else outcome)
        meter = workflow.metric_meter()
        metrics.count(meter, metrics.TRANSFERS_FINISHED, self._labels(outcome=outcome, cause=cause))
        for attempt in result.attempts:
            why = attempt.cause.value if attempt.cause else ""
            metrics.count(meter, metrics.ATTEMPTS_FINISHED, self._labels(cause=why))
            if (rang := _rang(attempt, result.ended_at)) is not None:
                answered = "true" if attempt.answered_at else "false"
                self._measure(metrics.RING_DURATION, rang, answered=answered)
        for tried in result.fallbacks:
            took_customer = "true" if tried.took_customer else "false"
            labels = self._labels(kind=tried.kind, took_customer=took_customer)
            metrics.count(meter, metrics.FALLBACKS_TRIED, labels)
        if self._corrections:
            metrics.count(meter, metrics.RECONCILE_CORRECTIONS, self._labels(), self._corrections)
        if self._time_to_hold is not None:
            self._measure(metrics.TIME_TO_HOLD, self._time_to_hold)
        for took in self._to_connected.values():
            self._measure(metrics.ANSWER_TO_CONNECTED, took)
        if result.held:
            self._measure(metrics.HOLD_DURATION, result.held, outcome=outcome)
        if result.consulting:
            self._measure(metrics.CONSULT_DURATION, result.consulting)

    def _measure(self, metric: metrics.Metric, took: timedelta, **labels: str) -> None:
        metrics.measure(workflow.metric_meter(), metric, self._labels(**labels), took)

    def _labels(self, **more: str) -> dict[str, str]:
        request = self._request
        return {"mode": request.mode.value, "provider": request.provider, metrics.TENANT: request.tenant, **more}


def _rang(attempt: Attempt, over: datetime) -> timedelta | None:
    """Return how long a target rang, None if it was never dialled."""
    if attempt.dialled_at is None:
        return None
    return (attempt.answered_at or attempt.ended_at or over) - attempt.dialled_at
