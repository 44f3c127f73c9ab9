import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def test_the_plan_of_the_budgets_is_printed(syncline: Syncline) -> None:
    """`make check` runs it: a plan that cannot fit must not get that far."""
    done = syncline("doctor", "--plan")
    assert done.returncode == 0
    assert "sponsored:requests: 120 requests in 1 h ✅ 12 asked for (sponsored every 5 min = 12)" in done.stdout


def test_the_plan_reads_the_intervals_of_the_environment(syncline: Syncline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan without them would fit on paper alone; one that cannot be read is told by its name."""
    monkeypatch.setenv("VALIDATE_ENTRIES_INTERVAL", "60s")
    done = syncline("doctor", "--plan")
    assert done.returncode == 2
    assert "VALIDATE_ENTRIES_INTERVAL: input should be a valid integer" in done.stderr


def test_intervals_that_overrun_a_budget_are_refused_with_those_that_would_fit(
    syncline: Syncline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone who sets them hears of it before X answers 429."""
    monkeypatch.setenv("VALIDATE_ENTRIES_INTERVAL", "60000")
    monkeypatch.setenv("FAST_DELETE_SWEEP_INTERVAL", "90000")
    done = syncline("doctor", "--plan")
    assert done.returncode == 1
    assert "x:tweetLookup: 15 requests in 15 min ❌ 25 asked for" in done.stdout
    assert "VALIDATE_ENTRIES_INTERVAL=100000, FAST_DELETE_SWEEP_INTERVAL=150000" in done.stdout


def test_the_doctor_fails_where_something_is_wrong(syncline: Syncline, store: Store) -> None:
    """A script that deploys asks it first; its answer is the exit code."""
    done = syncline("doctor", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == (1 if any(one["verdict"] == "error" for one in told) else 0)
    assert {"deployments", "upstreams", "secrets", "database", "prefect", "budget"} == {one["part"] for one in told}
