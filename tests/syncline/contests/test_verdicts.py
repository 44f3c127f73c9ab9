"""What a lookup means for entries."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from syncline.contests.entries import Found
from syncline.contests.tables import Entry, EntryStatus
from syncline.contests.verdicts import SECOND_LOOK_AFTER, decide
from syncline.contests.x.lookup import LookedUp

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
LITTLE = timedelta(microseconds=1)


def entries(
    count: int, *, status: EntryStatus = EntryStatus.PUBLIC, missing_since: datetime | None = None
) -> list[Entry]:
    return [
        Entry(
            tweet_id=str(number),
            first_tweet_id=str(number),
            round_number=1,
            author_id="7",
            created_at=NOW,
            entered_at=NOW,
            status=status,
            missing_since=missing_since,
        )
        for number in range(1, count + 1)
    ]


def silent(ids: Iterable[int], of: int) -> LookedUp:
    """X says nothing of these, and shows the others."""
    gone = frozenset(map(str, ids))
    shown = {str(number): b"{}" for number in range(1, of + 1) if str(number) not in gone}
    return LookedUp(present=shown, deleted=gone, silent=gone)


def statuses(found: Iterable[Found]) -> dict[str, EntryStatus]:
    return {one.tweet_id: one.status for one in found}


@pytest.mark.parametrize("before", list(EntryStatus))
def test_what_x_says_is_what_an_entry_is(before: EntryStatus) -> None:
    """Whatever it was: authors come back from being protected, and so do tweets that were taken for gone."""
    looked_up = LookedUp(present={"1": b"{}"}, protected=frozenset("2"), deleted=frozenset("3"))
    found = decide(entries(3, status=before), looked_up, NOW)
    assert statuses(found) == {"1": EntryStatus.PUBLIC, "2": EntryStatus.PROTECTED, "3": EntryStatus.DELETED}
    assert all(one.is_final and one.missing_since is None for one in found)


def test_of_what_is_unclear_nothing_is_concluded() -> None:
    """A problem of an unknown kind is no deletion."""
    found = decide(entries(2), LookedUp(present={"1": b"{}"}, unclear={"2": "a riddle"}), NOW)
    assert statuses(found) == {"1": EntryStatus.PUBLIC}


@pytest.mark.parametrize(
    ("asked", "missing", "doubted"),
    [
        (100, 100, True),
        (100, 51, True),  # more than half
        (100, 50, False),  # half
        (12, 10, True),
        (11, 9, False),  # few go at once now and then
        (11, 10, True),
        (9, 9, True),  # nothing is shown at all
        (1, 1, True),
        (9, 8, False),
    ],
)
def test_a_batch_that_goes_missing_without_a_word_is_not_believed_at_once(
    asked: int, missing: int, *, doubted: bool
) -> None:
    """An answer that was cut short must not delete what was entered."""
    found = decide(entries(asked), silent(range(1, missing + 1), asked), NOW)
    gone = [one for one in found if int(one.tweet_id) <= missing]
    expected = Found(
        tweet_id="1",
        status=EntryStatus.PUBLIC if doubted else EntryStatus.DELETED,
        missing_since=NOW if doubted else None,
        is_final=not doubted,
    )
    assert gone[0] == expected
    assert len({(one.status, one.missing_since, one.is_final) for one in gone}) == 1
    assert all(one.status is EntryStatus.PUBLIC and one.is_final for one in found[missing:])


@pytest.mark.parametrize(
    ("later", "status", "since"),
    [
        (SECOND_LOOK_AFTER - LITTLE, EntryStatus.PUBLIC, NOW),
        (SECOND_LOOK_AFTER, EntryStatus.DELETED, None),
    ],
)
def test_a_second_look_a_minute_later_is_believed(
    later: timedelta, status: EntryStatus, since: datetime | None
) -> None:
    """Two answers of one bad second are one answer."""
    found = decide(entries(20, missing_since=NOW), silent(range(1, 21), 20), NOW + later)
    assert {(one.status, one.missing_since) for one in found} == {(status, since)}


def test_whoever_is_seen_again_is_out_of_doubt() -> None:
    """Else the next bad answer would count as the second look."""
    found = decide(entries(20, missing_since=NOW), silent([], 20), NOW + timedelta(hours=1))
    assert {(one.status, one.missing_since, one.is_final) for one in found} == {(EntryStatus.PUBLIC, None, True)}


def test_those_that_were_gone_before_raise_no_doubt() -> None:
    """A round whose tweets were deleted long ago is frozen without a second look."""
    found = decide(entries(50, status=EntryStatus.DELETED), silent(range(1, 51), 50), NOW)
    assert {(one.status, one.is_final) for one in found} == {(EntryStatus.DELETED, True)}
