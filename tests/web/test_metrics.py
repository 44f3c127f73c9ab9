from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format
from support.feed import FEED, quests, record, trip

from syncline.clock import ManualClock
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.settings import Settings
from syncline.store import heartbeats, sessions
from syncline.store.breakers import Breakers
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
CallAs = Callable[[Settings, str | None], Call]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
Value = Callable[..., float | None]

SEED = {
    "sync_success",
    "sync_duration_seconds",
    "sync_circuit_breaker_state",
    "sync_circuit_breaker_failures",
    "sync_retry_count",
    "sync_rate_limit_usage",
}


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """The two of the ERP, and one whose upstream has budgets."""
    return [*sources, quests(sources[0].required_dataset.pages)]


@pytest.fixture
def value(call: Call) -> Value:
    """One sample of a scrape; None where it is not there."""

    def scraped(name: str, **labels: str) -> float | None:
        return samples(call).get((name, frozenset({"source": "quests", **labels}.items())))

    return scraped


def samples(call: Call) -> Samples:
    answer = call("GET", "/metrics")
    assert answer.status_code == 200
    families = list(text_format(answer.text))
    found = [(one.name, frozenset(one.labels.items()), one.value) for family in families for one in family.samples]
    assert len({(name, labels) for name, labels, _ in found}) == len(found)
    return {(name, labels): number for name, labels, number in found}


def test_every_metric_has_a_help_text_a_type_and_the_label_source(call: Call, store: Store, clock: ManualClock) -> None:
    """A parser of Prometheus' own reads it all, and dashboards find the seed's six."""
    record(store, Status.COMPLETED)
    with store.write() as connection:
        heartbeats.began(connection, Target("quests"), now=clock.now())
    answer = call("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = list(text_format(answer.text))
    assert {family.name for family in families} >= SEED
    for family in families:
        assert family.type in {"gauge", "counter"}
        assert len(family.documentation) > 15
        assert family.samples
        assert all("source" in sample.labels for sample in family.samples)


def test_open_metrics_are_served_where_they_are_asked_for(call: Call) -> None:
    """Prometheus asks for them by default."""
    parse: Any = open_metrics.text_string_to_metric_families  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - untyped
    answer = call("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert {family.name for family in parse(answer.text)} >= SEED


def test_success_is_the_share_of_the_recent_runs(value: Value, store: Store) -> None:
    """Skips, deferrals and what still runs say nothing of it; before the first run there is no value."""
    assert value("sync_success") is None
    assert value("sync_duration_seconds") is None
    outcomes = [Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CRASHED]
    for n, outcome in enumerate([*outcomes, Status.SKIPPED, Status.DEFERRED, Status.MISSED, Status.CANCELLED]):
        record(store, outcome, after=60 * n, took=n + 1)
    record(store, Status.RUNNING, after=600, took=None)
    assert (value("sync_success"), value("sync_duration_seconds")) == (0.5, 4)
    assert value("syncline_sessions_running") == 1


def test_retries_are_counted_until_the_next_success(value: Value, store: Store) -> None:
    """More than ten of them are worth an alert, though each run has but a few."""
    record(store, Status.COMPLETED, retry_count=2)
    assert value("sync_retry_count") == 0
    for n in range(3):
        record(store, Status.FAILED, after=60 + n, retry_count=4)
    record(store, Status.RUNNING, after=120, took=None, retry_count=1)
    assert value("sync_retry_count") == 3 * 5 + 1
    record(store, Status.COMPLETED, after=180)
    assert value("sync_retry_count") == 1


def test_the_breaker_is_in_one_state(value: Value, store: Store, sources: list[Source], clock: ManualClock) -> None:
    """Half-open follows from the clock, also where no run has tried it yet."""

    def states() -> dict[str, float | None]:
        return {
            state: value("sync_circuit_breaker_state", state=state)
            for state in ("closed", "open", "half_open", "forced_open")
        }

    assert states() == {"closed": 1, "open": 0, "half_open": 0, "forced_open": 0}
    trip(store, sources[2])
    assert states() == {"closed": 0, "open": 1, "half_open": 0, "forced_open": 0}
    assert value("sync_circuit_breaker_failures") == 5
    clock.advance(seconds=301)
    assert states() == {"closed": 0, "open": 0, "half_open": 1, "forced_open": 0}
    Breakers(store).force_open("quests", "ann")
    assert states() == {"closed": 0, "open": 0, "half_open": 0, "forced_open": 1}


def test_the_usage_of_each_budget_is_told(value: Value, store: Store) -> None:
    """0.9 is where the seed's alert begins."""
    for _ in range(9):
        Budgets(store).acquire(FEED.budget_keys)
    assert value("sync_rate_limit_usage", budget="feed:search") == pytest.approx(0.9)
    assert value("sync_rate_limit_usage", budget="feed:requests") == pytest.approx(9 / 60)


def test_sessions_are_counted_by_their_outcome(value: Value, store: Store) -> None:
    """Each outcome is there from the first scrape, so that an increase is seen."""
    assert value("syncline_sessions_total", status="failed") == 0
    record(store, Status.FAILED, took=2.5)
    record(store, Status.FAILED, after=60, took=0.5)
    assert value("syncline_sessions_total", status="failed") == 2
    assert value("syncline_session_seconds_total", status="failed") == 3
    assert value("syncline_sessions_total", status="running") is None


def test_items_and_requests_count_up_while_a_session_runs(value: Value, store: Store, clock: ManualClock) -> None:
    """Page by page, and never twice when it ends."""
    running = record(store, Status.RUNNING, took=None, items_created=70, items_deleted=2, requests=3)
    assert value("syncline_items_total", change="created") == 70
    clock.advance(seconds=3_600)
    assert value("syncline_items_total", change="created") == 70
    with store.write() as connection:
        sessions.close(connection, running, Status.COMPLETED, now=clock.now())
    record(store, Status.COMPLETED, items_created=5, requests=1)
    assert value("syncline_items_total", change="created") == 75
    assert value("syncline_items_total", change="deleted") == 2
    assert value("syncline_requests_total") == 4


def test_the_heartbeat_grows_old(value: Value, store: Store, clock: ManualClock) -> None:
    """A source of which nothing is heard is found by its age."""
    assert value("syncline_heartbeat_age_seconds") is None
    with store.write() as connection:
        heartbeats.began(connection, Target("quests"), now=clock.now())
    clock.advance(seconds=90)
    assert value("syncline_heartbeat_age_seconds") == 90


def test_two_apps_of_one_process_measure_their_own(
    call: Call, make_app: Callable[[Settings, Store], FastAPI], settings: Settings, store: Store, value: Value
) -> None:
    """There is no registry that they share."""
    make_app(settings, store)
    record(store, Status.COMPLETED, items_created=1)
    assert value("syncline_items_total", change="created") == 1
    assert "python_info" not in call("GET", "/metrics").text


def test_a_database_that_cannot_be_read_is_503(
    make_app: Callable[[Settings, Store], FastAPI], call_as: CallAs, settings: Settings, tmp_path: Path
) -> None:
    """Prometheus then says that the target is down, and draws no zeros."""
    bad = tmp_path / "bad.db"
    bad.write_text("this is no database, and long enough to be taken for the header of one" * 20)
    call: Any = call_as(settings, None)
    for url in (f"sqlite:///{bad}", f"sqlite:///{tmp_path / 'empty.db'}"):
        store = Store(url)
        call.app = make_app(settings, store)
        answer = call("GET", "/metrics")
        store.close()
        assert answer.status_code == 503
        assert answer.json() == {"error": "the database cannot be read: GET /health says more"}
