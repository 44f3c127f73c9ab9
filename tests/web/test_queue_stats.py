"""`GET /queue-stats`, and what `/health` and the report say of the queue and of the planner."""

from collections.abc import Callable
from datetime import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text
from support.jobs import add_accounts, enqueue, put_job, wanted

from flows.portfolios import PORTFOLIOS
from syncline.clock import ManualClock, microseconds
from syncline.model.policies import Priority
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.portfolios.settings import ChainSettings
from syncline.settings import Settings
from syncline.store import drains, holds, rollups, timetables
from syncline.store.drains import DrainPlace
from syncline.store.engine import Store
from syncline.store.leases import Process

Call = Callable[..., httpx.Response]
KEY = "a-key-for-monitors-of-32-bytes-or-more"


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """Those of the ERP, and wallets."""
    return [*sources, PORTFOLIOS]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    chain = ChainSettings(rpc_url=SecretStr("http://127.0.0.1:1"))
    hours = {"periodic_sync_market_opens": time(9), "periodic_sync_enabled": True}
    return settings.model_copy(update={"internal_api_key": SecretStr(KEY), "chains": {1: chain}, **hours})


def drain(store: Store, *priorities: Priority, slot: int = 0, ended: int = 0) -> None:
    """A drain that lives."""
    now_us = microseconds(store.clock.now())
    place = DrainPlace(host="here", slot=slot, owner=f"here:{slot}", priorities=priorities, capacity=64)
    with store.write() as connection:
        drains.take_place(connection, place, process=Process.current(), now_us=now_us)
        drains.beat(connection, place, now_us=now_us, under_way=3, ended={Priority.HIGH: ended})


def read(call: Call) -> dict[str, object]:
    answer = call("GET", "/queue-stats", headers={"x-api-key": KEY})
    assert answer.status_code == 200
    return answer.json()


def test_the_queue_is_told_by_priority(call: Call, store: Store, clock: ManualClock) -> None:
    """The contract's shape, to the letter; on both databases."""
    add_accounts(store, "a", "b", "c", "d", "e")
    at = microseconds(clock.now())
    high = {"priority": Priority.HIGH, "user_id": "u_a"}
    enqueue(store, wanted("a", at - 90_000_000, **high), wanted("b", at, **high), wanted("c", at, user_id="u_c"))
    enqueue(store, wanted("d", at + 1), wanted("e", at))
    put_job(store, "e", status="failed")
    drain(store, *Priority, ended=12)
    nothing: dict[str, object] = {
        "depth": 0,
        "depth_is_at_least": False,
        "oldest_seconds": None,
        "per_minute": 0.0,
        "deepest_users": [],
    }
    deepest = [{"user_id": "u_a", "jobs": 2}]
    second = [{"user_id": "u_c", "jobs": 1}]
    assert read(call) == {
        "queues": {
            "high": nothing | {"depth": 2, "oldest_seconds": 90.0, "per_minute": 12.0, "deepest_users": deepest},
            "normal": nothing | {"depth": 1, "oldest_seconds": 0.0, "deepest_users": second},
            "low": nothing,
        },
        "processing": 0,
        "failed": 1,
        "drains": 1,
        "deepest_users": [*deepest, *second],
    }


def test_the_queue_is_for_monitors_alone(call_sqlite: Call) -> None:
    """Who has how many jobs is not for strangers."""
    assert call_sqlite("GET", "/queue-stats").status_code == 401
    assert call_sqlite("GET", "/queue-stats", headers={"x-api-key": "wrong"}).status_code == 401


def test_health_tells_of_the_planner(call: Call, store: Store, clock: ManualClock) -> None:
    """In the seed's words; what Prefect has not told yet is not promised."""

    def stats() -> dict[str, object]:
        return call("GET", "/health").json()["schedulerStats"]

    add_accounts(store, "a", "b", source="portfolios")
    add_accounts(store, "old", source="portfolios", last_active_at=clock.now().replace(year=2025))
    told = {"enabled": True, "running": False, "totalUsers": 3, "activeUsers": 2, "isMarketHours": True}
    assert stats() == told | {"nextScheduledSync": "none"}
    with store.write() as connection:
        spans = '[{"schedules": [1]}]'
        timetables.begin(connection, "x/portfolios", source="portfolios", spans=spans, now=clock.now())
    assert stats() == told | {"nextScheduledSync": "paused"}
    drain(store, *Priority)
    assert stats() == told | {"running": True, "nextScheduledSync": "scheduled"}
    with store.write() as connection:
        target = Target("portfolios")
        holds.create(connection, target, reason="r", created_by="ann", now=clock.now(), ttl_seconds=600)
    assert stats() == told | {"running": True, "nextScheduledSync": "paused"}
    clock.advance(seconds=7 * 3_600)
    assert stats() == told | {"isMarketHours": False, "nextScheduledSync": "paused"}
    with store.write() as connection:
        connection.execute(text("UPDATE timetables SET spans = '[{\"schedules\": []}]'"))
    drain(store, *Priority)
    assert stats() == told | {"running": True, "isMarketHours": False, "nextScheduledSync": "paused"}


