"""A pass that outlives its process."""

from datetime import UTC, datetime, timedelta

import pytest

from syncline.model.ending import REACHED, End, Ending
from syncline.model.page import Page
from syncline.model.policies import Mode
from syncline.passes.state import PassState, at_end, dumped, later, loaded, told_by

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)


def state(**values: object) -> PassState:
    given: dict[str, object] = {"mode": Mode.FULL, "started_at": NOW, **values}
    return PassState(**given)  # pyright: ignore[reportArgumentType] - the fields of the test's table


@pytest.mark.parametrize("resume", [None, 7, "cursor", {"page": 3, "last": "x"}, [1, [2]]])
@pytest.mark.parametrize("contiguous_up_to", [None, 5, -(2**63), "5", "größe"])
def test_what_is_kept_is_what_is_read(resume: object, contiguous_up_to: object) -> None:
    """Keys stay numbers or text, instants stay instants, a connector's token stays what it was."""
    kept = state(
        mode=Mode.INCREMENTAL,
        since=NOW - timedelta(hours=1),
        resume=resume,
        ending=Ending(end=End.CIRCLES, reason="again"),
        doubles=("1", "größe"),
        contiguous_up_to=contiguous_up_to,
        newest=NOW,
        items=9,
    )
    assert loaded(dumped(kept)) == kept


def test_a_pass_that_an_older_version_began_goes_on() -> None:
    """A field that was lost would have the pass look up every key, or claim a range that it did not read."""
    older = b'{"mode":"full","started_at":"2026-01-22T10:00:00Z","covered_to":25,"pages":3,"resume":4}'
    assert loaded(older.decode()) == state(contiguous_up_to=25, pages=3, resume=4)


def test_no_pass_is_no_state() -> None:
    """A checkpoint without an unfinished pass has none."""
    assert loaded(None) is None


CONTRADICTED = Ending(end=End.CONTRADICTED, reason="99 items came, but it counts 100")
CIRCLES = Ending(end=End.CIRCLES, reason="it gives pages again")


@pytest.mark.parametrize(
    ("values", "shifting", "expected"),
    [
        ({"resume": 2, "ending": None}, True, "goes on"),
        ({}, True, "proved"),
        ({"moved": True}, True, "second walk"),
        ({"moved": True}, False, "proved"),
        ({"moved": True, "slipped": True, "walk": 2}, True, "not proved"),
        ({"moved": True, "walk": 2, "least": 40, "most": 41}, True, "proved"),  # it grew: nothing slips past
        ({"moved": True, "walk": 2, "least": 40, "most": 41, "doubles": ("7",)}, True, "proved"),  # pushed on by one
        ({"moved": True, "walk": 2, "least": 40, "most": 41, "doubles": ("7", "8")}, True, "not proved"),
        ({"fell": True, "has_seams": True, "walk": 2, "least": 40, "most": 41}, True, "not proved"),
        ({"fell": True, "walk": 2, "least": 40, "most": 41}, True, "proved"),  # no item was skipped between its pages
        (
            {"fell": True},
            False,
            "second walk",
        ),  # the list shrinks, or the server cuts it off
        ({"fell": True, "walk": 2, "least": 40, "most": 50}, False, "proved"),  # some went, as they do
        ({"fell": True, "walk": 2, "least": 40, "most": 51}, False, "not proved"),
        ({"doubles": ("7",)}, True, "second walk"),
        ({"doubles": ("7",), "known_doubles": ("7", "8")}, True, "proved"),
        ({"doubles": ("7",), "known_doubles": ("7",), "walk": 2}, True, "proved"),
        ({"doubles": ("9",), "known_doubles": ("7",), "walk": 2}, True, "not proved"),
        ({"has_seams": True}, True, "second walk"),  # rows would be deleted that a page's border may have hidden
        ({"has_seams": True}, False, "proved"),
        ({"has_seams": True, "walk": 2}, True, "proved"),
        ({"has_seams": True, "mode": Mode.INCREMENTAL}, True, "proved"),
        ({"ending": CONTRADICTED, "least": 100, "received": 99}, True, "second walk"),  # one was skipped
        ({"ending": CONTRADICTED, "least": 100, "received": 99}, False, "not proved"),
        ({"ending": CONTRADICTED, "least": 100, "received": 89}, True, "not proved"),  # 11 off: no slip of a few items
        ({"ending": CONTRADICTED, "least": 1_000, "received": 910}, True, "second walk"),  # 90 off, a tenth is 91
        ({"ending": CONTRADICTED, "least": 1_000, "received": 900}, True, "not proved"),  # 100 off, a tenth is 90
        ({"ending": CIRCLES, "moved": True}, True, "not proved"),  # another walk would go round again
        ({"ending": None, "stale_pages": 1}, True, "goes on"),
        ({"ending": None, "stale_pages": 2}, True, "not proved"),
    ],
)
def test_after_its_last_page_a_pass_is_finished_or_walks_again(
    values: dict[str, object], *, shifting: bool, expected: str
) -> None:
    """A list that moved is walked a second time, once; what then still speaks against the end leaves it unproved."""
    after = at_end(state(**{"ending": REACHED, **values}), shifting=shifting, misses_rows=lambda: True)
    if after.finished:
        said = "proved" if after.is_proved else "not proved"
    else:
        said = "second walk" if after.walk == 2 else "goes on"
    assert said == expected


