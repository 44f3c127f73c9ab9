from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr
from support.feed import FEED, quests, record, trip

from syncline.clock import ManualClock
from syncline.model.session import Status, SyncSession
from syncline.model.source import Source
from syncline.settings import Settings, UpstreamSettings
from syncline.status.source_json import SessionJson
from syncline.store import heartbeats, holds
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
CallAs = Callable[[Settings, str | None], Call]

KEY = "a-key-for-monitors-of-32-bytes-or-more"


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """The two of the ERP, and one whose upstream has budgets."""
    return [*sources, quests(sources[0].required_dataset.pages)]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    feed = {"feed": UpstreamSettings(base_url="https://feed.example", token=SecretStr("a-token-of-the-feed"))}
    return settings.model_copy(update={"internal_api_key": SecretStr(KEY), "upstreams": feed})


@pytest.fixture
def read(call: Call) -> Callable[..., dict[str, dict[str, object]]]:
    """What the endpoint says of each source."""

    def told(**params: str) -> dict[str, dict[str, object]]:
        answer = call("GET", "/api/sync/status", headers={"x-api-key": KEY}, params=params)
        assert answer.status_code == 200
        return answer.json()["sources"]

    return told


def test_a_source_is_told_in_full(
    read: Callable[..., dict[str, dict[str, object]]],
    store: Store,
    clock: ManualClock,
    sources: list[Source],
    plan: Callable[..., None],
) -> None:
    """The seed's getAllStates, in one look."""
    record(store, Status.COMPLETED, items_processed=40, flow_run_id="f1")
    for _ in range(9):
        Budgets(store).acquire(FEED.budgets_for("/listing"))
    Budgets(store).acquire(FEED.budgets_for("/search"))
    plan("quests", next_run_at=clock.now() + timedelta(hours=1))
    told = read()["quests"]
    assert told["last_run"] == told["last_session"]
    assert {name: told[name] for name in told if name not in {"last_run", "last_session"}} == {
        "name": "quests",
        "source": "quests",
        "at": "2026-01-22T10:00:00.000Z",
        "upstream": "feed",
        "healthy": True,
        "problems": [],
        "set_up": True,
        "state": "up to date",
        "rows": 0,
        "rows_exact": True,
        "open_sessions": 0,
        "running": None,
        "last_beat": None,
        "waiting_for": None,
        "waiting_until": None,
        "consecutive_failures": 0,
        "holds": [],
        "last_result": {
            "success": True,
            "status": "completed",
            "duration_ms": 3_000,
            "items": 40,
            "error": None,
            "at": "2026-01-22T10:00:03.000Z",
            "flow_run_id": "f1",
        },
        "retry_count": 0,
        "circuit_breaker": {
            "state": "closed",
            "failures": 0,
            "opened_at": None,
            "retry_at": None,
            "probes": {"succeeded": 0, "needed": 3},
        },
        "rate_limit": {
            "feed:requests": {
                "tokens": 50.0,
                "capacity": 60,
                "usage": 0.1667,
                "window_seconds": 3_600.0,
                "blocked_until": None,
            },
            "feed:search": {
                "tokens": 9.0,
                "capacity": 10,
                "usage": 0.1,
                "window_seconds": 100.0,
                "blocked_until": None,
            },
        },
        "upstream_blocked_until": None,
        "next_run_at": "2026-01-22T11:00:00.000Z",
        "next_run": {
            "at": "2026-01-22T11:00:00.000Z",
            "why": None,
            "due_since": None,
            "schedule": "every 30 min",
            "active": True,
        },
        "fresh_at": None,
        "last_full_at": None,
    }


def test_what_is_wrong_is_said(
    read: Callable[..., dict[str, dict[str, object]]], store: Store, clock: ManualClock, sources: list[Source]
) -> None:
    """A monitor shows why, not only that."""
    trip(store, sources[2])
    Budgets(store).block([FEED.block_key, *FEED.budget_keys], until=clock.now() + timedelta(minutes=2))
    record(store, Status.FAILED, error_type="UnavailableError", error_message="503", retry_count=4)
    told = read()["quests"]
    assert (told["healthy"], told["retry_count"]) == (False, 5)
    assert told["problems"] == [
        {"kind": "breaker", "sentence": "breaker: open until 10:05 UTC after 5 failures"},
        {"kind": "failed", "sentence": "the last run failed: UnavailableError: 503"},
    ]
    assert told["upstream_blocked_until"] == "2026-01-22T10:02:00.000Z"
    assert "'blocked_until': '2026-01-22T10:02:00.000Z'" in str(told["rate_limit"])


