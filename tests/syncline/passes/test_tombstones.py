"""Upstreams that name what is gone."""

from support.runs import counted, products_source, run, stored
from support.shop import products
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.store.engine import Store


def test_tombstones_delete_rows(store: Store, clock: ManualClock) -> None:
    """An upstream that names what is gone needs no full pass; keys that are not there do not count."""
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    source = products_source(pages)
    run(store, source)
    pages.tombstones[1] = [3, 4, 999]
    pages.rows = products([1], updated_at=clock.advance(seconds=1))
    ran = run(store, source, mode=Mode.INCREMENTAL)
    assert counted(store, ran.session_id) == Tally(pages=1, processed=1, updated=1, deleted=2, requests=1)
    assert set(stored(store)) == set(range(1, 26)) - {3, 4}


def test_an_item_that_comes_back_after_its_tombstone_stays(store: Store, clock: ManualClock) -> None:
    """The later page speaks, whether its commit holds one page or both."""
    pages = ListPages(rows=products(range(1, 26)), incremental=True)
    source = products_source(pages)
    run(store, source)
    pages.tombstones[1] = [25]
    for row in pages.rows:
        row["updated_at"] = clock.advance(seconds=1)
    run(store, source, mode=Mode.INCREMENTAL)
    assert 25 in stored(store)
