"""What the engine counts and measures, in the trade's words: one table, from which all that records takes its names.

Everything goes through the meter of the Temporal runtime, so one Prometheus endpoint has the SDK's metrics (slots,
pollers, latencies) and these. Workflows record with the workflow's meter, which is silent during replay. No label ever
holds an id, a number or a name of a person.
"""

import threading
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from temporalio.common import MetricMeter

NONE = "none"
"""Value of a label that does not apply: every series of a metric has the same labels."""

TENANT = "tenant"
"""Label that is left out unless `label_tenants` was called: whoever starts transfers makes up its values."""

_left_out = {TENANT}


class Kind(StrEnum):
    """How a metric is to be read."""

    COUNTER = "counter"
    """Only grows. Prometheus calls it ``NAME_total``."""
    HISTOGRAM = "histogram"
    """Durations. Prometheus calls it ``NAME_seconds``, with ``_bucket``, ``_sum`` and ``_count``."""
    GAUGE = "gauge"
    """What is the case now."""


class Metric(NamedTuple):
    """One row of the table."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in seconds."""

    @property
    def exported(self) -> str:
        """Its name in Prometheus."""
        suffix = {Kind.COUNTER: "_total", Kind.HISTOGRAM: "_seconds", Kind.GAUGE: ""}
        return self.name + suffix[self.kind]

    @property
    def unit(self) -> str:
        """What it counts in."""
        return "seconds" if self.kind is Kind.HISTOGRAM else "1"


_REACTIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)
_RINGS = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 90.0, 120.0)
_LATENESS = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0)
_WAITS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0)

TRANSFERS_FINISHED = Metric(
    "hookflash_transfers_finished",
    Kind.COUNTER,
    ("mode", "outcome", "cause", "provider", "tenant"),
    "Transfers that are over. `cause` is `none` where there is nothing to explain, as for `connected`.",
)
ATTEMPTS_FINISHED = Metric(
    "hookflash_attempts_finished",
    Kind.COUNTER,
    ("mode", "cause", "provider", "tenant"),
    "Targets that were tried, or denied. `cause` says why it ended, and is `none` for one who was still there.",
)
FALLBACKS_TRIED = Metric(
    "hookflash_fallbacks_tried",
    Kind.COUNTER,
    ("mode", "kind", "took_customer", "provider", "tenant"),
    "Entries of the fallback lists that were tried, and whether the customer ended up there (`true`, `false`).",
)
TIME_TO_HOLD = Metric(
    "hookflash_time_to_hold",
    Kind.HISTOGRAM,
    ("mode", "provider", "tenant"),
    "From the begin of a transfer until the provider has the customer on hold for the first time.",
    _REACTIONS,
)
RING_DURATION = Metric(
    "hookflash_ring_duration",
    Kind.HISTOGRAM,
    ("mode", "answered", "provider", "tenant"),
    "From dialling a target until it answers, or until its leg ends (`answered` is `true` or `false`).",
    _RINGS,
)
CONSULT_DURATION = Metric(
    "hookflash_consult_duration",
    Kind.HISTOGRAM,
    ("mode", "provider", "tenant"),
    "Agent and target in private, in all, for each transfer in which they talked.",
    _WAITS,
)
HOLD_DURATION = Metric(
    "hookflash_hold_duration",
    Kind.HISTOGRAM,
    ("mode", "outcome", "provider", "tenant"),
    "The customer without a person, in all, for each transfer in which it happened.",
    _WAITS,
)
ANSWER_TO_CONNECTED = Metric(
    "hookflash_answer_to_connected",
    Kind.HISTOGRAM,
    ("mode", "provider", "tenant"),
    "From the moment the engine has heard that a target is let in (at the answer, or when it accepted) until the "
    "arrangement with it in the room stands. Where the provider joins by itself, they hear each other earlier.",
    _REACTIONS,
)
RECONCILE_CORRECTIONS = Metric(
    "hookflash_reconcile_corrections",
    Kind.COUNTER,
    ("mode", "provider", "tenant"),
    "News of legs that no event had told, found by the look at the real state after a listener was back.",
)
CALL_BACKS_FINISHED = Metric(
    "hookflash_call_backs_finished",
    Kind.COUNTER,
    ("outcome", "failed", "cause", "provider", "tenant"),
    "Promised call-backs that are over. `outcome` is `connected` (kept), `not_reached`, `denied` or `cancelled`; "
    "`failed` (`caller`, `customer`) and `cause` are those of the last attempt, and `none` where nobody failed.",
)
CALL_BACK_ATTEMPTS = Metric(
    "hookflash_call_back_attempts",
    Kind.COUNTER,
    ("failed", "cause", "provider", "tenant"),
    "Attempts to call customers back. `failed` says who was not there, and is `none` for an attempt that came about, "
    "or that the provider did not make.",
)
CALL_BACK_LATENESS = Metric(
    "hookflash_call_back_lateness",
    Kind.HISTOGRAM,
    ("provider", "tenant"),
    "From the moment for which a call-back was promised until both were on the line: the time until a phone was "
    "answered, the attempts that failed and their pauses. For those that were kept.",
    _LATENESS,
)
ARRANGE_DURATION = Metric(
    "hookflash_arrange_duration",
    Kind.HISTOGRAM,
    ("provider", "result"),
    "One attempt to make an arrangement true. `result` is `stands`, `surprise` (a leg had ended), `cancelled`, or the "
    "kind of the error: `ProviderUnavailable`, `OutcomeUnknown`, `ProtocolError`, `Unsupported`.",
    _REACTIONS,
)
LISTENER_UP = Metric(
    "hookflash_listener_up",
    Kind.GAUGE,
    ("provider",),
    "1 while this process hears the events of a node, else 0. Every worker, engines too, says 0 for each node of its "
    "settings. One process at a time hears a node, so look at the greatest of all.",
)
INGRESS_UP = Metric(
    "hookflash_ingress_up",
    Kind.GAUGE,
    ("provider",),
    "1 while this process takes the webhooks of a node. Every worker that reaches such a node says 0. So look at the "
    "greatest of all.",
)
LEGS_OPEN = Metric(
    "hookflash_legs_open",
    Kind.GAUGE,
    ("provider",),
    "Legs on a node that a transfer, a watch or a call-back has in its care: counted by the process that hears the "
    "node, when it begins and every 15 seconds; 0 in all others. So look at the greatest of all.",
)
EVENTS_HEARD = Metric(
    "hookflash_events_heard",
    Kind.COUNTER,
    ("provider", "kind"),
    "Events of legs that a listener has heard.",
)
LISTENER_LOOKS = Metric(
    "hookflash_listener_looks",
    Kind.COUNTER,
    ("provider",),
    "Transfers that were told of the real state, or to look at it, because a listener has (re)connected.",
)
WEBHOOKS_RECEIVED = Metric(
    "hookflash_webhooks_received",
    Kind.COUNTER,
    ("provider", "kind"),
    "Webhooks that were the provider's own and have been answered, those included that told nothing new. `kind` says "
    "what they were about: `leg`, `room`, `screen`, `hold`, `say`, `tone`.",
)
WEBHOOKS_REFUSED = Metric(
    "hookflash_webhooks_refused",
    Kind.COUNTER,
    ("provider", "reason"),
    "Webhooks that were not taken. `reason` is `no_signature`, `wrong_signature`, `unknown_key`, `forged_path`, "
    "`unknown_path`, `method`, `content_type`, `too_large`, `too_slow`, `malformed`, `overloaded`, or `temporal` "
    "(which did not take the signal in time).",
)

