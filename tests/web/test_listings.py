from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from support.listings import entry, feed, statuses
from support.runs import run
from support.upstream import ListPages

from syncline.model.items import ItemStatus
from syncline.model.source import Source
from syncline.settings import Settings
from syncline.store import audit
from syncline.store.engine import Store

Call = Callable[..., httpx.Response]
INTERNAL = {"status", "attributes", "fingerprint", "raw_fingerprint", "synced_at", "version"}


@pytest.fixture
def community() -> ListPages:
    return ListPages(rows=[entry(key, secret="a@b.example") for key in ("a/1", "b 2", "c")])


@pytest.fixture
def sources(community: ListPages) -> list[Source]:
    rows = [
        entry(f"q{number}", by={"name": "acme", "chain": "Base" if number % 2 else "Solana"}) for number in range(5)
    ]
    return [feed(community), feed(ListPages(rows=rows), "quests", moderated=False)]


@pytest.fixture
def filled(store: Store, sources: list[Source]) -> Store:
    for source in sources:
        run(store, source)
    return store


@pytest.mark.usefixtures("filled")
def test_anybody_sees_what_is_live_and_nothing_else(call: Call) -> None:
    """The site's frontend has no secret to keep; what strangers sent in, and our own columns, are not for it."""
    answer = call("GET", "/api/listings", headers={"Authorization": ""})
    assert answer.status_code == 200
    shown = answer.json()["listings"]
    assert {one["source"] for one in shown} == {"quests"}
    assert not INTERNAL & set(shown[0])
    assert "a@b.example" not in answer.text


@pytest.mark.usefixtures("filled")
def test_pages_follow_by_cursor(call: Call) -> None:
    """Each listing once; the last page names no next one."""
    shown: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    for _ in range(3):
        page = call("GET", "/api/listings", params=query).json()
        shown += [one["external_id"] for one in page["listings"]]
        query["cursor"] = page["next_cursor"]
    assert (shown, query["cursor"]) == (["q0", "q1", "q2", "q3", "q4"], None)


@pytest.mark.usefixtures("filled")
def test_listings_are_picked(call: Call) -> None:
    """A page for one chain; a feed that there is not is like one that is empty: strangers learn no names."""
    found = call("GET", "/api/listings", params={"source": "quests", "chain": "Base", "project": "acme"}).json()
    assert [one["external_id"] for one in found["listings"]] == ["q1", "q3"]
    assert call("GET", "/api/listings?source=community").json() == {"listings": [], "next_cursor": None}
    assert call("GET", "/api/listings?source=nothing").json() == {"listings": [], "next_cursor": None}


@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=WzEsMl0",
        "cursor=%C3%A4",
        "limit=0",
        "limit=201",
        "chain=%00",
        "chain=%ED%A0%80",
        "chain=%C0%80",
        "cursor=WyJhIiwiXHUwMDAwIl0",
    ],
)
def test_what_makes_no_sense_is_refused(call: Call, query: str) -> None:
    """One sentence instead of an error of the database."""
    answer = call("GET", f"/api/listings?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(query.partition("=")[0])


def test_a_listing_is_approved_and_shown(call: Call, filled: Store) -> None:
    """The id holds a slash; the audit log has the token's subject."""
    pending = call("GET", "/api/listings/pending").json()
    assert (pending["total"], [one["external_id"] for one in pending["listings"]]) == (3, ["a/1", "b 2", "c"])
    assert pending["listings"][0]["attributes"]["secret"] == "a@b.example"
    decided = call("POST", "/api/listings/community/a%2F1/approve")
    assert decided.json() == {"source": "community", "external_id": "a/1", "status": "live", "changed": True}
    assert call("POST", "/api/listings/community/a/1/approve").json()["changed"] is False
    shown = call("GET", "/api/listings?source=community").json()["listings"]
    assert [one["external_id"] for one in shown] == ["a/1"]
    with filled.read() as connection:
        (made,) = audit.latest(connection)
    assert (made.actor, made.action, made.target) == ("ann", "listing.approve", "community/a/1")


def test_a_listing_is_rejected_with_a_reason(call: Call, filled: Store) -> None:
    """Also one that is live; without a reason the next moderator would wonder."""
    assert call("POST", "/api/listings/quests/q0/reject", json={"reason": "  "}).status_code == 422
    assert call("POST", "/api/listings/quests/q0/reject").status_code == 422
    assert call("POST", "/api/listings/quests/q0/reject", json={"reason": "spam"}).json()["status"] == "rejected"
    assert statuses(filled, "quests")["q0"] is ItemStatus.REJECTED
    assert len(call("GET", "/api/listings").json()["listings"]) == 4


def test_a_decision_on_what_was_seen_fails_where_it_changed(
    call: Call, filled: Store, community: ListPages, sources: list[Source]
) -> None:
    """A decision on a listing that has changed since it was read is refused."""
    version = call("GET", "/api/listings/pending").json()["listings"][2]["version"]
    community.rows[2]["headline"] = "Something else"
    run(filled, sources[0])
    answer = call("POST", "/api/listings/community/c/approve", json={"version": version})
    assert (answer.status_code, "look again" in answer.json()["error"]) == (409, True)
    assert statuses(filled)["c"] is ItemStatus.PENDING


@pytest.mark.usefixtures("filled")
def test_what_is_not_there_is_said(call: Call) -> None:
    """Gone since the page was loaded, or never there."""
    for path in ("community/z", "nothing/a", "community/%00"):
        answer = call("POST", f"/api/listings/{path}/approve")
        assert answer.status_code in {404, 422}
        assert answer.json()["error"]
    assert call("POST", "/api/listings/community/z/approve").json()["error"].startswith("there is no listing 'z'")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/listings/pending"),
        ("POST", "/api/listings/community/c/approve"),
        ("POST", "/api/listings/community/c/reject"),
    ],
)
def test_deciding_wants_a_token(
    method: str, path: str, call_as: Callable[[Settings, str | None], Call], settings: Settings
) -> None:
    """What strangers sent in is not for strangers."""
    assert call_as(settings, None)(method, path).status_code == 401


def test_the_api_describes_which_calls_are_open(
    make_app: Callable[[Settings, Store], FastAPI], settings: Settings, sqlite_store: Store
) -> None:
    """/openapi.json says where a token is needed."""
    paths = make_app(settings, sqlite_store).openapi()["paths"]
    assert "security" not in paths["/api/listings"]["get"]
    assert paths["/api/listings/pending"]["get"]["security"]
