"""The benchmarks run, and the page says what was measured. Nothing here looks at a clock."""

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import reconcile, report, rush
from benchmarks.options import Options
from benchmarks.rows import Asked, Row, percentile
from benchmarks.svg import plot
from hookflash import Mode


def test_percentiles_are_samples() -> None:
    samples = [float(it) for it in range(100, 0, -1)]
    assert [percentile(samples, it) for it in (50, 99, 100)] == [50, 99, 100]
    assert percentile([3, 1, 2], 99) == 3


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        (Asked(ratio_at_most=2), True),
        (Asked(ratio_at_most=1.9), False),
        (Asked(ratio_at_least=2), True),
        (Asked(ratio_at_least=2.1), False),
        (Asked(median_at_most=19), False),
        (Asked(p99_at_most=30), True),
        (Asked(p99_at_most=29), False),
        (Asked(p99_above_reference=18), True),
        (Asked(p99_above_reference=17), False),
        (Asked(p99_ratio_at_most=3), True),
        (Asked(p99_ratio_at_most=2.9), False),
        (Asked(ratio_at_most=2, p99_at_most=29), False),
        (None, None),
    ],
)
def test_reached_is_what_holds_of_all_that_was_asked(asked: Asked | None, reached: bool | None) -> None:
    row = Row("ring", "ms", [20, 10, 30], "Dial()", [9, 10, 12], asked)
    assert row.reached is reached
    assert not reached or Row("ring", "ms", [20, 10, 30], asked=Asked(ratio_at_most=2)).reached is None


def test_a_section_takes_the_place_of_the_one_before_and_leaves_the_rest(tmp_path: Path) -> None:
    page, raw = tmp_path / "performance.md", tmp_path / "raw"
    for name, value in (("first", 1.0), ("second", 2.0), ("first", 3.0)):
        rows = [Row("time", "ms", [value], "bare", [2.0], Asked(ratio_at_most=1)), Row("not measured", "ms")]
        report.write(name, f"The {name}", "About it.", "2 cores", rows, page, raw)
    text = page.read_text()
    assert text.startswith("# Performance")
    assert text.count("## The first") == text.count("## The second") == 1
    assert text.index("## The first") < text.index("## The second")
    assert "| time | ms | 1 | 3 | 3 | bare | 2 | 2 | 1.50 | median <= 1 x | **no** |" in text
    assert "| time | ms | 1 | 2 | 2 | bare | 2 | 2 | 1.00 | median <= 1 x | yes |" in text
    assert "not measured" not in text
    assert json.loads((raw / "first.json").read_text())["rows"][0]["samples"] == [3.0]


def test_a_plot_has_a_line_for_each_series(tmp_path: Path) -> None:
    plot(tmp_path / "new/plot.svg", "Memory", "open", "MB", {"a & b": [(0, 1), (10, 2)], "c": [(0, 0)]})
    text = (tmp_path / "new/plot.svg").read_text()
    assert (text.count("<polyline"), text.count("<circle")) == (2, 3)
    assert "a &amp; b" in text


def test_a_benchmark_runs_and_writes_its_section(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    rows = benchmarks.measure("overhead", Options(samples=1), page, tmp_path / "raw")
    measured = {row.name: row for row in rows}
    assert len(measured["whole transfer"].samples) == len(measured["whole transfer"].reference) == 1
    assert "## What the engine adds to Temporal" in page.read_text()
    assert "python -m benchmarks overhead --samples 1" in page.read_text()


@pytest.mark.asterisk
def test_a_transfer_costs_less_than_an_activity_for_each_request(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    rows = benchmarks.measure("cost", Options(samples=1, share=0.01), page, tmp_path / "raw")
    measured = {row.name: row for row in rows}
    assert len(measured["warm: events"].samples) == len(measured["warm: events"].reference) == 1
    # Only what the engine does with one activity, the reference does with many.
    ratios = {name: row.ratio for name, row in measured.items() if row.reference and name.endswith(": events")}
    assert len(ratios) == len(Mode)
    assert all(ratio is not None and ratio < 1 for ratio in ratios.values()), ratios
    assert "## What a transfer costs" in page.read_text()
    assert "python -m benchmarks cost --samples 1" in page.read_text()


@pytest.mark.asterisk
async def test_a_reconcile_takes_fewer_requests_than_there_are_transfers() -> None:
    requests, told, command = await reconcile.quiet(Options(samples=1, size=24, share=0.1))
    assert requests.samples[0] < 24
    assert all(len(row.samples) == len(row.reference) == 1 for row in (requests, told))
    assert len(command.samples) == len(command.reference) == 2


@pytest.mark.asterisk
async def test_everybody_can_do_the_same_at_once() -> None:
    rows = await rush.run(Options(size=12))
    assert [len(row.samples) for row in rows] == [1, 1, 1, 1]


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        benchmarks.main(["costs"])
    assert "no such benchmark: costs; there are: cost, " in capsys.readouterr().err
