"""Ends of lists as servers say them, and as they say them wrongly."""

from typing import Any

import pytest
from support.answering import Refusal
from support.odd_lists import Query, by_cursor, end, ids, read, read_on, rows

from syncline.errors import RejectedError
from syncline.model.ending import End
from syncline.upstreams.paging import Cursor, Link, Offset, OnePage, PageNumber, Paging
from syncline.upstreams.rest import RestPages


@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Offset(page_size=10), Cursor(), Link(next_at="next")])
def test_fewer_items_than_the_total_are_no_end(paging: Paging) -> None:
    """850 of 1,000 came, and the 150 others were deleted."""

    def answer(query: Query) -> object:
        size = 10
        start = int(query.get("offset", query.get("cursor", (int(query.get("page", 1)) - 1) * size)))
        shown = rows(start, min(start + size, 35))
        following = str(start + size) if start + size < 35 else None
        link = None if following is None else f"list?cursor={following}"
        return {"data": shown, "total": 50, "next_cursor": following, "next": link}

    pages, server = read(answer, paging, total="total")
    assert sorted(set(ids(pages))) == list(range(35))
    assert end(pages) is End.CONTRADICTED
    assert len(server.asked) <= 12


@pytest.mark.parametrize("more", ["has_more", "!done"])
def test_more_without_a_next_cursor_is_no_end(more: str) -> None:
    """Salesforce says `done: false`, others `has_more: true`; a cut answer has no cursor beside it."""
    told = {"has_more": True, "done": False}
    pages, _ = read(by_cursor([{"data": rows(0, 3), "next_cursor": None, **told}]), Cursor(more=more))
    assert end(pages) is End.CONTRADICTED


@pytest.mark.parametrize(
    ("more", "goes_on", "ends"),
    [
        ("has_more", "true", "false"),
        ("has_more", "1", "0"),
        ("has_more", 1, 0),
        ("!done", "false", "true"),
        ("!done", "0", "1"),
        ("!done", "N", "Y"),
    ],
)
def test_whether_there_is_more_is_read_as_it_is_meant(more: str, goes_on: object, ends: object) -> None:
    """`done: "false"` was true, for it is text: the first page was the whole list, and 30 live rows were deleted."""
    name = more.removeprefix("!")
    answers = [
        {"data": rows(0, 10), "next_cursor": "1", name: goes_on},
        {"data": rows(10, 20), "next_cursor": None, name: ends},
    ]
    pages, _ = read(by_cursor(answers), Cursor(more=more))
    assert (ids(pages), end(pages)) == (list(range(20)), End.REACHED)


@pytest.mark.parametrize("total", [50.0, "50", "50.0", " 50 "])
def test_a_total_is_read_however_it_is_written(total: object) -> None:
    """A float was no total at all, and a list that was cut short was believed."""
    pages, _ = read(by_cursor([{"data": rows(0, 10), "next_cursor": None, "total": total}]), Cursor(), total="total")
    assert end(pages) is End.CONTRADICTED


@pytest.mark.parametrize("hole", [{47}, set(range(40, 50))])
@pytest.mark.parametrize("ahead", [1, 8])
def test_behind_a_capped_total_neither_a_short_page_nor_an_empty_one_is_the_end(hole: set[int], ahead: int) -> None:
    """More came than the total says, so it confirms nothing: 20 live rows behind the hole were deleted."""

    def answer(query: Query) -> object:
        start = (int(query["page"]) - 1) * 10
        shown = [row for row in rows(start, min(start + 10, 65)) if row["id"] not in hole]
        return {"data": shown, "total": 20}

    pages, _ = read(answer, PageNumber(page_size=10), total="total", ahead=ahead)
    assert set(ids(pages)) == set(range(65)) - hole


def test_an_offset_goes_on_behind_a_short_answer_where_the_total_is_capped() -> None:
    """As page numbers do."""

    def answer(query: Query) -> object:
        start = int(query["offset"])
        return {"data": [row for row in rows(start, min(start + 10, 65)) if row["id"] != 47], "total": 20}

    pages, _ = read(answer, Offset(page_size=10), total="total")
    assert set(ids(pages)) == set(range(65)) - {47}


@pytest.mark.parametrize("hole", [2, 3, 4])
@pytest.mark.parametrize("told", ["total", "more"])
@pytest.mark.parametrize("ahead", [1, 8])
def test_an_empty_page_in_the_middle_is_passed(hole: int, told: str, ahead: int) -> None:
    """A page that fails comes empty; what is behind it is read, and the list is known to be not whole."""

    def answer(query: Query) -> object:
        page = int(query["page"])
        shown = [] if page == hole else rows((page - 1) * 10, min(page * 10, 50))
        return {"data": shown, **({"total": 50} if told == "total" else {"more": page < 5})}

    paging = PageNumber(page_size=10, more="more" if told == "more" else None)
    pages, _ = read(answer, paging, total="total" if told == "total" else None, ahead=ahead)
    assert len(ids(pages)) == 40
    assert end(pages) is End.CONTRADICTED or any(page.moved for page in pages)


@pytest.mark.parametrize("size", [10, 1])
@pytest.mark.parametrize("hole", [2, 4])
def test_a_hole_in_a_list_by_positions_is_passed_and_told(hole: int, size: int) -> None:
    """It is no end, with a total or without: what it hides was deleted, and what lay behind it."""

    def answer(query: Query) -> object:
        start, count = int(query["offset"]), int(query["limit"])
        reached = range(start, min(start + count, 5 * size))
        return {"data": [] if hole * size in reached else rows(reached.start, reached.stop)}

    pages, server = read(answer, Offset(page_size=size), ahead=1)
    expected = End.REACHED if (hole == 4 and size == 1) else End.CONTRADICTED
    assert end(pages) is expected
    assert len(server.asked) < 20


