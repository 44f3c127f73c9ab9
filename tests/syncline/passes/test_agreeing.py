"""Deletions that are refused because they are many: few may always go, and what passes agree on is done."""

import pytest
from support.answering import Answering
from support.odd_shop import shop, source_of
from support.runs import run, stored

from syncline.model.policies import Deletes
from syncline.model.session import Status
from syncline.store.engine import Store
from syncline.upstreams.paging import OnePage, PageNumber


def test_few_rows_may_always_go(store: Store) -> None:
    """One of four is more than a fifth, and no accident; an ended campaign must not be shown for ever."""
    server = shop(4)
    source = source_of(OnePage(), deletes=Deletes(max_fraction=0.2))
    run(store, source, transport=Answering(server))
    del server.rows[0]
    assert run(store, source, transport=Answering(server)).deleted == 1
    server.rows.clear()
    assert run(store, source, transport=Answering(server)).deleted == 3


@pytest.mark.parametrize(("agreeing", "expected"), [(3, [0, 0, 20, 0]), (1, [20, 0, 0, 0]), (None, [0, 0, 0, 0])])
def test_what_full_passes_agree_on_is_done(store: Store, agreeing: int | None, expected: list[int]) -> None:
    """Partial for ever is no answer: after so many passes that found the same rows gone, they go."""
    server = shop()
    deletes = Deletes(max_fraction=0.2, agreeing_passes=agreeing)
    source = source_of(PageNumber(page_size=10), deletes=deletes)
    run(store, source, transport=Answering(server))
    del server.rows[:20]
    ran = [run(store, source, transport=Answering(server)) for _ in range(4)]
    assert [one.deleted for one in ran] == expected
    assert ran[-1].status is (Status.PARTIAL if agreeing is None else Status.COMPLETED)


def test_rows_that_come_back_begin_the_count_anew(store: Store) -> None:
    """A list that is half there every other hour is an upstream in trouble."""
    server = shop()
    source = source_of(PageNumber(page_size=10), deletes=Deletes(max_fraction=0.2))
    run(store, source, transport=Answering(server))
    whole = list(server.rows)
    for _ in range(4):
        server.rows = whole[20:]
        assert run(store, source, transport=Answering(server)).deleted == 0
        server.rows = whole[:20]
        assert run(store, source, transport=Answering(server)).deleted == 0
    assert len(stored(store)) == 40


def test_rows_that_only_one_pass_missed_are_not_agreed_on(store: Store) -> None:
    """Two passes missed 12 rows, the third got an empty list: all 40 were deleted in the name of three."""
    server = shop()
    source = source_of(PageNumber(page_size=10), deletes=Deletes(max_fraction=0.2))
    run(store, source, transport=Answering(server))
    whole = list(server.rows)
    for kept in (28, 28, 0):
        server.rows = whole[:kept]
        assert run(store, source, transport=Answering(server)).deleted == 0
    assert len(stored(store)) == 40
