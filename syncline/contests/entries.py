"""Entries: made of tweets, chosen to be checked, and what the checks found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, delete, exists, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from syncline.contests.tables import Entry, EntryStatus, Round, Tweet
from syncline.model.items import table_of

__all__ = [
    "Found",
    "RoundState",
    "count",
    "enter",
    "forget_tweets",
    "longest_unchecked",
    "newest",
    "not_finally_checked",
    "note_look",
    "of_round",
    "record",
    "state_of",
]

_RECORD = (
    update(Entry)
    .where(col(Entry.tweet_id) == bindparam("of_tweet"), col(Entry.final_check_at).is_(None))
    .values(
        status=bindparam("new_status"),
        checked_at=bindparam("now"),
        missing_since=bindparam("missing"),
        final_check_at=bindparam("final", type_=UTCDateTime()),
    )
)
"""Built once. What a round's snapshot is made of is not changed by a check that began before and ends late."""
_CLOCKS_APART = timedelta(days=1)
"""More than the clocks of machines are ever apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a check found of one entry.

    Attributes:
        tweet_id: which.
        status: what it is from now on.
        missing_since: since when it is missing, if that is not believed yet.
        is_final: whether its round may be frozen with it.
    """

    tweet_id: str
    status: EntryStatus
    missing_since: datetime | None = None
    is_final: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundState:
    """How the entries of a round stand: any change to one of them changes it.

    Attributes:
        unchecked: how many are not checked for its snapshot yet.
        counts: how many there are of each status.
        checked_at: when the last one was checked.
    """

    unchecked: int
    counts: tuple[tuple[str, int], ...]
    checked_at: datetime | None


def enter(connection: Connection, rounds: Sequence[Round], *, now: datetime) -> int:
    """Make entries of the tweets that are none yet; returns how many.

    Each enters the first of the open `rounds` that ends after its tweet, or else the last of them. A tweet that was
    edited stays the entry that its earlier version is. Tweets that were stored long before the newest entry was made
    are entries already.
    """
    tweets, last = table_of(Tweet).c, connection.execute(select(func.max(col(Entry.entered_at)))).scalar()
    ends = [(tweets.created_at < one.ends_at, one.number) for one in rounds if one.ends_at is not None]
    number = case(*ends, else_=rounds[-1].number) if ends else literal(rounds[-1].number)
    first = _first_version()
    new = select(
        tweets.id, first, number, tweets.author_id, tweets.created_at, literal(now), literal(EntryStatus.PUBLIC.value)
    ).where(~exists().where(col(Entry.first_tweet_id) == first), ~exists().where(col(Entry.tweet_id) == tweets.id))
    if last is not None:
        new = new.where(tweets.synced_at >= last - _CLOCKS_APART)
    names = ["tweet_id", "first_tweet_id", "round_number", "author_id", "created_at", "entered_at", "status"]
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(Entry).from_select(names, new.order_by(tweets.id))
    return connection.execute(statement.on_conflict_do_nothing()).rowcount


def longest_unchecked(connection: Connection, rounds: Iterable[int], limit: int) -> Sequence[Entry]:
    """Entries that may still be there: those first that were never checked, then those checked longest ago."""
    statement = _of_rounds(rounds).where(col(Entry.status) != EntryStatus.DELETED)
    order = col(Entry.checked_at).nulls_first(), col(Entry.tweet_id)
    return _read(connection, statement.order_by(*order).limit(limit))


def newest(connection: Connection, rounds: Iterable[int], limit: int, *, checked_before: datetime) -> Sequence[Entry]:
    """The newest entries that were public, and have not been checked since then."""
    unchecked = col(Entry.checked_at).is_(None) | (col(Entry.checked_at) <= checked_before)
    statement = _of_rounds(rounds).where(col(Entry.status) == EntryStatus.PUBLIC, unchecked)
    return _read(connection, statement.order_by(col(Entry.created_at).desc(), col(Entry.tweet_id).desc()).limit(limit))


def not_finally_checked(connection: Connection, number: int, limit: int, *, after: str = "") -> Sequence[Entry]:
    """Entries of a round that is being frozen, in the order of their ids, after `after`."""
    statement = _of_rounds([number]).where(col(Entry.final_check_at).is_(None), col(Entry.tweet_id) > after)
    return _read(connection, statement.order_by(col(Entry.tweet_id)).limit(limit))


def of_round(connection: Connection, number: int) -> Sequence[Entry]:
    """All entries of a round, in the order of their ids."""
    return _read(connection, _of_rounds([number]).order_by(col(Entry.tweet_id)))


def count(connection: Connection, number: int, *, finally_checked: bool | None = None) -> int:
    """How many entries a round has: all, or those that were, or were not, checked for its snapshot."""
    statement = select(func.count()).select_from(Entry).where(col(Entry.round_number) == number)
    if finally_checked is not None:
        final = col(Entry.final_check_at)
        statement = statement.where(final.is_not(None) if finally_checked else final.is_(None))
    return connection.execute(statement).scalar_one()


def state_of(connection: Connection, number: int) -> RoundState:
    """How the entries of a round stand; a moment also if there are 100,000."""
    status, checked_at = col(Entry.status), func.max(col(Entry.checked_at))
    unchecked = func.count() - func.count(col(Entry.final_check_at))
    statement = select(status, func.count(), unchecked, checked_at).where(col(Entry.round_number) == number)
    rows = [tuple(row) for row in connection.execute(statement.group_by(status).order_by(status))]
    return RoundState(
        unchecked=sum(row[2] for row in rows),
        counts=tuple((str(row[0]), row[1]) for row in rows),
        checked_at=max((row[3] for row in rows if row[3] is not None), default=None),
    )


def record(connection: Connection, found: Iterable[Found], *, now: datetime, final: bool) -> None:
    """Keep what a check found; `final`: for the round's snapshot."""
    rows = [
        {
            "of_tweet": one.tweet_id,
            "new_status": one.status,
            "now": now,
            "missing": one.missing_since,
            "final": now if final and one.is_final else None,
        }
        for one in found
    ]
    if rows:
        connection.execute(_RECORD, rows)


def forget_tweets(connection: Connection, tweet_ids: Sequence[str]) -> None:
    """Delete all versions of those tweets whose entry says that they are deleted; the entry stays."""
    if not tweet_ids:
        return
    is_gone = col(Entry.status) == EntryStatus.DELETED
    gone = select(col(Entry.first_tweet_id)).where(col(Entry.tweet_id).in_(tweet_ids), is_gone)
    connection.execute(delete(Tweet).where(_first_version().in_(gone)))


def note_look(connection: Connection, tweet_ids: Sequence[str], *, now: datetime) -> None:
    """X was asked for these, but nothing is clear of them."""
    mine = col(Entry.tweet_id).in_(tweet_ids), col(Entry.final_check_at).is_(None)
    connection.execute(update(Entry).where(*mine).values(checked_at=now))


def _first_version() -> ColumnElement[str]:
    """The id of the first version of a tweet."""
    tweets = table_of(Tweet).c
    return func.coalesce(tweets.edit_history_tweet_ids[0].as_string(), tweets.id)


def _of_rounds(rounds: Iterable[int]) -> Select[tuple[Entry]]:
    return select(Entry).where(col(Entry.round_number).in_(list(rounds)))


def _read(connection: Connection, statement: Select[tuple[Entry]]) -> Sequence[Entry]:
    return Session(connection).scalars(statement).all()