def test_a_list_of_which_nothing_would_be_deleted_is_walked_once() -> None:
    """A second walk costs as many requests as the first."""
    after = at_end(state(ending=REACHED, has_seams=True), shifting=True, misses_rows=lambda: False)
    assert after.is_proved


@pytest.mark.parametrize(
    ("totals", "shifting", "expected"),
    [
        ([40, 40], True, (False, False, 40)),
        ([40, 41], True, (True, False, 40)),
        ([40, 41], False, (False, False, 40)),
        ([40, 39], False, (False, True, 39)),
        ([40, None, 40], True, (False, False, 40)),
    ],
)
def test_totals_tell_of_a_list_that_moves(
    totals: list[int | None], *, shifting: bool, expected: tuple[bool, bool, int]
) -> None:
    """A total that rises only matters where pages are counted; one that falls may be a list that is cut off."""
    pages = [Page(rows=[b"{}"], resume=1, total=total) for total in totals]
    after = told_by(state(), pages, shifting=shifting)
    assert (after.moved, after.fell, after.least) == expected


@pytest.mark.parametrize(("local", "hours"), [(False, 0), (True, 1)])
def test_an_instant_without_an_offset_may_come_twice(*, local: bool, hours: int) -> None:
    """In autumn the clock goes back: a change of that hour is stamped before those that were read already."""
    after = state(finished=True, newest=NOW - timedelta(minutes=5), is_local=local)
    assert after.next_cursor() == NOW - timedelta(hours=hours, minutes=5)


@pytest.mark.parametrize(
    ("values", "pages"),
    [
        ({"total": 25, "page_size": 10}, 3),
        ({"total": 25, "page_size": 10, "walk": 2}, 6),
        ({"total": 25, "page_size": 10, "pages": 4}, 4),  # more came than the total promised
        ({"total": None, "page_size": 10}, None),
        ({"total": 25, "page_size": None}, None),
        ({"total": 25, "page_size": 10, "pages": 7, "finished": True}, 7),
    ],
)
def test_the_number_of_pages_is_told_as_far_as_it_is_known(values: dict[str, object], pages: int | None) -> None:
    """A progress bar never runs over its end, and a finished pass has as many pages as it had."""
    assert state(**values).total_pages == pages


@pytest.mark.parametrize(
    ("cursor", "instant", "expected"),
    [
        (None, None, None),
        (None, NOW, NOW.isoformat()),
        ("2026-01-22T09:00:00+00:00", NOW, NOW.isoformat()),
        ("2026-01-22T11:00:00+00:00", NOW, "2026-01-22T11:00:00+00:00"),
        ("2026-01-22T11:00:00+00:00", None, "2026-01-22T11:00:00+00:00"),
    ],
)
def test_the_later_one_counts(cursor: str | None, instant: datetime | None, expected: str | None) -> None:
    """A cursor never goes back."""
    assert later(cursor, instant) == expected
