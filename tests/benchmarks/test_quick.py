"""The benchmark itself, on few items."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import main
from benchmarks.dataset import Dataset, Products
from benchmarks.jobs import JobsReport
from benchmarks.looks import LooksReport
from benchmarks.portfolios import PortfoliosReport
from benchmarks.report import Report

ITEMS = "1000"


@pytest.mark.slow
def test_a_quick_run_measures_the_contenders_side_by_side_and_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A benchmark that is run once a release has rotted by then; a wrong table or counter ends it with exit code 1."""
    results = tmp_path / "results.json"
    chosen = ["--quick", "--sqlite-only", "--items", ITEMS, "--only", "floor", "prototype", "engine"]

    code = main([*chosen, "--output", str(results)])

    assert code == 0, capsys.readouterr().err
    report = msgspec.json.decode(results.read_bytes(), type=Report)
    measured = {(figure.contender, str(figure.work)) for figure in report.figures}
    works = {"full", "noop", "incr", "delta", "latency"}
    assert measured == {("floor", "full"), ("floor", "noop")} | {
        (name, work) for name in ("prototype", "engine") for work in works
    }
    assert all(figure.ratios["prototype"] > 0 for figure in report.figures if figure.contender == "engine")
    assert "| sqlite | noop | engine |" in capsys.readouterr().out


@pytest.mark.slow
def test_a_look_costs_less_by_a_fork(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The goal is kept by a machine at rest; that the fork's share is counted, and is the smaller one, by any."""
    results = tmp_path / "results.json"
    assert main(["--quick", "--only", "looks", "--output", str(results)]) == 0
    report = msgspec.json.decode(results.read_bytes(), type=dict[str, LooksReport])["looks"]
    by_itself, by_fork = report.looks
    assert 0.02 < by_fork.cpu_seconds < by_itself.cpu_seconds
    assert "| by a fork |" in capsys.readouterr().out


@pytest.mark.slow
def test_a_sweep_over_wallets_asks_little(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Requests are counted, not timed: the goals are kept by any machine."""
    results = tmp_path / "results.json"
    assert main(["--quick", "--sqlite-only", "--only", "portfolios", "--output", str(results)]) == 0
    report = msgspec.json.decode(results.read_bytes(), type=dict[str, PortfoliosReport])["portfolios"]
    by_way = {sweep.way: sweep for sweep in report.sweeps}
    assert by_way["batches"].calls > 10 * by_way["multicall"].calls
    assert by_way["multicall"].requests == 6 + 3  # 51 balances of 200 wallets; the head, tokens' descriptions, failures
    assert "| multicall |" in capsys.readouterr().out


@pytest.mark.slow
def test_jobs_are_measured_and_adaptive_freshness_keeps_its_goal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What depends on the machine is shown alone; memory and freshness do not."""
    results = tmp_path / "results.json"
    assert main(["--quick", "--sqlite-only", "--only", "jobs", "--output", str(results)]) == 0
    report = msgspec.json.decode(results.read_bytes(), type=dict[str, JobsReport])["jobs"]
    assert [one.batch for one in report.claims] == [1, 10, 100]
    assert report.claims[0].jobs_a_cpu_second < report.claims[-1].jobs_a_cpu_second
    assert all(one.gap < 0.02 and one.uniform < one.adaptive < one.optimum for one in report.freshness)
    assert all(one.grown_mb < 50 for one in report.days)
    assert "| syncline | sqlite | 100 |" in capsys.readouterr().out


def test_a_changed_dataset_differs_in_one_percent_and_lacks_one_in_a_thousand() -> None:
    """All contenders are checked against these numbers."""
    base = Products.base(2000)
    changed = base.changed(Dataset.CHANGED)  # 20 changed, 2 gone
    again = changed.changed(Dataset.AGAIN)  # 20 others changed

    assert len(base.rows) - len(changed.rows) == 2
    assert len(set(changed.rows) - set(base.rows)) == 20
    assert len(again.rows) == len(changed.rows)
    assert len(set(again.rows) - set(changed.rows)) == 20
    assert len(again.recent) == 40
