import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from syncline.clock import ManualClock
from syncline.store import audit, holds
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
Calls = list[tuple[object, ...]]


def hold(call: Call, **body: object) -> httpx.Response:
    return call("POST", "/api/holds", json={"source": "products", "reason": "order creation"} | body)


def resumed(calls: Calls) -> list[object]:
    return [call[1] for call in calls if call[0] == "resume_deferred"]


def test_a_hold_stands_in_the_way_until_it_expires(call: Call, store: Store, clock: ManualClock) -> None:
    """A program that creates orders can pause the sync; a crash of it does not pause it without end."""
    answer = hold(call, ttl_seconds=60)
    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        "id": made["id"],
        "source": "products",
        "account_id": None,
        "reason": "order creation",
        "created_by": "ann",
        "created_at": "2026-01-22T10:00:00.000Z",
        "expires_at": "2026-01-22T10:01:00.000Z",
    }
    assert call("GET", "/api/holds").json() == {"holds": [made]}
    with store.read() as connection:
        assert holds.active(connection, "products", now=clock.now()) is not None
        assert holds.active(connection, "customers", now=clock.now()) is None
    clock.advance(seconds=60)
    assert call("GET", "/api/holds").json() == {"holds": []}


@pytest.mark.parametrize(
    ("ttl", "expires"),
    [
        ({}, "2026-01-22T10:05:00.000Z"),
        ({"ttl_seconds": None}, None),
        ({"ttl_seconds": 1.5}, "2026-01-22T10:00:01.500Z"),
    ],
)
def test_a_hold_lasts_five_minutes_unless_told_otherwise(
    call_sqlite: Call, ttl: dict[str, object], expires: str | None
) -> None:
    """null: until it is released."""
    assert hold(call_sqlite, **ttl).json()["expires_at"] == expires


def test_everything_can_be_held_at_once(call_sqlite: Call, sqlite_store: Store) -> None:
    """`*` is each source that there is, and each that will be."""
    assert hold(call_sqlite, source="*").status_code == 201
    with sqlite_store.read() as connection:
        assert holds.active(connection, "customers", now=sqlite_store.clock.now()) is not None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"ttl_seconds": 604_801}, "ttl_seconds"),
        ({"ttl_seconds": "60"}, "ttl_seconds"),
        ({"ttl_seconds": True}, "ttl_seconds"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": None}, "reason"),
        ({"source": None}, "source"),
        ({"account_id": ""}, "account_id"),
        ({"ttl": 60}, "ttl:"),
    ],
)
def test_a_hold_that_cannot_be_is_refused_by_its_field(call_sqlite: Call, body: dict[str, object], word: str) -> None:
    """A misspelt time to live must not hold for ever."""
    answer = hold(call_sqlite, **body)
    assert answer.status_code == 422
    assert word in answer.json()["error"]
    assert call_sqlite("GET", "/api/holds").json() == {"holds": []}


def test_a_hold_without_a_body_names_what_is_missing(call_sqlite: Call) -> None:
    """All at once, not one after the other."""
    answer = call_sqlite("POST", "/api/holds", json={})
    assert answer.status_code == 422
    assert answer.json()["error"] == "source: field required; reason: field required"
    assert call_sqlite("POST", "/api/holds").status_code == 422


def test_an_unknown_source_cannot_be_held(call_sqlite: Call) -> None:
    """The caller would believe that it is."""
    answer = hold(call_sqlite, source="orders")
    assert answer.status_code == 404
    assert "customers, products" in answer.json()["error"]


def test_releasing_a_hold_lets_what_it_deferred_go_on(call: Call, calls: Calls) -> None:
    """The sync goes on at once, not at its next tick."""
    made = hold(call).json()
    answer = call("DELETE", f"/api/holds/{made['id']}")
    assert answer.status_code == 200
    assert answer.json() == made | {"released": True, "released_at": "2026-01-22T10:00:00.000Z"}
    assert call("GET", "/api/holds").json() == {"holds": []}
    assert resumed(calls) == ["products"]


def test_holds_nest(call_sqlite: Call, calls: Calls) -> None:
    """Two orders pause the sync, and it goes on when the last of them is done."""
    first, second, everything = (hold(call_sqlite, source=name).json()["id"] for name in ("products", "products", "*"))
    call_sqlite("DELETE", f"/api/holds/{first}")
    assert resumed(calls) == []
    call_sqlite("DELETE", f"/api/holds/{everything}")
    assert resumed(calls) == ["customers"]
    call_sqlite("DELETE", f"/api/holds/{second}")
    assert resumed(calls) == ["customers", "products"]


def test_a_release_needs_no_prefect(call_sqlite: Call, end_prefect: Callable[[], None]) -> None:
    """The hold is gone, and the source runs at its next tick."""
    made = hold(call_sqlite).json()["id"]
    end_prefect()
    assert call_sqlite("DELETE", f"/api/holds/{made}").status_code == 200
    assert call_sqlite("GET", "/api/holds").json() == {"holds": []}


def test_a_hold_is_released_once(call: Call, clock: ManualClock, calls: Calls) -> None:
    """A second release says when it ended, and starts nothing again."""
    made = hold(call).json()["id"]
    call("DELETE", f"/api/holds/{made}")
    clock.advance(seconds=5)
    again = call("DELETE", f"/api/holds/{made}")
    assert again.status_code == 409
    assert again.json()["error"] == f"the hold {made} was released at 2026-01-22 10:00:00 UTC"
    assert resumed(calls) == ["products"]


def test_a_hold_that_expired_cannot_be_released(call_sqlite: Call, sqlite_store: Store, clock: ManualClock) -> None:
    """Its holder learns that the source was free meanwhile."""
    made = hold(call_sqlite, ttl_seconds=60).json()["id"]
    clock.advance(seconds=61)
    answer = call_sqlite("DELETE", f"/api/holds/{made}")
    assert answer.status_code == 409
    assert "expired at 2026-01-22 10:01:00 UTC" in answer.json()["error"]


def test_a_hold_that_never_was_is_not_found(call_sqlite: Call) -> None:
    """And the answer says where to look."""
    answer = call_sqlite("DELETE", "/api/holds/hold-0")
    assert answer.status_code == 404
    assert "hold-0" in answer.json()["error"]


def test_holds_and_releases_stand_in_the_audit_log(call: Call, store: Store, clock: ManualClock) -> None:
    """Who paused what, why and for how long, is known afterwards."""
    made = hold(call, account_id="u-1", ttl_seconds=60).json()["id"]
    clock.advance(seconds=3)
    call("DELETE", f"/api/holds/{made}")
    with store.read() as connection:
        released, created = audit.latest(connection)
    assert (created.actor, created.action, created.target) == ("ann", "hold.create", "products")
    assert json.loads(created.detail or "") == {
        "id": made,
        "account_id": "u-1",
        "reason": "order creation",
        "ttl_seconds": 60,
    }
    assert (released.actor, released.action, released.target) == ("ann", "hold.release", "products")
    assert released.at - created.at == timedelta(seconds=3)


def test_an_accounts_hold_leaves_the_others_alone(call_sqlite: Call, sqlite_store: Store, calls: Calls) -> None:
    """Its release does not start the whole source."""
    made = hold(call_sqlite, account_id="u-1").json()["id"]
    with sqlite_store.read() as connection:
        now = sqlite_store.clock.now()
        assert holds.active(connection, "products", now=now) is None
        assert holds.active(connection, "products", now=now, account_id="u-1") is not None
    call_sqlite("DELETE", f"/api/holds/{made}")
    assert resumed(calls) == []
