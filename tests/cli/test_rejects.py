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
    """A partial session with two rejects; a newer one of the source has none."""
    kept = keep(id="partial", status=Status.PARTIAL, items_rejected=2)
    keep(id="newer", started_at=datetime.now(UTC) - timedelta(minutes=1))
    with store.write() as connection:
        rows = [(7, "price: must not be negative", b'{"id": 7, "price": -1}'), (None, "no key", b"[]")]
        rejects.add(connection, kept.id, kept.source, rows, now=store.clock.now())
    return kept


@pytest.mark.parametrize("of", ["partial", "products"])
def test_rejected_items_are_shown_with_their_reason(of: str, syncline: Syncline, partial: SyncSession) -> None:
    """By the session, as its summary says; or by the source, whose newest session with any is meant."""
    done = syncline("rejects", of)
    assert done.stdout.splitlines()[0] == "2 rejected in partial:"
    assert "price: must not be negative" in done.stdout
    assert '{"id": 7, "price": -1}' in done.stdout


def test_a_long_list_is_cut_and_says_so(syncline: Syncline, partial: SyncSession) -> None:
    """A whole table of rejects must not scroll its reason out of sight."""
    lines = syncline("rejects", "products", "--limit", "1").stdout.splitlines()
    assert lines[0] == "2 rejected in partial, the first 1:"
    assert len(lines) == 4


def test_json_has_the_items_as_they_came(syncline: Syncline, partial: SyncSession) -> None:
    """The upstream's owner needs the item to mend it."""
    found = json.loads(syncline("rejects", "products", "--json").stdout)
    assert [(reject["item_key"], reject["raw"]) for reject in found] == [("7", '{"id": 7, "price": -1}'), (None, "[]")]
    assert found[0]["rejected_at"].endswith("Z")


def test_a_source_without_rejects_says_so(syncline: Syncline, store: Store) -> None:
    """No news must be recognisable as good news."""
    assert syncline("rejects", "products").stdout == "products has no rejected items\n"


def test_what_is_neither_source_nor_session_is_refused(syncline: Syncline, store: Store) -> None:
    """A mistyped session id must not look like one without rejects."""
    assert syncline("rejects", "products-sync-1").returncode == 2
