import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncline.clock import milliseconds
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.store import sessions
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
Calls = list[tuple[object, ...]]
Expect = Callable[[str, float], None]


def record(store: Store, status: Status, *, source: str = "products", after: int = 0) -> SyncSession:
    begun = store.clock.now() + timedelta(seconds=after)
    session = SyncSession(
        id=sessions.new_id(source, begun),
        source=source,
        trigger=Trigger.SCHEDULE,
        mode=Mode.INCREMENTAL,
        status=status,
        started_at=begun,
        completed_at=begun + timedelta(seconds=55),
        items_processed=4_540,
    )
    with store.write() as connection:
        sessions.insert_session(connection, session)
    return session


def test_metrics_come_with_the_last_ten_sessions(call: Call, store: Store) -> None:
    """The seed's endpoint, field by field."""
    made = [record(store, Status.FAILED if n == 3 else Status.COMPLETED, after=100 * n) for n in range(12)]
    record(store, Status.COMPLETED, source="customers", after=5_000)
    answer = call("GET", "/api/products/sync/metrics")
    assert answer.status_code == 200
    assert answer.json()["metrics"] == {
        "totalSyncs": 12,
        "successfulSyncs": 11,
        "failedSyncs": 1,
        "successRate": pytest.approx(91.6667, abs=0.001),
        "avgDurationMs": 55_000,
        "lastSyncAt": milliseconds(made[-1].started_at),
        "lastSyncStatus": "completed",
    }
    told = answer.json()["history"]
    assert [entry["id"] for entry in told] == [session.id for session in made[:1:-1]]
    assert (told[0]["syncType"], told[0]["syncMode"], told[0]["itemsProcessed"]) == ("products", "auto", 4_540)


def test_metrics_of_a_source_that_never_ran_are_there(call_sqlite: Call) -> None:
    """The first look after the first start."""
    answer = call_sqlite("GET", "/api/customers/sync/metrics").json()
    assert (answer["metrics"]["totalSyncs"], answer["metrics"]["lastSyncAt"], answer["history"]) == (0, None, [])


@pytest.mark.parametrize(
    ("body", "minutes"),
    [
        ({"intervalMinutes": 15}, "15"),
        ({"intervalMinutes": 1}, "1"),
        ({"intervalMinutes": 10_080}, "10080"),
        ({"intervalMinutes": 2.5}, "2.5"),
        ({"intervalMinutes": 15.0}, "15"),
    ],
)
def test_start_sets_the_interval(call_sqlite: Call, calls: Calls, body: object, minutes: str) -> None:
    """The seed's endpoint; the caller's name goes to the audit log."""
    answer = call_sqlite("POST", "/api/products/sync/start", json=body)
    assert answer.text == f'{{"success":true,"intervalMinutes":{minutes}}}'
    assert calls == [("start", "products", float(minutes) * 60, "ann")]


