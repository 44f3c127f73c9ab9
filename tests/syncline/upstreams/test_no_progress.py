"""Walks that get nowhere: how soon that is noticed, and what is concluded."""

import pytest
from support.odd_lists import Query, end, ids, read, rows

from syncline.model.ending import End
from syncline.upstreams.paging import Cursor, Link, Offset, PageNumber, Paging


@pytest.mark.parametrize("length", [1, 2, 5, 20])
@pytest.mark.parametrize("paging", [Cursor(), Link(next_at="next")])
def test_a_circle_is_noticed_within_one_round(paging: Paging, length: int) -> None:
    """7,423 requests in 25 seconds, run after run."""

    def answer(query: Query) -> object:
        at = int(query.get("cursor", 0))
        following = str((at + 1) % length)
        return {"data": rows(at * 10, at * 10 + 10), "next_cursor": following, "next": f"list?cursor={following}"}

    pages, server = read(answer, paging)
    assert end(pages) is End.CIRCLES
    assert len(server.asked) <= length + 1
    assert ids(pages) == list(range(10 * length))


@pytest.mark.parametrize("length", [1, 3])
def test_pages_that_come_again_under_new_cursors_are_noticed(length: int) -> None:
    """A cursor that is signed anew each time never repeats; its pages do."""
    calls = iter(range(1_000))

    def answer(_: Query) -> object:
        at = next(calls)
        return {"data": rows(at % length * 10, at % length * 10 + 10), "next_cursor": f"signed-{at}"}

    pages, server = read(answer, Cursor())
    assert end(pages) is End.CIRCLES
    assert len(server.asked) <= length + 2


@pytest.mark.parametrize("count", [30, 35, 10, 7])
@pytest.mark.parametrize("total", ["total", None])
@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Offset(page_size=10)])
@pytest.mark.parametrize("ahead", [1, 8])
def test_the_last_page_again_for_all_behind_it_is_the_end(
    count: int, total: str | None, paging: Paging, ahead: int
) -> None:
    """Django's `get_page` and json-server do so; it is read once, and few requests find out."""

    def answer(query: Query) -> object:
        size = int(query.get("per_page", query.get("limit", 10)))
        if "offset" in query:
            start = max(0, min(int(query["offset"]), count - size))
        else:
            start = min(int(query["page"]) - 1, (count - 1) // size) * size
        return {"data": rows(start, min(count, start + size)), "total": count}

    pages, server = read(answer, paging, total=total, ahead=ahead)
    assert (ids(pages), end(pages)) == (list(range(count)), End.REACHED)
    assert not any(page.moved for page in pages)
    assert len(server.asked) <= 16


@pytest.mark.parametrize("honours_size", [True, False])
@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Offset(page_size=10), PageNumber(size=None)])
def test_a_parameter_that_is_ignored_is_noticed_at_once(paging: Paging, *, honours_size: bool) -> None:
    """The first page comes for ever; what lies behind it was taken for gone."""

    def answer(query: Query) -> object:
        size = int(query.get("per_page", query.get("limit", 10))) if honours_size else 10
        return {"data": rows(0, size)}

    pages, server = read(answer, paging)
    assert end(pages) is not End.REACHED
    assert set(ids(pages)) == set(range(10))
    assert len(server.asked) <= 12
