"""An upstream most of whose items do not fit: nothing of it is lost, and no run claims success."""

from datetime import datetime
from typing import Any

import pytest
from support.answering import Answering
from support.odd_shop import shop, source_of
from support.runs import begin, pull, run, stored

from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.model.session import Status
from syncline.model.target import Target
from syncline.passes.closing import complete
from syncline.store import checkpoints
from syncline.store.engine import Store
from syncline.upstreams.paging import PageNumber


def test_changes_that_did_not_fit_are_asked_for_until_they_do(store: Store) -> None:
    """One of 30 changes fitted, the newest: the cursor went by it, and the 29 others were never asked for again."""
    server = shop()
    source = source_of(PageNumber(page_size=10), incremental=True)
    run(store, source, transport=Answering(server))
    for number, row in enumerate(server.rows[:30]):
        row.update(name="new", updated_at=f"2026-01-11T00:{number:02}:00Z")
    mended: list[dict[str, Any]] = [dict(row) for row in server.rows]
    for row in server.rows[:29]:
        row["price"] = {"odd": 1}
    assert run(store, source, mode=Mode.INCREMENTAL, transport=Answering(server)).status is Status.FAILED
    server.rows = mended
    assert run(store, source, mode=Mode.INCREMENTAL, transport=Answering(server)).status is Status.COMPLETED
    assert list(stored(store).values()).count("new") == 30


def test_a_pass_that_failed_a_session_completes_no_later_one(store: Store) -> None:
    """It was stored to its end, so the next run had nothing to read, rejected nothing, and said `completed`."""
    server = shop()
    source = source_of(PageNumber(page_size=10))
    for row in server.rows[1:]:
        row["price"] = {"odd": 1}
    admission = begin(store, source)
    assert pull(store, source, admission, transport=Answering(server)).rejected == 39
    assert complete(store, admission.session_id) is Status.FAILED  # its flow ends before the deletions
    assert run(store, source, transport=Answering(server)).status is Status.FAILED


@pytest.mark.parametrize("mode", Mode)
def test_a_pass_that_stored_little_of_what_it_was_sent_makes_nothing_fresher(
    store: Store, clock: ManualClock, mode: Mode
) -> None:
    """`fresh` says that all that the upstream showed then is stored."""
    server = shop()
    source = source_of(PageNumber(page_size=10), incremental=True)
    run(store, source, transport=Answering(server))
    before = fresh(store)
    for row in server.rows:
        row.update(price={"odd": 1}, updated_at="2026-01-11T00:00:00Z")
    assert run(store, source, mode=mode, transport=Answering(server)).status is Status.FAILED
    assert fresh(store) == before
    for row in server.rows[1:]:
        row.update(price="2")
    clock.advance(seconds=5)
    assert run(store, source, mode=mode, transport=Answering(server)).status is Status.PARTIAL
    assert fresh(store) > before


def fresh(store: Store) -> datetime:
    with store.read() as connection:
        row = checkpoints.read(connection, Target("products"))
    assert row is not None
    assert row.read_to is not None
    return row.read_to
