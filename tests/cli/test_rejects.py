"""`syncline rejects`: what could not be stored, and why."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess

import pytest

from syncline.model.session import Status, SyncSession
from syncline.store import rejects
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


@pytest.fixture
def partial(keep: Callable[..., SyncSession], store: Store) -> SyncSession:
    """A partial session with two rejects, one of which an earlier one met; a newer session of the source has none."""
    kept = keep(id="partial", status=Status.PARTIAL, items_rejected=2)
    keep(id="newer", started_at=datetime.now(UTC) - timedelta(minutes=1))
    rows = [(7, "price: must not be negative", b'{"id": 7, "price": -1}'), (None, "no key", b"[]")]
    now = store.clock.now()
    with store.write() as connection:
        rejects.add(connection, "earlier", kept.target, rows[:1], now=now - timedelta(hours=2))
        rejects.add(connection, kept.id, kept.target, rows, now=now - timedelta(minutes=5))
    return kept


@pytest.mark.parametrize(
    ("of", "said"), [("partial", "2 rejected in partial:"), ("products", "2 rejected of products:")]
)
def test_rejected_items_are_shown_with_their_reason(
    of: str, said: str, syncline: Syncline, partial: SyncSession
) -> None:
    """By the session, as its summary says; or by the source, for which it does not matter when they were met."""
    done = syncline("rejects", of)
    assert done.stdout.splitlines()[0] == said
    assert "price: must not be negative" in done.stdout
    assert '{"id": 7, "price": -1}' in done.stdout


def test_how_long_an_item_has_been_rejected_is_shown(syncline: Syncline, partial: SyncSession) -> None:
    """One that came today is somebody's slip; one that has come for weeks is the table's."""
    line = next(line for line in syncline("rejects", "products").stdout.splitlines() if "must not be negative" in line)
    assert [word for word in ("2", "2 h ago", "5 min ago") if word not in line] == []


def test_a_long_list_is_cut_and_says_so(syncline: Syncline, partial: SyncSession) -> None:
    """A whole table of rejects must not scroll its reason out of sight."""
    lines = syncline("rejects", "partial", "--limit", "1").stdout.splitlines()
    assert lines[0] == "2 rejected in partial, the first 1:"
    assert len(lines) == 4


def test_json_has_the_items_as_they_came(syncline: Syncline, partial: SyncSession) -> None:
    """The upstream's owner needs the item to mend it."""
    found = json.loads(syncline("rejects", "products", "--json").stdout)
    assert [(reject["item_key"], reject["raw"]) for reject in found] == [("7", '{"id": 7, "price": -1}'), (None, "[]")]
    assert [reject["times"] for reject in found] == [2, 1]
    assert found[0]["first_seen"] < found[0]["last_seen"]
    assert found[0]["last_seen"].endswith("Z")


def test_a_source_without_rejects_says_so(syncline: Syncline, store: Store) -> None:
    """No news must be recognisable as good news."""
    assert syncline("rejects", "products").stdout == "products has no rejected items\n"


def test_what_is_neither_source_nor_session_is_refused(syncline: Syncline, store: Store) -> None:
    """A mistyped session id must not look like one without rejects."""
    assert syncline("rejects", "products-sync-1").returncode == 2
