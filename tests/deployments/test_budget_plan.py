"""What the schedules ask of the upstreams' budgets."""

from typing import Any

import pytest

from deployments.budget_plan import budget_loads, complaint, line
from deployments.prefect_yaml import Deployment

HALF_MINUTE = {"slug": "quests", "interval": 30, "anchor_date": "2026-01-01T00:00:00Z"}


def quests(*schedules: dict[str, Any]) -> list[Deployment]:
    """The deployment of `quests`, whose upstream admits 60 requests in an hour."""
    entry = {"name": "quests", "flow_name": "sync-quests", "entrypoint": "flows.quests.sync_quests"}
    return [Deployment.model_validate({**entry, "schedules": schedules})]


def test_the_projects_own_plan_fits() -> None:
    """Whoever changes an interval or a budget hears of it before an upstream does."""
    assert [complaint(load) for load in budget_loads()] == [None] * 7


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
    """Whoever changes prefect.yaml while the environment sets the interval changes nothing."""
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
