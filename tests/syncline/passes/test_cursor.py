"""The cursor: the instant up to which all changes are surely read."""

from datetime import datetime, timedelta

import pytest
from support.runs import begin, products_source, pull, run, stored
from support.shop import OPENED, product, products
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.errors import UnavailableError
from syncline.model.policies import Mode
from syncline.passes.prune import prune
from syncline.store import checkpoints
from syncline.store.engine import Store


def cursor(store: Store) -> datetime | None:
    with store.read() as connection:
        row = checkpoints.read(connection, "products", None)
    return None if row is None or row.cursor is None else datetime.fromisoformat(row.cursor)


def upstream(clock: ManualClock, *, ahead_seconds: float = 0, tells_time: bool = True) -> ListPages:
    """Ten products, changed in the last ten minutes; its clock differs from ours."""
    rows = [product(n, updated_at=clock.now() - timedelta(minutes=n)) for n in range(1, 11)]

    def time() -> datetime:
        return clock.now() + timedelta(seconds=ahead_seconds)

    return ListPages(rows=rows, incremental=True, clock=time if tells_time else None)


def test_it_is_the_newest_change_that_was_seen(store: Store, clock: ManualClock) -> None:
    """The next pass asks from there on, less the lag."""
    pages = upstream(clock)
    newest = pages.rows[0]["updated_at"]
    run(store, products_source(pages, lag_seconds=60))
    assert cursor(store) == newest
    run(store, products_source(pages, lag_seconds=60), mode=Mode.INCREMENTAL)
    assert pages.asked[-1].updated_since == newest - timedelta(seconds=60)


@pytest.mark.parametrize(
    ("ahead_seconds", "tells_time", "expected_seconds"),
    [
        (0, True, 0),  # both clocks agree: the pass's start
        (-30, True, -30),  # the upstream's clock is late: its own start of the pass
        (30, True, 30),  # it is early: the same
        (30, False, 0),  # it tells no time: ours
    ],
)
def test_it_is_never_later_than_the_start_of_the_pass(
    store: Store, clock: ManualClock, *, ahead_seconds: float, tells_time: bool, expected_seconds: float
) -> None:
    """A change made while the pass ran may have hit an item behind the walker: the next pass must ask for it again."""
    pages = upstream(clock, ahead_seconds=ahead_seconds, tells_time=tells_time)
    pages.rows[5]["updated_at"] = clock.now() + timedelta(hours=1)
    source = products_source(pages)
    start = clock.advance(seconds=1)
    admission = begin(store, source)
    pull(store, source, admission)
    prune(store, source, admission.session_id)
    assert cursor(store) == start + timedelta(seconds=expected_seconds)


def test_a_change_behind_the_walker_comes_with_the_next_pass(store: Store, clock: ManualClock) -> None:
    """Item 1 changes after its page was read, item 15 a moment later before its own is."""
    pages = ListPages(rows=products(range(1, 21)), incremental=True, clock=clock.now)

    def change() -> None:
        for index in (0, 14):
            pages.rows[index].update(name="new", updated_at=clock.advance(seconds=1))

    pages.before(2, change)
    source = products_source(pages)
    run(store, source)
    assert (stored(store)[1], stored(store)[15]) == ("Product 1", "new")
    run(store, source, mode=Mode.INCREMENTAL)
    assert stored(store)[1] == "new"


def test_a_resumed_pass_counts_from_its_first_start(store: Store, clock: ManualClock) -> None:
    """What happened between the two halves of a pass may be behind the walker, too."""
    pages = ListPages(rows=products(range(1, 21)), incremental=True, clock=clock.now)
    pages.fail_at(2, UnavailableError("down", upstream="erp"))
    source = products_source(pages)
    admission = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, admission)
    start = clock.now()
    pages.rows[0].update(name="new", updated_at=clock.advance(seconds=60))
    pages.rows[19].update(name="new", updated_at=clock.advance(seconds=60))
    pull(store, source, admission)
    prune(store, source, admission.session_id)
    assert cursor(store) == start


def test_the_upstreams_time_of_a_later_page_is_not_the_start(store: Store, clock: ManualClock) -> None:
    """Where the first answer told no time, ours counts, also when a later answer tells one."""
    pages = ListPages(rows=products(range(1, 21)), incremental=True)
    pages.fail_at(2, UnavailableError("down", upstream="erp"))
    source = products_source(pages)
    admission = begin(store, source)
    with pytest.raises(UnavailableError):
        pull(store, source, admission)
    start = clock.now()
    pages.clock = clock.now
    pages.rows[19].update(name="new", updated_at=clock.advance(seconds=60))
    pull(store, source, admission)
    prune(store, source, admission.session_id)
    assert cursor(store) == start


def test_it_never_goes_back(store: Store, clock: ManualClock) -> None:
    """A pass that meets only old changes leaves it where it is."""
    pages = upstream(clock)
    source = products_source(pages)
    run(store, source)
    before = cursor(store)
    pages.rows = [product(99, updated_at=OPENED)]
    run(store, source, mode=Mode.FULL)
    assert cursor(store) == before


def test_it_moves_only_with_the_end_of_a_pass(store: Store, clock: ManualClock) -> None:
    """Half of a pass vouches for nothing."""
    pages = upstream(clock)
    pages.page_size = 5
    source = products_source(pages)
    run(store, source)
    before = cursor(store)
    for row in pages.rows:
        row["updated_at"] = clock.advance(seconds=1)
    pages.fail_at(2, UnavailableError("down", upstream="erp"))
    with pytest.raises(UnavailableError):
        run(store, source, mode=Mode.INCREMENTAL)
    assert cursor(store) == before


def test_a_known_table_without_a_cursor_gets_one_that_vouches_for_no_more_than_it_saw(
    store: Store, clock: ManualClock
) -> None:
    """All items are known and none is decoded: the newest that is stored counts, up to the pass's start."""
    pages = upstream(clock)
    pages.rows[5]["updated_at"] = clock.now() + timedelta(hours=1)
    source = products_source(pages)
    run(store, source)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM checkpoints")
    run(store, source)
    assert cursor(store) == clock.now()


def test_what_was_changed_within_the_lag_is_read_again_and_is_unchanged(store: Store, clock: ManualClock) -> None:
    """Reading twice costs little and counts as unchanged; missing a change would cost the change."""
    pages = upstream(clock)
    source = products_source(pages, lag_seconds=240)
    run(store, source)
    ran = run(store, source, mode=Mode.INCREMENTAL)
    assert (ran.pulled.processed, ran.pulled.unchanged) == (5, 5)  # changed 1, 2, 3, 4 and 5 minutes ago
