"""Pages are brought in from where the checkpoint stands, each once."""

import pytest
from support.runs import begin, counted, dead_process, products_source, pull, run, session, stored
from support.shop import products
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.errors import CursorExpiredError, UnavailableError
from syncline.model.policies import Mode
from syncline.model.session import Status, Tally
from syncline.passes.closing import close
from syncline.passes.pull import Progress
from syncline.store import heartbeats
from syncline.store.engine import Store

DOWN = UnavailableError("no answer", upstream="erp")
GONE = CursorExpiredError("gone", upstream="erp", status=410)


def test_a_first_pass_creates_everything(store: Store) -> None:
    """25 items in pages of 10: 3 pages, 25 created."""
    pages = ListPages(rows=products(range(1, 26)))
    ran = run(store, products_source(pages))
    assert counted(store, ran.session_id) == Tally(pages=3, processed=25, created=25, requests=3)
    assert stored(store) == {number: f"Product {number}" for number in range(1, 26)}
    assert session(store, ran.session_id).total_pages == 3


def test_a_second_pass_counts_exactly_what_changed(store: Store) -> None:
    """Of 25: 3 changed, 2 gone, 4 new: 27 processed, 20 unchanged."""
    pages = ListPages(rows=products(range(1, 26)))
    source = products_source(pages)
    run(store, source)
    for row in pages.rows[4:7]:
        row["name"] = "new"
    del pages.rows[20:22]
    pages.rows += products(range(30, 34))
    ran = run(store, source)
    assert counted(store, ran.session_id) == Tally(
        pages=3, processed=27, created=4, updated=3, unchanged=20, deleted=2, requests=3
    )
    assert len(stored(store)) == 27


def test_the_same_values_in_another_order_are_no_change(store: Store) -> None:
    """An upstream that writes its keys in another order today has changed nothing; so has one that adds a field."""
    pages = ListPages(rows=products(range(1, 26)))
    source = products_source(pages)
    run(store, source)
    pages.rows = [{**dict(reversed(row.items())), "unheard_of": 1} for row in pages.rows]
    ran = run(store, source)
    assert (ran.pulled.unchanged, ran.pulled.updated) == (25, 0)


def test_a_failed_pass_goes_on_at_the_failed_page(store: Store) -> None:
    """What is stored is not fetched again: the second run begins with page 3."""
    pages = ListPages(rows=products(range(1, 46)))
    pages.fail_at(3, DOWN)
    source = products_source(pages)
    first = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, first)
    close(store, first.session_id, Status.FAILED, error=DOWN)
    assert counted(store, first.session_id) == Tally(pages=2, processed=20, created=20, requests=2)
    pages.fetched.clear()
    second = run(store, source)
    assert pages.fetched == [3, 4, 5]
    assert counted(store, second.session_id) == Tally(pages=3, processed=25, created=25, requests=3)


def test_a_run_that_goes_on_counts_the_pages_that_are_left_to_it(store: Store) -> None:
    """Of 5 pages 2 are stored: its bar goes from 0 to 3, and does not end at three fifths."""
    pages = ListPages(rows=products(range(1, 46)))
    pages.fail_at(3, DOWN)
    source = products_source(pages)
    first = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, first)
    assert session(store, first.session_id).total_pages == 5
    close(store, first.session_id, Status.FAILED, error=DOWN)
    found = session(store, run(store, source).session_id)
    assert (found.pages_processed, found.total_pages) == (3, 3)


def test_a_retried_pull_goes_on_within_its_session(store: Store) -> None:
    """Attempts of one session add up to the same counters as one undisturbed attempt."""
    pages = ListPages(rows=products(range(1, 46)))
    pages.fail_at(2, DOWN)
    pages.fail_at(4, DOWN, DOWN)
    source = products_source(pages)
    admission = begin(store, source)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            pull(store, source, admission)
    pull(store, source, admission)
    assert counted(store, admission.session_id) == Tally(pages=5, processed=45, created=45, requests=5)
    assert session(store, admission.session_id).total_pages == 5
    assert pages.fetched == [1, 2, 2, 3, 4, 4, 4, 5]


def test_a_pass_that_is_whole_fetches_nothing_more(store: Store) -> None:
    """A run that died between its last page and the deletions leaves only these to the next."""
    pages = ListPages(rows=products(range(1, 26)))
    source = products_source(pages)
    run(store, source)
    del pages.rows[0]
    pull(store, source, begin(store, source, process=dead_process()))
    pages.fetched.clear()
    after = run(store, source)
    assert pages.fetched == []
    assert (after.pulled, after.deleted) == (Tally(), 1)


