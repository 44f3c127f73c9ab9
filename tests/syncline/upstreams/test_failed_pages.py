"""Pages that failed, though they were answered with success; and marks of every kind."""

import asyncio

import pytest
from support.answering import Answering
from support.odd_lists import Query, by_cursor, end, ids, read, rows

from syncline.errors import RejectedError, UnavailableError
from syncline.model.ending import End
from syncline.model.page import Ask
from syncline.upstreams.paging import Cursor, Link, OnePage, Paging
from syncline.upstreams.rest import RestPages


@pytest.mark.parametrize(
    "body",
    [
        {"data": None, "errors": [{"message": "internal error"}]},
        {"data": [{"id": 1}], "errors": [{"message": "internal error"}]},
        {"data": [], "error": "internal error"},
        {"data": [], "total": 0, "success": False},
        {"ok": False, "error": "internal error"},
        {"message": "internal error"},
        {"data": None, "total": 7, "next_cursor": None},
        {"data": None, "has_more": True},
        [],
    ],
)
def test_an_error_inside_a_success_is_a_failed_page(body: object) -> None:
    """It was taken for the end of the list, and 200 rows were deleted; the upstream's own words are quoted."""
    with pytest.raises(UnavailableError) as caught:
        read(lambda _: body, Cursor(more="has_more"), total="total")
    assert "internal error" in str(caught.value) or "internal error" not in str(body)


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, "none", "OK", "0"])
def test_an_error_that_is_none_is_none(value: object) -> None:
    """Many APIs always have the member."""
    pages, _ = read(lambda _: {"data": rows(0, 2), "error": value, "errors": value, "success": True}, OnePage())
    assert (ids(pages), end(pages)) == ([0, 1], End.REACHED)


def test_members_called_error_may_be_something_else() -> None:
    """Then the source says so."""
    server = Answering(lambda _: {"data": rows(0, 1), "error": "yes"})
    pages = RestPages(path="list", items="data", errors=())

    async def scenario() -> int:
        return len([page async for page in pages(server, Ask())])

    assert asyncio.run(scenario()) == 1


@pytest.mark.parametrize("total", [{"value": 40, "relation": "eq"}, [40]])
def test_a_total_that_is_no_number_is_refused(total: object) -> None:
    """Elasticsearch counts in an object: taken for no total, a list that was cut short was believed."""
    with pytest.raises(RejectedError, match="change `total`"):
        read(lambda _: {"data": rows(0, 2), "total": total}, OnePage(), total="total")


def test_null_in_the_middle_of_a_walk_is_an_empty_page() -> None:
    """Go writes an empty slice as null; the walk goes on while a next page is named."""
    answers = [{"data": rows(0, 2), "next_cursor": "1"}, {"data": None, "next_cursor": "2"}, {"data": rows(2, 3)}]
    pages, _ = read(by_cursor(answers), Cursor())
    assert (ids(pages), end(pages)) == ([0, 1, 2], End.REACHED)


@pytest.mark.parametrize(
    ("cursor", "sent"),
    [
        (7, "7"),
        (1.5, "1.5"),
        (b"1766.10", "1766.10"),
        ([1, "a"], '[1,"a"]'),
        ({"k": 2}, '{"k":2}'),
        (b"12345678901234567890123", "12345678901234567890123"),
        (0, "0"),
    ],
)
def test_a_cursor_that_is_no_text_is_sent_as_it_stands(cursor: object, sent: str) -> None:
    """Elasticsearch's `search_after` is a list, Slack's is a number with a point: none of them is the end."""
    text = cursor if isinstance(cursor, bytes) else None

    def answer(query: Query) -> object:
        if "cursor" in query:
            return {"data": rows(2, 3), "next_cursor": None}
        if text is not None:
            return b'{"data": [{"id":0},{"id":1}], "next_cursor": ' + text + b"}"
        return {"data": rows(0, 2), "next_cursor": cursor}

    pages, server = read(answer, Cursor())
    assert (ids(pages), end(pages)) == ([0, 1, 2], End.REACHED)
    assert server.asked[1]["cursor"] == sent


@pytest.mark.parametrize("more", [False, "false", "0", 0, None, ""])
def test_what_is_written_for_no_more_is_no_more(more: object) -> None:
    """`"has_more": "false"` is a text that Python takes for true."""
    pages, server = read(
        lambda _: {"data": rows(0, 2), "next_cursor": "again", "has_more": more}, Cursor(more="has_more")
    )
    assert (end(pages), len(server.asked)) == (End.REACHED, 1)


@pytest.mark.parametrize(
    ("paging", "value"),
    [(Cursor(cursor_at="next"), True), (Link(next_at="next"), 7), (Link(next_at="next"), {"href": "x"})],
)
def test_what_cannot_be_followed_is_refused(paging: Paging, value: object) -> None:
    """Taken for the end it would end the pass in silence."""
    with pytest.raises(UnavailableError, match="next"):
        read(lambda _: {"data": rows(0, 2), "next": value}, paging)
