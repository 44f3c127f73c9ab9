"""A pass that outlives its process."""

from datetime import UTC, datetime, timedelta

import pytest
from support.runs import products_source
from support.upstream import ListPages

from syncline.model.policies import Mode
from syncline.passes.state import PassState, dumped, later, loaded, walked

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)


def state(**values: object) -> PassState:
    given: dict[str, object] = {"mode": Mode.FULL, "started_at": NOW, **values}
    return PassState(**given)  # pyright: ignore[reportArgumentType] - the fields of the test's table


@pytest.mark.parametrize("resume", [None, 7, "cursor", {"page": 3, "last": "x"}, [1, [2]]])
@pytest.mark.parametrize("covered_to", [None, 5, -(2**63), "5", "größe"])
def test_what_is_kept_is_what_is_read(resume: object, covered_to: object) -> None:
    """Keys stay numbers or text, instants stay instants, a connector's token stays what it was."""
    kept = state(
        mode=Mode.INCREMENTAL, since=NOW - timedelta(hours=1), resume=resume, covered_to=covered_to, newest=NOW, items=9
    )
    assert loaded(dumped(kept)) == kept


def test_no_pass_is_no_state() -> None:
    """A checkpoint without an unfinished pass has none."""
    assert loaded(None) is None


@pytest.mark.parametrize(
    ("values", "shifting", "expected"),
    [
        ({"resume": 2}, True, "goes on"),
        ({}, True, "finished"),
        ({"moved": True}, True, "second walk"),
        ({"moved": True}, False, "finished"),
        ({"moved": True, "walk": 2}, True, "finished"),
        ({"total": 100, "items": 100}, True, "finished"),
        ({"total": 100, "items": 99}, True, "second walk"),  # one was skipped
        ({"total": 100, "items": 89}, True, "finished"),  # 11 off: a total that is no total
        ({"total": 1_000, "items": 910}, True, "second walk"),  # 90 off, a tenth of 910 is 91
        ({"total": 1_000, "items": 900}, True, "finished"),  # 100 off, a tenth of 900 is 90
    ],
)
def test_after_its_last_page_a_pass_is_finished_or_walks_again(
    values: dict[str, object], *, shifting: bool, expected: str
) -> None:
    """A list that moved is walked a second time, once, where items can be skipped at all."""
    after = walked(products_source(ListPages(shifting=shifting)), state(**values))
    said = "finished" if after.finished else "second walk" if after.walk == 2 and "walk" not in values else "goes on"
    assert said == expected


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
