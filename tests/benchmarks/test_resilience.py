"""The measurements of budgets and breakers, in small."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.databases import Databases
from benchmarks.resilience.backlog import Quota, used_fraction
from benchmarks.resilience.fairness import count_exceeded, count_spurious
from benchmarks.resilience.measure import Extent, measure_resilience
from benchmarks.results import save


@pytest.mark.slow
def test_the_measurements_of_budgets_and_breakers_run_through(tmp_path: Path) -> None:
    """A benchmark that is run once a release has rotted by then."""
    extent = Extent(rounds=1, lap_seconds=0.01, crowd_seconds=0.2, quotas=(), backlog_kinds=())

    report = measure_resilience(Databases(tmp_path, None), extent)

    measured = {(one.what, one.contender, one.processes) for one in report.speeds}
    decisions = ("bucket admission", "bucket denial", "ring admission", "ring denial", "closed breaker")
    assert {(what, "syncline", processes) for what in decisions for processes in (1, 4)} <= measured
    assert all(one.right == 1 for one in report.speeds if one.contender in {"syncline", "raw"})
    kept = {goal.what: goal.met for goal in report.goals}
    assert kept["sqlite: 4 processes at one window, limit exceeded by"]
    assert kept["sqlite: 4 processes at one window, spurious denials"]
    assert kept["sqlite: hits before the breaker opens, 12 one-call processes"]


def test_a_limit_counts_as_exceeded_only_where_it_surely_was() -> None:
    """A process that was held up between asking and hearing proves nothing."""
    two_at_once = [(0.0, 0.1), (0.1, 0.2), (1.2, 1.3)]
    assert count_exceeded(two_at_once, limit=2, period_seconds=1) == 0
    assert count_exceeded([*two_at_once, (0.3, 0.9)], limit=2, period_seconds=1) == 1
    assert count_exceeded([*two_at_once, (0.3, 1.1)], limit=2, period_seconds=1) == 0


def test_a_denial_counts_as_spurious_only_where_there_surely_was_room() -> None:
    """Anyone who was denied while others were being admitted may have come after them."""
    admitted = [(0.0, 0.1), (0.5, 0.6)]
    assert count_spurious(admitted, [(0.55, 0.7)], limit=2, period_seconds=1) == 0
    assert count_spurious(admitted, [(0.2, 0.3)], limit=2, period_seconds=1) == 1
    assert count_spurious(admitted, [(1.2, 1.3)], limit=2, period_seconds=1) == 1


def test_a_quota_is_used_as_far_as_the_upstreams_window_is_full() -> None:
    """Bursts of the whole quota every 1.01 periods leave it empty for a hundredth of the time."""
    bursts = [at for at in (0.0, 10.1, 20.2, 30.3) for _ in range(5)]
    quota = Quota(limit=5, period_seconds=10)
    assert used_fraction(bursts, quota) == pytest.approx(0.99)
    assert used_fraction([0.0] * 5, quota) == 0


def test_each_part_of_the_benchmark_leaves_the_others_figures_alone(tmp_path: Path) -> None:
    """Half an hour's measurement must not be lost to a run of another part."""
    results = tmp_path / "results.json"
    save(results, b'{"figures": [1], "date": "then"}')
    save(results, b'{"resilience": {"speeds": [3]}}')
    save(results, b'{"figures": [2]}')
    expected = {"figures": [2], "date": "then", "resilience": {"speeds": [3]}}
    assert msgspec.json.decode(results.read_bytes()) == expected
