"""How a walk ends, by what its answers have said."""

from typing import Any

import pytest

from syncline.model.ending import CONFIRMED_HOLES, End, Following, Told, conclude

MARKED = {"following": Following.NONE, "rows": 10, "received": 30}
COUNTED = {"following": Following.COUNTED, "rows": 0, "received": 30, "empty_pages": 1}


def end(values: dict[str, Any], **more: Any) -> End | None:  # noqa: ANN401 - the fields of a table
    ending = conclude(Told(**{**values, **more}))
    return None if ending is None else ending.end


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, End.REACHED),
        ({"following": Following.NAMED}, None),
        ({"following": Following.NAMED, "more": False}, End.REACHED),
        ({"following": Following.NAMED, "more": False, "total": 31}, End.CONTRADICTED),
        ({"following": Following.NAMED, "rows": 0, "empty_pages": 100}, None),
        ({"following": Following.NAMED, "rows": 0, "empty_pages": 101}, End.CIRCLES),
        ({"more": True}, End.CONTRADICTED),
        ({"total": 30}, End.REACHED),
        ({"total": 29}, End.REACHED),  # a total that is cut off, or rows that went while the pass ran
        ({"total": 31}, End.CONTRADICTED),
        ({"following": Following.UNSAID, "next_at": "next"}, End.CONTRADICTED),
        ({"following": Following.UNSAID, "total": 30}, End.REACHED),
        ({"following": Following.UNSAID, "more": False}, End.REACHED),
        ({"following": Following.UNSAID, "is_short": True}, End.REACHED),
        ({"following": Following.NAMED, "repeats": True}, End.CIRCLES),
        ({"following": Following.NAMED, "repeats": True, "total": 30}, End.REACHED),
        ({"following": Following.NAMED, "repeats": True, "total": 30, "more": True}, End.CIRCLES),
        ({"objection": "the key is not unique"}, End.CONTRADICTED),
        ({"objection": "the key is not unique", "following": Following.NAMED}, None),
    ],
)
def test_a_walk_by_marks_ends_where_no_next_page_is_named(more: dict[str, Any], expected: End | None) -> None:
    """It is believed only where nothing that the upstream said speaks against it: 1,000 live rows hang on it."""
    assert end(MARKED, **more) is expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, End.REACHED),
        ({"rows": 10, "empty_pages": 0}, None),
        ({"rows": 10, "empty_pages": 0, "more": False}, End.REACHED),
        ({"rows": 10, "empty_pages": 0, "more": False, "total": 31}, End.CONTRADICTED),
        ({"rows": 10, "empty_pages": 0, "total": 30}, None),  # a full page is never the last: totals are cut off
        ({"rows": 7, "empty_pages": 0, "total": 30, "is_short": True}, End.REACHED),
        ({"rows": 7, "empty_pages": 0, "total": 30, "is_short": True, "more": True}, None),
        ({"rows": 7, "empty_pages": 0, "is_short": True}, None),  # the server may cap the size
        ({"is_behind_full": True}, None),  # a hole, or the end: the page behind it tells
        ({"is_behind_full": True, "empty_pages": 2}, End.REACHED),
        ({"is_behind_full": True, "total": 30}, End.REACHED),
        ({"is_behind_full": True, "more": False}, End.REACHED),
        ({"total": 31}, None),
        ({"total": 31, "empty_pages": CONFIRMED_HOLES}, End.CONTRADICTED),
        ({"more": True}, None),
        ({"more": True, "empty_pages": CONFIRMED_HOLES}, End.CONTRADICTED),
    ],
)
def test_a_walk_by_count_ends_with_an_empty_page(more: dict[str, Any], expected: End | None) -> None:
    """Unless the upstream says that rows follow: then some pages more are asked for, and at last it is contradicted."""
    assert end(COUNTED, **more) is expected