@pytest.mark.parametrize("request_", [{}, {"json": {}}])
@pytest.mark.parametrize("interval", [(300.0, "5"), (90.0, "1.5"), (None, "null")])
def test_start_without_a_number_keeps_the_sources_own_interval(
    call_sqlite: Call, calls: Calls, expect: Expect, request_: dict[str, Any], interval: tuple[float | None, str]
) -> None:
    """It wrote 30 minutes over another source's 5; a source by a cron has none."""
    seconds, minutes = interval
    if seconds is not None:
        expect("products", seconds)
    answer = call_sqlite("POST", "/api/products/sync/start", **request_)
    assert answer.text == f'{{"success":true,"intervalMinutes":{minutes}}}'
    assert calls == [("start", "products", None, "ann")]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"intervalMinutes": 0}', "greater than or equal to 1"),
        (b'{"intervalMinutes": -5}', "greater than or equal to 1"),
        (b'{"intervalMinutes": 10081}', "less than or equal to 10080"),
        (b'{"intervalMinutes": 1.001}', "whole number of seconds"),
        (b'{"intervalMinutes": NaN}', "intervalMinutes"),
        (b'{"intervalMinutes": 1e400}', "intervalMinutes"),
        (b'{"intervalMinutes": "15"}', "number"),
        (b'{"intervalMinutes": true}', "number"),
        (b'{"intervalMinutes": null}', "number"),
        (b'{"intervalMinutes": [15]}', "number"),
        (b'{"intervalMinute": 15}', "intervalMinute:"),
    ],
)
def test_an_interval_that_cannot_be_is_refused_by_its_name(
    call_sqlite: Call, calls: Calls, body: bytes, word: str
) -> None:
    """A typing error never becomes a schedule."""
    headers = {"Content-Type": "application/json"}
    answer = call_sqlite("POST", "/api/products/sync/start", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json().keys() == {"error"}
    assert answer.json()["error"].startswith("intervalMinute")
    assert word in answer.json()["error"]
    assert not {"[", "none", "function"} & set(re.findall(r"\[|[a-z]+", answer.json()["error"])), "names of pydantic's"
    assert calls == []


@pytest.mark.parametrize(
    ("body", "kind", "word"),
    [
        (b"{", "application/json", "no JSON"),
        (b"[]", "application/json", "JSON object"),
        (b'"15"', "application/json", "JSON object"),
        (b'{"intervalMinutes": 15}', "text/plain", "Content-Type"),
        (b"intervalMinutes=15", "application/x-www-form-urlencoded", "Content-Type"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(call_sqlite: Call, body: bytes, kind: str, word: str) -> None:
    """Such as curl's -d without a Content-Type."""
    answer = call_sqlite("POST", "/api/products/sync/start", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422
    assert word in answer.json()["error"]


def test_stop_switches_the_schedule_off(call_sqlite: Call, calls: Calls) -> None:
    """The seed's answer, and the caller's name."""
    answer = call_sqlite("POST", "/api/customers/sync/stop")
    assert (answer.status_code, answer.text) == (200, '{"success":true}')
    assert calls == [("stop", "customers", "ann")]


@pytest.mark.parametrize("path", ["/api/orders/sync/start", "/api/orders/sync/stop"])
def test_an_unknown_source_is_answered_with_those_that_there_are(call_sqlite: Call, calls: Calls, path: str) -> None:
    """A typing error is mended without the manual."""
    answer = call_sqlite("POST", path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "no source is named 'orders'; there are: customers, products"
    assert call_sqlite("GET", "/api/orders/sync/metrics").status_code == 404
    assert calls == []


@pytest.mark.parametrize("path", ["/api/products/sync/start", "/api/products/sync/stop"])
def test_without_prefect_a_change_is_refused(call_sqlite: Call, end_prefect: Callable[[], None], path: str) -> None:
    """Nothing is promised that no schedule keeps."""
    end_prefect()
    answer = call_sqlite("POST", path)
    assert answer.status_code == 503
    assert "syncline up" in answer.json()["error"]


def test_history_is_told_of_one_source_or_of_all(call: Call, store: Store) -> None:
    """By source, outcome and number."""
    failed = record(store, Status.FAILED)
    newest = record(store, Status.SKIPPED, source="customers", after=60)

    def ids(**params: object) -> list[str]:
        return [entry["id"] for entry in call("GET", "/api/sync/history", params=params).json()["history"]]

    assert ids() == [newest.id, failed.id]
    assert ids(limit=1) == [newest.id]
    assert ids(source="products") == [failed.id]
    assert ids(status="failed", source="customers") == []


@pytest.mark.parametrize(
    ("params", "status", "word"),
    [
        ({"limit": 0}, 422, "limit:"),
        ({"limit": 501}, 422, "limit:"),
        ({"limit": "many"}, 422, "limit:"),
        ({"status": "fine"}, 422, "status:"),
        ({"source": "orders"}, 404, "customers, products"),
    ],
)
def test_a_history_that_cannot_be_is_refused(call_sqlite: Call, params: object, status: int, word: str) -> None:
    """The answer names the parameter."""
    answer = call_sqlite("GET", "/api/sync/history", params=params)
    assert answer.status_code == status
    assert word in answer.json()["error"]


def test_a_database_that_is_away_is_a_503(call_sqlite: Call, sqlite_store: Store) -> None:
    """A load balancer tries again elsewhere, and the caller reads which setting to look at."""
    sqlite_store.close()
    assert sqlite_store.url.database is not None
    for name in ("", "-wal", "-shm"):
        Path(sqlite_store.url.database + name).unlink(missing_ok=True)
    Path(sqlite_store.url.database).mkdir()
    answer = call_sqlite("GET", "/api/products/sync/metrics")
    assert answer.status_code == 503
    assert "SYNCLINE_DATABASE_URL" in answer.json()["error"]
