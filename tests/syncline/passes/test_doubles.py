"""Keys that a list shows more than once: other items, the same ones again, and ones that moved."""

import pytest
from support.answering import Answering
from support.odd_shop import KINDS, shop, source_of
from support.runs import begin, pull, run, stored

from syncline.errors import SameKeyError
from syncline.model.policies import SameKey
from syncline.model.session import Status
from syncline.store.engine import Store
from syncline.upstreams.paging import Cursor, OnePage, PageNumber, Paging


@pytest.mark.parametrize("paging", [*KINDS, OnePage()])
def test_two_items_with_one_key_are_one_row_and_one_reject(store: Store, paging: Paging) -> None:
    """A JOIN upstream shows product 3 twice, with other contents: nothing flips, nothing is lost in silence."""
    server = shop(30, tells_total=False)
    server.rows[14:14] = [{**server.rows[2], "name": "another"}]
    if isinstance(paging, OnePage):
        server.rows = [*server.rows[:10], {**server.rows[2], "name": "another"}]
        server.rows = server.rows[:9] + server.rows[10:]
    source = source_of(paging, total=False)
    run(store, source, transport=Answering(server))
    first = stored(store)
    begun = server.requests
    for _ in range(2):
        ran = run(store, source, transport=Answering(server))
        assert (ran.pulled.updated, ran.pulled.rejected, ran.status) == (0, 1, Status.PARTIAL)
    assert stored(store) == first
    assert first[3] == "Product 3"
    assert (server.requests - begun) // 2 <= 6  # a second walk in every pass for ever is no answer


def test_the_same_item_twice_is_no_change_and_no_second_walk_for_ever(store: Store) -> None:
    """It is known from the pass before that this list shows it twice."""
    server = shop(30)
    server.rows[14:14] = [server.rows[2]]
    source = source_of(PageNumber(page_size=10))
    requests: list[int] = []
    for _ in range(2):
        begun = server.requests
        run(store, source, transport=Answering(server))
        requests.append(server.requests - begun)
    begun = server.requests
    ran = run(store, source, transport=Answering(server))
    requests.append(server.requests - begun)
    assert (ran.pulled.updated, ran.pulled.unchanged, ran.status) == (0, 30, Status.COMPLETED)
    assert requests[0] > requests[1] == requests[2]


def test_an_item_that_moved_and_changed_is_the_newer_one(store: Store) -> None:
    """It was changed upstream, and came again at the end of the list: no second item, by its `updated_at`."""
    server = shop(30, tells_total=False)
    server.rows.append({**server.rows[2], "name": "newer", "updated_at": "2026-01-12T00:00:00Z"})
    source = source_of(Cursor(stable=True), total=False)
    ran = run(store, source, transport=Answering(server))
    assert (stored(store)[3], ran.pulled.rejected, ran.status) == ("newer", 0, Status.COMPLETED)


def test_a_source_may_fail_for_a_key_that_comes_twice(store: Store) -> None:
    """Who wants no row in place of two says so."""
    server = shop(5)
    server.rows.append({**server.rows[2], "name": "another"})
    source = source_of(Cursor(stable=True), same_key=SameKey.FAIL)
    admission = begin(store, source)
    with pytest.raises(SameKeyError, match="the key 3"):
        pull(store, source, admission, transport=Answering(server))
    assert stored(store) == {}