def test_an_incremental_run_finishes_a_full_pass_that_was_begun(store: Store) -> None:
    """Deletions are found by the pass as a whole, whichever session ends it."""
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    source = products_source(pages)
    run(store, source)
    del pages.rows[3]
    pages.fail_at(2, DOWN)
    broken = begin(store, source, process=dead_process())
    with pytest.raises(UnavailableError):
        pull(store, source, broken)
    ran = run(store, source, mode=Mode.INCREMENTAL)
    assert session(store, ran.session_id).mode is Mode.FULL
    assert ran.deleted == 1


def test_a_full_run_does_not_stop_at_what_an_incremental_one_began(store: Store, clock: ManualClock) -> None:
    """Who asks for all of it gets all of it, from the first page."""
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    source = products_source(pages)
    run(store, source)
    for row in pages.rows:
        row["updated_at"] = clock.advance(seconds=1)
    pages.fail_at(2, DOWN)
    with pytest.raises(UnavailableError):
        pull(store, source, begin(store, source, mode=Mode.INCREMENTAL, process=dead_process()))
    ran = run(store, source, mode=Mode.FULL)
    assert pages.asked[-1].mode is Mode.FULL
    assert pages.asked[-1].resume is None
    assert ran.pulled == Tally(pages=3, processed=25, updated=15, unchanged=10, requests=3)


def test_an_upstream_that_forgot_the_cursor_is_read_in_full(store: Store) -> None:
    """410 in an incremental pass: the same run begins again with all of it."""
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    source = products_source(pages)
    run(store, source)
    del pages.rows[0]
    pages.fail_at(1, GONE)
    ran = run(store, source, mode=Mode.INCREMENTAL)
    assert [ask.mode for ask in pages.asked] == [Mode.FULL, Mode.INCREMENTAL, Mode.FULL]
    assert (ran.status, ran.pulled.unchanged, ran.deleted) == (Status.COMPLETED, 24, 1)


def test_a_full_pass_whose_place_was_forgotten_begins_anew(store: Store) -> None:
    """A cursor from yesterday that the upstream no longer knows must not stop the source for ever."""
    pages = ListPages(rows=products(range(1, 26)))
    pages.fail_at(2, DOWN, GONE)
    source = products_source(pages)
    with pytest.raises(UnavailableError):
        pull(store, source, begin(store, source, process=dead_process()))
    ran = run(store, source)
    assert pages.fetched == [1, 2, 2, 1, 2, 3]
    assert (ran.status, len(stored(store))) == (Status.COMPLETED, 25)


def test_a_first_full_pass_whose_place_is_forgotten_under_way_begins_anew(store: Store) -> None:
    """The walk that was just begun is no better than one of yesterday: its cursor expired, the list did not."""
    pages = ListPages(rows=products(range(1, 26)))
    pages.fail_at(2, GONE)
    ran = run(store, products_source(pages))
    assert pages.fetched == [1, 2, 1, 2, 3]
    assert (ran.status, len(stored(store))) == (Status.COMPLETED, 25)


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
def test_an_upstream_that_forgets_each_place_is_asked_twice_and_no_more(store: Store, mode: Mode) -> None:
    """Were it begun anew for ever, the run would read the first page until its timeout; the error is told instead."""
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    source = products_source(pages)
    run(store, source)
    pages.fetched.clear()
    if mode is Mode.INCREMENTAL:
        pages.fail_at(1, GONE)  # its cursor is forgotten as well: that is no full pass yet
    pages.fail_at(2, GONE, GONE)
    admission = begin(store, source, mode=mode)
    with pytest.raises(CursorExpiredError):
        pull(store, source, admission)
    assert pages.fetched == [*([1] if mode is Mode.INCREMENTAL else []), 1, 2, 1, 2]


def test_a_list_that_is_gone_altogether_is_told_at_once(store: Store) -> None:
    """410 to the first page without any cursor: there is nothing to begin anew with."""
    pages = ListPages(rows=products(range(1, 26)))
    pages.fail_at(1, GONE)
    source = products_source(pages)
    with pytest.raises(CursorExpiredError):
        pull(store, source, begin(store, source))
    assert pages.fetched == [1]


def test_an_empty_upstream_is_a_pass_too(store: Store) -> None:
    """No items are an answer: the session ends, and nothing hangs."""
    ran = run(store, products_source(ListPages()))
    assert (ran.status, ran.pulled.processed, ran.deleted) == (Status.COMPLETED, 0, 0)


def test_a_hold_between_pages_of_one_batch_cannot_be_seen_but_progress_can(store: Store) -> None:
    """Each commit tells how far the pass is: pages, pages in all, items."""
    heard: list[Progress] = []

    async def hear(progress: Progress) -> None:
        heard.append(progress)

    source = products_source(ListPages(rows=products(range(1, 26))))
    pull(store, source, begin(store, source), on_page=hear)
    assert heard[-1] == Progress(pages=3, total_pages=3, items=25)
    assert all(one.total_pages == 3 for one in heard)
    with store.read() as connection:
        assert [beat.page for beat in heartbeats.every(connection)] == [3]