def test_a_source_that_is_not_set_up_is_no_problem(
    read: Callable[..., dict[str, dict[str, object]]], store: Store, clock: ManualClock
) -> None:
    """A shop that has no ERP is not woken for it."""
    record(store, Status.FAILED, source="products", id="old")
    assert [read()["products"][key] for key in ("healthy", "set_up", "problems")] == [True, False, []]


def test_one_source_can_be_asked_for(read: Callable[..., dict[str, dict[str, object]]]) -> None:
    """As the answer to a cron call names it."""
    assert list(read(source="quests")) == ["quests"]


def test_the_verdict_is_of_all_sources_and_prefect(
    call: Call, store: Store, clock: ManualClock, end_prefect: Callable[[], None]
) -> None:
    """One field to alert on."""

    def verdict() -> tuple[bool, list[str]]:
        answer = call("GET", "/api/sync/status", headers={"x-api-key": KEY}).json()
        return answer["healthy"], [problem["sentence"] for problem in answer["problems"]]

    assert verdict() == (True, [])
    record(store, Status.FAILED)
    assert verdict() == (False, [])
    record(store, Status.COMPLETED, after=60)
    assert verdict() == (True, [])
    end_prefect()
    assert verdict() == (
        False,
        ["Prefect does not answer, so nothing runs by itself: `syncline up` starts it, and again where it hangs"],
    )


@pytest.mark.parametrize("headers", [{}, {"x-api-key": ""}, {"x-api-key": "wrong"}, {"Authorization": f"Bearer {KEY}"}])
def test_without_the_key_nothing_is_told(call_as: CallAs, settings: Settings, headers: dict[str, str]) -> None:
    """What is wrong with a shop is its own business."""
    answer = call_as(settings, None)("GET", "/api/sync/status", headers=headers)
    assert answer.status_code == 401
    assert "x-api-key: INTERNAL_API_KEY" in answer.json()["error"]


@pytest.mark.parametrize("key", [None, SecretStr("")])
def test_without_a_setting_the_door_stays_shut(call_as: CallAs, settings: Settings, key: SecretStr | None) -> None:
    """An empty key must not let in a request without one."""
    call = call_as(settings.model_copy(update={"internal_api_key": key}), None)
    answer = call("GET", "/api/sync/status", headers={"x-api-key": ""})
    assert answer.status_code == 503
    assert "INTERNAL_API_KEY is not set" in answer.json()["error"]


def test_an_unknown_source_is_told_with_those_that_there_are(call: Call) -> None:
    """As everywhere."""
    answer = call("GET", "/api/sync/status?source=x", headers={"x-api-key": KEY})
    assert (answer.status_code, answer.json()["error"][-32:]) == (404, "there are: customers, products, quests"[-32:])


@pytest.mark.parametrize("path", ["/api/sync/status", "/api/sources", "/health/cron/quests"])
def test_no_text_repeats_a_credential(path: str, call: Call, store: Store, clock: ManualClock) -> None:
    """An upstream's error page may quote the request that it refused, and a person may paste it into a reason."""
    nasty = "at https://ann:hunter2@feed.example/x: token a-token-of-the-feed is unknown"
    record(store, Status.FAILED, error_message=nasty)
    record(store, Status.SKIPPED, id="s2", after=1, reason=nasty)
    record(store, Status.RUNNING, id="s3", after=2, took=None, reason=nasty)
    with store.write() as connection:
        holds.create(connection, "quests", reason=nasty, created_by="ann", now=clock.now(), ttl_seconds=None)
        heartbeats.began(connection, "quests", now=clock.now())
        heartbeats.waiting(connection, "quests", reason=nasty, until=None, now=clock.now())
    text = call("GET", path, headers={"x-api-key": KEY}).text
    assert "at https://***@feed.example/x: token *** is unknown" in text
    assert not any(secret in text for secret in ("hunter2", "a-token-of-the-feed", KEY))


def test_a_session_is_told_with_all_of_its_columns() -> None:
    """A column that is added is not forgotten."""
    assert list(SessionJson.model_fields) == list(SyncSession.model_fields)
