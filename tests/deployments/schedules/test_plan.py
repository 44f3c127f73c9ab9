"""Intervals that the environment sets, by a prefect.yaml of the test's own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.schemas.schedules import IntervalSchedule
from support.pace import PacedSettings

from deployments.schedules.file import Deployment, read_deployments
from deployments.schedules.plan import planned, schedules_of
from syncline.model.budgets import SlidingWindow
from syncline.resilience.plan import Demand, loads
from syncline.settings import Settings, load_settings

PREFECT_YAML = """
deployments:
  - name: twitter_poller
    flow_name: sync-twitter_poller
    entrypoint: flows.twitter_poller.sync_twitter_poller
    schedules: [{slug: poll, interval: 120, anchor_date: "2026-01-01T00:01:00+00:00"}]
  - name: validate_entries
    flow_name: sync-validate_entries
    entrypoint: flows.validate_entries.sync_validate_entries
    schedules:
      - {slug: day, cron: "*/3 6-22 * * *", timezone: Europe/Berlin, parameters: {mode: incremental}}
      - {slug: night, cron: "0 3 * * *"}
  - name: validate_everything
    flow_name: sync-validate_entries
    entrypoint: flows.validate_entries.sync_validate_entries
    schedules: [{slug: weekly, cron: "0 4 * * 0"}]
"""
VARIABLES = ("TWITTER_POLL_INTERVAL", "VALIDATE_ENTRIES_INTERVAL", "FAST_DELETE_SWEEP_INTERVAL")


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Deployment]:
    """The deployments of such a file; nothing in the environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prefect.yaml").write_text(PREFECT_YAML)
    return read_deployments(tmp_path / "prefect.yaml")


def test_a_variable_sets_the_interval_in_milliseconds(given: list[Deployment], monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule is the same one, faster: its slug is how Prefect knows whether somebody stopped it."""
    monkeypatch.setenv("TWITTER_POLL_INTERVAL", "90000")
    poller, *others = planned(load_settings(), given)
    (schedule,) = poller.schedules
    assert (schedule.slug, schedule.interval) == ("poll", 90)
    assert schedule.anchor_date == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert others == given[1:]


def test_crons_give_way_to_the_interval(given: list[Deployment], monkeypatch: pytest.MonkeyPatch) -> None:
    """`every 150 s` means that, and not `and at three in the night as well`; another deployment is another matter."""
    monkeypatch.setenv("VALIDATE_ENTRIES_INTERVAL", "150000")
    poller, validate, everything = planned(load_settings(), given)
    (made,) = schedules_of(validate, None)
    assert isinstance(made.schedule, IntervalSchedule)
    assert (made.slug, made.parameters) == ("day", {"mode": "incremental"})
    assert (made.schedule.interval, made.schedule.timezone) == (timedelta(seconds=150), "Europe/Berlin")
    assert made.schedule.anchor_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert "active" not in made.model_fields_set
    assert [poller, everything] == [given[0], given[2]]


def test_an_operators_interval_goes_before(given: list[Deployment]) -> None:
    """Anyone who types `syncline start --every` sees what is going on; the environment was set at some other time."""
    (_, validate, _) = planned(PacedSettings(paces={"validate_entries": 150}), given)
    (made,) = schedules_of(validate, 600)
    assert isinstance(made.schedule, IntervalSchedule)
    assert (made.slug, made.schedule.interval) == ("day", timedelta(minutes=10))


def test_without_variables_and_for_what_is_not_deployed_nothing_changes(
    given: list[Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """prefect.yaml is the truth; the variables of a shop may name a source that it does not run."""
    assert planned(load_settings(), given) == given
    monkeypatch.setenv("FAST_DELETE_SWEEP_INTERVAL", "180000")
    assert planned(load_settings(), given) == given
    silent = [one.model_copy(update={"schedules": []}) for one in given]
    assert planned(Settings(twitter_poll_interval=90_000), silent) == silent


@pytest.mark.parametrize(
    ("validate_ms", "sweep_ms", "requests", "fits"), [(60_000, 90_000, 25, False), (180_000, 180_000, 10, True)]
)
def test_the_intervals_of_before_ask_for_more_than_the_shared_budget(
    given: list[Deployment], validate_ms: int, sweep_ms: int, requests: float, *, fits: bool
) -> None:
    """Two services share 15 requests in 15 minutes: every 60 s and 90 s is 15 + 10, every 180 s is 5 + 5."""
    settings = Settings(validate_entries_interval=validate_ms, fast_delete_sweep_interval=sweep_ms)
    sweep = Deployment.model_validate(
        {
            "name": "fast_delete_sweep",
            "flow_name": "sync-fast_delete_sweep",
            "entrypoint": "flows.fast_delete_sweep.sync_fast_delete_sweep",
            "schedules": [{"slug": "sweep", "cron": "* * * * *"}],
        }
    )
    demands = [
        Demand(source=one.source, budget="x:lookup", interval_seconds=schedule.interval or 0, requests_per_run=1)
        for one in planned(settings, [given[1], sweep])
        for schedule in one.schedules
    ]
    (load,) = loads(demands, {"x:lookup": SlidingWindow(limit=15, period_seconds=900)})
    assert (load.requests, load.fits) == (requests, fits)
