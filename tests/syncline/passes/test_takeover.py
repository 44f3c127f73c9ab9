"""A run that lost its session to another one writes nothing any more."""

import pytest
from support.runs import begin, counted, dead_process, products_source, pull, run, session, stored
from support.shop import products
from support.upstream import ListPages

from syncline.errors import CursorExpiredError, SessionLostError, UnavailableError
from syncline.model.session import Status
from syncline.model.target import Target
from syncline.passes.prune import prune
from syncline.store import checkpoints
from syncline.store.engine import Store


def test_a_session_that_was_taken_over_writes_nothing(store: Store) -> None:
    """The page of a run that lost its source is rolled back whole: rows, checkpoint and counters."""
    pages = ListPages(rows=products(range(1, 26)))
    source = products_source(pages)
    lost = begin(store, source, process=dead_process())
    pages.before(2, lambda: _take_over(store, pages))
    with pytest.raises(SessionLostError, match=lost.session_id):
        pull(store, source, lost)
    assert session(store, lost.session_id).status is Status.CRASHED
    assert counted(store, lost.session_id).created == len(stored(store))
    with store.read() as connection:
        row = checkpoints.read(connection, Target("products"))
    before = None if row is None else row.pass_state
    with pytest.raises(SessionLostError):
        pull(store, source, lost)
    with store.read() as connection:
        row = checkpoints.read(connection, Target("products"))
    assert (None if row is None else row.pass_state) == before


def _take_over(store: Store, pages: ListPages) -> None:
    begin(store, products_source(pages))


def test_a_lost_session_deletes_nothing(store: Store) -> None:
    """The deletions are as bound to the session as the pages."""
    pages = ListPages(rows=products(range(1, 26)))
    source = products_source(pages)
    run(store, source)
    pages.rows.clear()
    lost = begin(store, source, process=dead_process())
    pull(store, source, lost)
    begin(store, source)
    with pytest.raises(SessionLostError):
        prune(store, source, lost.session_id)
    assert len(stored(store)) == 25


def test_a_lost_session_begins_no_pass(store: Store) -> None:
    """It would forget what the pass of the session in charge has seen, and rows that are there would be deleted."""
    pages = ListPages(rows=products(range(1, 26)))
    source = products_source(pages)
    lost = begin(store, source, process=dead_process())
    pages.fail_at(2, UnavailableError("down", upstream="erp"), CursorExpiredError("gone", upstream="erp", status=410))
    with pytest.raises(UnavailableError):
        pull(store, source, lost)
    pages.before(2, lambda: _take_over(store, pages))
    with store.read() as connection:
        before = checkpoints.read(connection, Target("products"))
    with pytest.raises(SessionLostError, match=lost.session_id):
        pull(store, source, lost)
    with store.read() as connection:
        assert checkpoints.read(connection, Target("products")) == before
