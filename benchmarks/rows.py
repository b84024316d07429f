"""One measured thing: its samples, what it is compared with, and what was asked of it."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A limit that was set before it was measured. All parts that are given have to hold."""

    ratio_at_most: float | None = None
    """Median of the samples, in medians of the reference."""
    ratio_at_least: float | None = None
    """The same, where more is better."""
    median_at_most: float | None = None
    """In the unit of the row."""
    p99_at_most: float | None = None
    """In the unit of the row."""
    p99_above_reference: float | None = None
    """How much the 99th percentile may be above the reference's, in the unit of the row."""
    p99_ratio_at_most: float | None = None
    """The 99th percentile, in medians of the reference."""

    def __str__(self) -> str:
        """Return it in words."""
        parts = (
            ("median <= {:.3g} x", self.ratio_at_most),
            ("median >= {:.3g} x", self.ratio_at_least),
            ("median <= {:g}", self.median_at_most),
            ("p99 <= {:g}", self.p99_at_most),
            ("p99 <= its p99 + {:g}", self.p99_above_reference),
            ("p99 <= {:.3g} x", self.p99_ratio_at_most),
        )
        return ", ".join(text.format(value) for text, value in parts if value is not None)


@dataclass
class Row:
    """A line of the report."""

    name: str
    unit: str
    samples: list[float] = field(default_factory=list[float])
    against: str = ""
    """What the reference is. Empty: there is none."""
    reference: list[float] = field(default_factory=list[float])
    """Samples of it, taken in turns with the others."""
    asked: Asked | None = None

    @property
    def ratio(self) -> float | None:
        """Return the median in medians of the reference, None if there is nothing to compare."""
        if not self.samples or not self.reference or not median(self.reference):
            return None
        return median(self.samples) / median(self.reference)

    @property
    def reached(self) -> bool | None:
        """Return whether everything holds that was asked; None if nothing was, or nothing was measured."""
        asked, ratio = self.asked, self.ratio
        if asked is None or not self.samples:
            return None
        compares = (asked.ratio_at_most, asked.ratio_at_least, asked.p99_above_reference, asked.p99_ratio_at_most)
        if ratio is None and any(it is not None for it in compares):
            return None
        own, other = percentile(self.samples, 99), percentile(self.reference, 99) if self.reference else math.nan
        checks = (
            asked.ratio_at_most is None or (ratio or 0) <= asked.ratio_at_most,
            asked.ratio_at_least is None or (ratio or 0) >= asked.ratio_at_least,
            asked.median_at_most is None or median(self.samples) <= asked.median_at_most,
            asked.p99_at_most is None or own <= asked.p99_at_most,
            asked.p99_above_reference is None or own <= other + asked.p99_above_reference,
            asked.p99_ratio_at_most is None or own <= asked.p99_ratio_at_most * median(self.reference),
        )
        return all(checks)


def median(samples: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(samples)


def percentile(samples: Sequence[float], per_cent: float) -> float:
    """Return the smallest sample that so many per cent are not above (nearest rank): of few samples, the largest."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(per_cent / 100 * len(ordered)) - 1)]