def test_an_empty_page_behind_a_full_one_is_looked_behind() -> None:
    """Without a total it is the end as well as a hole; one page more tells."""
    pages, _ = read(
        lambda query: {"data": [] if query["page"] == "2" else rows(int(query["page"]) * 10, 40)[:10]},
        PageNumber(page_size=10),
    )
    assert ids(pages) == [*range(10, 20), *range(30, 40)]
    assert any(page.moved for page in pages)


@pytest.mark.parametrize("total", [None, "total"])
@pytest.mark.parametrize("ahead", [1, 8])
def test_an_empty_page_is_looked_behind_also_where_the_walk_was_resumed_there(*, total: str | None, ahead: int) -> None:
    """A tight budget ends the session behind each page; the rows behind the hole were taken for gone then."""

    def answer(query: Query) -> object:
        page = int(query["page"])
        return {"data": [] if page == 3 else rows(page * 10 - 10, min(page * 10, 50)), "total": 50}

    pages = RestPages(path="list", items="data", paging=PageNumber(page_size=10), total=total, ahead=ahead)
    got = read_on(answer, pages, cut_at=frozenset(range(100)))
    assert ids(got) == [*range(20), *range(30, 50)]
    assert end(got) is End.CONTRADICTED or any(page.moved for page in got)


@pytest.mark.parametrize("paging", [Cursor(cursor_at="nextt"), Link(next_at="links.nextt"), Cursor(cursor_at="a.b.c")])
def test_a_path_that_no_page_has_is_no_end(paging: Paging) -> None:
    """A mistyped path, or one that the upstream renamed, made one page of the whole list."""
    body = {"data": rows(0, 10), "next_cursor": "10", "links": {"next": "list?cursor=10"}, "a": {}}
    pages, _ = read(lambda _: body, paging)
    assert end(pages) is End.CONTRADICTED
    assert pages[-1].ending is not None
    assert "next one should be named" in pages[-1].ending.reason


@pytest.mark.parametrize(
    ("paging", "total", "body"),
    [
        (Cursor(), "total", {"total": 3}),
        (Cursor(more="more"), None, {"more": False}),
        (Cursor(size="limit", page_size=10), None, {}),
        (Cursor(may_lack=True), None, {}),
        (Cursor(), None, {"next_cursor": None}),
        (Cursor(), None, {"next_cursor": ""}),
        (Link(next_at="next"), None, {"next": None}),
        (Link(next_at="next", may_lack=True), None, {}),
        (Link(), None, {}),
    ],
)
def test_a_list_of_one_page_ends_where_anything_confirms_it(
    paging: Paging, total: str | None, body: dict[str, Any]
) -> None:
    """Google leaves `nextPageToken` out on the last page: a short page, a total or a declaration confirms the end."""
    pages, server = read(lambda _: {"data": rows(0, 3), **body}, paging, total=total)
    assert (ids(pages), end(pages), len(server.asked)) == ([0, 1, 2], End.REACHED, 1)


@pytest.mark.parametrize("status", [400, 404, 416, 422])
@pytest.mark.parametrize("count", [20, 25, 5])
@pytest.mark.parametrize("total", ["total", None])
@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Offset(page_size=10)])
def test_a_refused_page_behind_the_last_is_the_end(status: int, count: int, total: str | None, paging: Paging) -> None:
    """WordPress answers 400; the total is reached, or the page before can still be had."""

    def answer(query: Query) -> object:
        start = int(query["offset"]) if "offset" in query else (int(query["page"]) - 1) * int(query["per_page"])
        size = int(query.get("per_page", query.get("limit", 10)))
        return {"data": rows(start, min(count, start + size)), "total": count} if start < count else Refusal(status)

    pages, _ = read(answer, paging, total=total)
    assert (ids(pages), end(pages)) == (list(range(count)), End.REACHED)


@pytest.mark.parametrize("status", [400, 404])
def test_a_refused_page_before_the_total_is_no_end(status: int) -> None:
    """The list goes on, says its total."""
    pages, _ = read(
        lambda query: (
            Refusal(status)
            if int(query["page"]) > 2
            else {"data": rows(int(query["page"]) * 10, int(query["page"]) * 10 + 10), "total": 50}
        ),
        PageNumber(page_size=10),
        total="total",
    )
    assert end(pages) is End.CONTRADICTED


def test_a_first_page_that_is_refused_is_an_error() -> None:
    """There is no list at all, which is not an empty one."""
    for paging in (PageNumber(), Offset(), Cursor(), OnePage()):
        with pytest.raises(RejectedError):
            read(lambda _: Refusal(404), paging)


@pytest.mark.parametrize("cap", [3, 7])
@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Offset(page_size=10)])
def test_a_total_that_is_capped_hides_nothing(cap: int, paging: Paging) -> None:
    """Search servers count to 10,000 and have more; the page size is capped as well."""

    def answer(query: Query) -> object:
        size = min(cap, int(query.get("per_page", query.get("limit", 10))))
        start = int(query["offset"]) if "offset" in query else (int(query["page"]) - 1) * size
        return {"data": rows(start, min(45, start + size)), "total": 20}

    pages, _ = read(answer, paging, total="total")
    assert (ids(pages), end(pages)) == (list(range(45)), End.REACHED)
