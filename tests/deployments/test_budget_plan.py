"""What the schedules ask of the upstreams' budgets."""

from typing import Any

import pytest

from deployments.budget_plan import budget_loads, complaint, line
from deployments.schedules.file import Deployment
from deployments.schedules.plan import planned
from syncline.settings import Settings

HALF_MINUTE = {"slug": "quests", "interval": 30, "anchor_date": "2026-01-01T00:00:00Z"}


def quests(*schedules: dict[str, Any]) -> list[Deployment]:
    """The deployment of `quests`, whose upstream admits 60 requests in an hour."""
    entry = {"name": "quests", "flow_name": "sync-quests", "entrypoint": "flows.quests.sync_quests"}
    return [Deployment.model_validate({**entry, "schedules": schedules})]


def test_the_projects_own_plan_fits() -> None:
    """Anyone who changes an interval or a budget hears of it before an upstream does."""
    loads = budget_loads()
    assert [complaint(load) for load in loads] == [None] * len(loads)


SEED_BEFORE = Settings(validate_entries_interval=60_000, fast_delete_sweep_interval=90_000)
SEED_AFTER = Settings(
    twitter_poll_interval=120_000, validate_entries_interval=180_000, fast_delete_sweep_interval=180_000
)


def test_the_intervals_that_made_x_refuse_us_are_refused() -> None:
    """Every 60 s and every 90 s are 15 + 10 lookups in 15 minutes, of which X admits 15."""
    mentions, lookups = [load for load in budget_loads(planned(SEED_BEFORE)) if load.budget.startswith("x:")]
    assert (mentions.requests, mentions.fits, complaint(mentions)) == (7.5, True, None)
    assert (lookups.requests, lookups.fits) == (25, False)
    said = complaint(lookups) or ""
    assert "x:tweetLookup admits 15 requests in 15 min, but the schedules ask for 25" in said
    assert "validate_entries every 100 s, fast_delete_sweep every 150 s" in said


def test_the_intervals_that_mended_it_pass() -> None:
    """The table of the tweet services, as it is after the fix."""
    loads = {load.budget: load for load in budget_loads(planned(SEED_AFTER))}
    assert (loads["x:mentions"].requests, loads["x:tweetLookup"].requests) == (7.5, 10)
    assert "✅ 10 asked for (validate_entries every 3 min = 5 + fast_delete_sweep every 3 min = 5)" in line(
        loads["x:tweetLookup"]
    )


def test_a_plan_that_cannot_fit_is_refused_with_the_interval_that_would() -> None:
    """Every half minute is 120 requests in an hour; every minute is 60."""
    (load,) = budget_loads(quests(HALF_MINUTE))
    assert line(load) == "quests:requests: 60 requests in 1 h ❌ 120 asked for (quests every 30 s = 120)"
    said = complaint(load) or ""
    assert "budget quests:requests admits 60 requests in 1 h, but the schedules ask for 120" in said
    assert "such as quests every 60 s" in said


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"quests": "QUESTS_INTERVAL"}, "set longer intervals in the environment, such as QUESTS_INTERVAL=60000"),
        ({"points": "POINTS_INTERVAL"}, "set longer intervals in prefect.yaml, such as quests every 60 s"),
    ],
)
def test_the_remedy_is_told_where_the_interval_was_set(variables: dict[str, str], said: str) -> None:
    """Anyone who changes prefect.yaml while the environment sets the interval changes nothing."""
    (load,) = budget_loads(quests(HALF_MINUTE))
    assert (complaint(load, variables) or "").endswith(said)


@pytest.mark.parametrize(
    ("schedules", "requests"),
    [
        ([{"slug": "a", "cron": "*/15 * * * *"}], 4),
        ([{"slug": "a", "cron": "*/5 9-16 * * *"}], 12),  # in its busiest hour
        ([{"slug": "a", "cron": "0 3 * * *"}, {"slug": "b", "cron": "30 * * * *"}], 2),
        ([{"slug": "a", "rrule": "FREQ=HOURLY;BYMINUTE=0,20,40"}], 3),
        ([], 0),
    ],
)
def test_crons_count_by_their_busiest_hour(schedules: list[dict[str, Any]], requests: float) -> None:
    """A budget that is enough on average is not enough at the hour when all run."""
    assert sum(load.requests for load in budget_loads(quests(*schedules))) == requests


def test_what_an_operator_set_is_planned_with() -> None:
    """`syncline start quests --every 30s` asks for as much as prefect.yaml would."""
    (load,) = budget_loads(quests({"slug": "a", "cron": "0 3 * * *"}), overrides={"quests": 30})
    assert load.requests == 120


def test_runs_that_send_more_than_was_declared_count_as_they_are() -> None:
    """Feeds grow by pages; a plan by the declaration alone would go on to fit on paper."""
    (load,) = budget_loads(quests(HALF_MINUTE | {"interval": 3_600}), measured={"quests": 61})
    assert not load.fits


@pytest.mark.parametrize(
    ("cron", "asked"),
    [
        ("22 */2 * * *", "1 asked for (quests by 22 */2 * * * = 1)"),
        ("*/5 9-16 * * *", "12 asked for (quests by */5 9-16 * * * = 12)"),
    ],
)
def test_a_cron_is_told_as_it_is_written(cron: str, asked: str) -> None:
    """It counts by its busiest hour, and `every 1 h` would be wrong of one that runs every two hours."""
    (load,) = budget_loads(quests({"slug": "quests", "cron": cron}))
    assert asked in line(load)
