"""The page docs/telemetry.md: its table of metrics is that of the code."""

import re
from pathlib import Path

from activities.metrics import METRICS, Recorded

PAGE = Path(__file__).resolve().parent.parent / "docs" / "telemetry.md"
ROW = re.compile(r"^\| `(hookflash_\w+)` \| (\w+) \| (\w+) \| (.*?) \| (.*) \|$", re.MULTILINE)


def test_the_page_has_every_metric_as_the_code_has_it() -> None:
    assert ROW.findall(PAGE.read_text()) == [
        (it.exported, it.kind.value, it.unit, ", ".join(f"`{label}`" for label in it.labels), it.meaning)
        for it in METRICS
    ]


def test_names_are_unique_and_durations_have_buckets() -> None:
    assert len({it.exported for it in METRICS}) == len(METRICS)
    for it in METRICS:
        assert bool(it.buckets) == (it.unit == "seconds"), it.name
        assert list(it.buckets) == sorted(it.buckets), it.name


def test_only_what_is_long_ago_is_forgotten() -> None:
    recorded = Recorded(most=2)
    assert [recorded.first_time(it) for it in ("a", "b", "a", "b")] == [True, True, False, False]
    assert recorded.first_time("c")
    assert not recorded.first_time("b")
    assert recorded.first_time("a")
