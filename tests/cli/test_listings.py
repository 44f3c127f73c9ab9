"""`syncline listings`: what waits, and what is decided of it."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from support.listings import entry, feed, statuses
from support.runs import run
from support.upstream import ListPages

from syncline.model.items import ItemStatus
from syncline.store import audit
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


@pytest.fixture
def filled(store: Store) -> Store:
    """Three listings that wait, and two that are live."""
    run(store, feed(ListPages(rows=[entry(key, f"Title of {key}", status="hot") for key in ("a/1", "b", "c")])))
    run(store, feed(ListPages(rows=[entry(key) for key in ("q1", "q2")]), "quests", moderated=False))
    return store


@pytest.mark.usefixtures("filled")
def test_what_waits_is_listed_with_what_to_do(syncline: Syncline) -> None:
    """A moderator copies the next command from here."""
    done = syncline("listings", "pending", "--limit", "2")
    assert "Title of a/1" in done.stdout
    assert "q1" not in done.stdout
    assert "… and 1 more listing: `--limit 3`" in done.stdout
    assert "`syncline listings show community a/1`" in done.stdout
    assert [one["external_id"] for one in json.loads(syncline("listings", "pending", "--json").stdout)] == [
        "a/1",
        "b",
        "c",
    ]
    assert syncline("listings", "pending", "--source", "quests").stdout == "nothing waits for a decision\n"


def test_several_are_approved_at_once(syncline: Syncline, filled: Store) -> None:
    """One that is gone does not keep the others, and shows in the exit code."""
    done = syncline("listings", "approve", "community", "a/1", "gone", "b", "a/1")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["community a/1: live", "community b: live", "community a/1: live already"]
    assert done.stderr == "syncline: community gone: there is no such listing, or no longer\n"
    assert statuses(filled) == {"a/1": ItemStatus.LIVE, "b": ItemStatus.LIVE, "c": ItemStatus.PENDING}


def test_rejecting_wants_a_reason(syncline: Syncline, filled: Store) -> None:
    """It is what the audit log is read for."""
    assert syncline("listings", "reject", "community", "c").returncode == 2
    assert syncline("listings", "reject", "community", "c", "--reason", " ").returncode == 2
    assert syncline("listings", "reject", "community", "c", "--reason", "a scam").stdout == "community c: rejected\n"
    with filled.read() as connection:
        (made,) = audit.latest(connection)
    assert (made.action, made.target, "a scam" in (made.detail or "")) == ("listing.reject", "community/c", True)


@pytest.mark.usefixtures("filled")
def test_one_listing_is_shown_whole(syncline: Syncline) -> None:
    """What no column holds is what a decision is made on; the feed's own status is not taken for ours."""
    shown = syncline("listings", "show", "community", "b").stdout
    assert "pending" in shown
    assert "feed: status" in shown
    assert json.loads(syncline("listings", "show", "community", "b", "--json").stdout)["attributes"]["status"] == "hot"
    missing = syncline("listings", "show", "community", "z")
    assert (missing.returncode, "there is no listing 'z'" in missing.stderr) == (1, True)


@pytest.mark.usefixtures("filled")
def test_listings_are_picked_by_what_they_say(syncline: Syncline) -> None:
    """By feed and status, as a table or as JSON."""
    found = json.loads(syncline("listings", "list", "--status", "live", "--project", "acme", "--json").stdout)
    assert [(one["source"], one["external_id"]) for one in found] == [("quests", "q1"), ("quests", "q2")]
    assert "Title of c" in syncline("listings", "list", "community").stdout
    assert syncline("listings", "list", "--chain", "none").stdout == "there are no such listings\n"


@pytest.mark.parametrize(
    "arguments", [("approve", "products", "1"), ("list", "products"), ("pending", "--source", "products")]
)
def test_a_source_without_listings_is_told(syncline: Syncline, store: Store, arguments: tuple[str, ...]) -> None:
    """The shop's products are in another table; the feeds are named."""
    done = syncline("listings", *arguments)
    assert done.returncode == 1
    assert "products has no listings; these have: airdrops, " in done.stderr