METRICS = (
    TRANSFERS_FINISHED,
    ATTEMPTS_FINISHED,
    FALLBACKS_TRIED,
    TIME_TO_HOLD,
    RING_DURATION,
    CONSULT_DURATION,
    HOLD_DURATION,
    ANSWER_TO_CONNECTED,
    RECONCILE_CORRECTIONS,
    CALL_BACKS_FINISHED,
    CALL_BACK_ATTEMPTS,
    CALL_BACK_LATENESS,
    ARRANGE_DURATION,
    LISTENER_UP,
    INGRESS_UP,
    LEGS_OPEN,
    EVENTS_HEARD,
    LISTENER_LOOKS,
    WEBHOOKS_RECEIVED,
    WEBHOOKS_REFUSED,
)
"""All of them. ``docs/telemetry.md`` has the same table."""


def label_tenants() -> None:
    """Have the tenant as a label, from now on and in the whole process."""
    _left_out.discard(TENANT)


class Recorded:
    """Remembers what has been recorded in this process.

    A task of a workflow can be done again although nothing went wrong: Temporal refuses the end of a workflow for which
    an event has come in meanwhile, and that is common where everybody hangs up at once.
    """

    def __init__(self, most: int = 10_000) -> None:
        """Remember so many, and forget the oldest of them."""
        self._most = most
        self._keys: dict[str, None] = {}
        self._lock = threading.Lock()  # workflows run in several threads

    def first_time(self, key: str) -> bool:
        """Return whether this is new, and remember it."""
        with self._lock:
            new = key not in self._keys
            self._keys[key] = None
            while len(self._keys) > self._most:
                del self._keys[next(iter(self._keys))]
            return new


RUNS_RECORDED = Recorded()
"""Run ids of transfers and call-backs. All workflows of a process share it; none may decide anything by it."""


def count(meter: MetricMeter, metric: Metric, labels: Mapping[str, str], by: int = 1) -> None:
    """Add to a counter."""
    meter.create_counter(metric.name, metric.meaning).add(by, _all_labels(metric, labels))


def measure(meter: MetricMeter, metric: Metric, labels: Mapping[str, str], took: timedelta) -> None:
    """Record a duration. One below nothing, which clocks of different machines can make, is nothing."""
    histogram = meter.create_histogram_timedelta(metric.name, metric.meaning, "duration")
    histogram.record(max(took, timedelta()), _all_labels(metric, labels))


def show(meter: MetricMeter, metric: Metric, labels: Mapping[str, str], value: int) -> None:
    """Set a gauge."""
    meter.create_gauge(metric.name, metric.meaning).set(value, _all_labels(metric, labels))


def _all_labels(metric: Metric, labels: Mapping[str, str]) -> dict[str, str]:
    """Return exactly the labels of the table.

    Raises:
        ValueError: One is given that is not in the table: it would split what is one series.
    """
    unknown = set(labels) - set(metric.labels)
    if unknown:
        raise ValueError(f"{metric.name} has no label {', '.join(sorted(unknown))}")
    return {label: labels.get(label) or NONE for label in metric.labels if label not in _left_out}
