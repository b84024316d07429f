"""The percentiles of a report."""

from datetime import timedelta

import pytest

from hookflash._operators.report import spread


@pytest.mark.parametrize(
    ("number", "p50", "p90", "p99"), [(1, 1, 1, 1), (2, 1, 2, 2), (10, 5, 9, 10), (100, 50, 90, 99), (101, 51, 91, 100)]
)
def test_percentiles_are_times_that_there_were(number: int, p50: int, p90: int, p99: int) -> None:
    found = spread([timedelta(seconds=it) for it in range(number, 0, -1)])
    assert [it.total_seconds() for it in (found.p50, found.p90, found.p99, found.longest)] == [p50, p90, p99, number]
    assert found.number == number