def test_what_is_switched_off_or_not_set_up_is_said(
    call_as: Callable[..., Call], settings: Settings, sqlite_store: Store
) -> None:
    """PERIODIC_SYNC_ENABLED=false, and no chain; neither is a fault of the instance's database."""
    drain(sqlite_store, *Priority)
    changes: list[tuple[dict[str, object], bool]] = [({"periodic_sync_enabled": False}, False), ({"chains": {}}, False)]
    for change, enabled in [*changes, ({}, True)]:
        told = call_as(settings.model_copy(update=change), None)("GET", "/health").json()["schedulerStats"]
        assert (told["enabled"], told["running"], told["nextScheduledSync"]) == (enabled, enabled, "none")
    bad = settings.model_copy(update={"periodic_sync_market_days": ("noday",)})
    answer = call_as(bad, None)("GET", "/health")
    assert (answer.status_code, answer.json()["schedulerStats"], answer.json()["database"]) == (200, None, "ok")


@pytest.mark.parametrize(
    ("priority", "due_seconds", "worked_on", "alarm"),
    [
        (Priority.HIGH, 61, (), True),
        (Priority.HIGH, 60, (), False),
        (Priority.LOW, 3_600, tuple(Priority), False),
        (Priority.HIGH, 61, (Priority.NORMAL, Priority.LOW), True),
        (Priority.NORMAL, 3_600, (Priority.NORMAL, Priority.LOW), False),
    ],
)
def test_jobs_that_nobody_works_on_are_an_alarm_of_each_face(
    call_sqlite: Call,
    sqlite_store: Store,
    priority: Priority,
    due_seconds: int,
    worked_on: tuple[Priority, ...],
    *,
    alarm: bool,
) -> None:
    """A drain of other priorities is of no use; a minute is what a restart takes."""
    add_accounts(sqlite_store, "a")
    at = microseconds(sqlite_store.clock.now()) - due_seconds * 1_000_000
    enqueue(sqlite_store, wanted("a", at, priority=priority))
    if worked_on:
        drain(sqlite_store, *worked_on, slot=2)
    health = call_sqlite("GET", "/health").json()
    assert health["drains"] == ("missing" if alarm else "ok")
    status = call_sqlite("GET", "/api/sync/status", headers={"x-api-key": KEY}).json()
    assert [one["kind"] for one in status["problems"]] == ["nobody_drains"] * alarm
    assert status["healthy"] is not alarm
    page = call_sqlite("GET", "/").text
    said = "jobs of accounts have been due for 1 min, and no drain works on them: start `syncline up`"
    assert (said in page) is alarm


def test_of_accounts_that_are_not_set_up_nothing_is_said(
    call_as: Callable[..., Call], settings: Settings, sqlite_store: Store
) -> None:
    """Jobs that were left when the chains were taken away wake nobody."""
    add_accounts(sqlite_store, "a")
    enqueue(sqlite_store, wanted("a", 0))
    call = call_as(settings.model_copy(update={"chains": {}}), None)
    assert call("GET", "/health").json()["drains"] == "ok"
    assert call("GET", "/api/sync/status", headers={"x-api-key": KEY}).json()["problems"] == []


def test_the_same_numbers_are_metrics(call_sqlite: Call, sqlite_store: Store, clock: ManualClock) -> None:
    """What the rules of docs/alerts.yml ask for is there, with a text of its own."""
    add_accounts(sqlite_store, "a")
    at = microseconds(clock.now()) - 90_000_000
    enqueue(sqlite_store, wanted("a", at, priority=Priority.HIGH))
    counts = [
        rollups.Count(source="portfolios", status=status, ended=clock.now(), took_ms=ms, waited_ms=0)
        for status, ms in ((Status.COMPLETED, 100), (Status.COMPLETED, 100), (Status.FAILED, 60_000))
    ]
    with sqlite_store.write() as connection:
        rollups.add(connection, counts, slot=0)

    def scraped() -> dict[tuple[str, str], float]:
        families = list(text_string_to_metric_families(call_sqlite("GET", "/metrics").text))
        assert all(len(family.documentation) > 15 for family in families)
        found = [
            sample for family in families for sample in family.samples if "job" in sample.name or "drain" in sample.name
        ]
        return {(one.name, " ".join(sorted(one.labels.values()))): one.value for one in found}

    told = scraped()
    assert told["syncline_jobs_due", "high"] == 1
    assert told["syncline_jobs_oldest_seconds", "high"] == told["syncline_jobs_unattended_seconds", ""] == 90
    assert told["syncline_jobs_ended_lately", "completed portfolios"] == 2
    assert told["syncline_job_duration_seconds", "0.99 portfolios"] > 30
    drain(sqlite_store, *Priority, ended=5)
    told = scraped()
    assert (told["syncline_drains", ""], told["syncline_drain_capacity", ""]) == (1, 64)
    assert (told["syncline_drain_under_way", ""], told["syncline_jobs_per_minute", "high"]) == (3, 5)
    assert told["syncline_jobs_unattended_seconds", ""] == 0
