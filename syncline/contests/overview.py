"""The rounds of the contest: what each holds, whether its snapshot is as it was made, and how that was sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, func, select
from sqlmodel import Session, col

from syncline.contests.tables import Entry, EntryStatus, Round, RoundStatus, Snapshot

__all__ = ["Delivery", "RoundOverview", "find", "newest", "snapshot_fits", "unchecked"]


class Delivery(StrEnum):
    """How the webhook of a round stands."""

    NONE = "none"
    """There is none: the round is not frozen, or no receiver was set when it was frozen."""
    WAITING = "waiting"
    """It is sent at `push_retry_at`, for the first time or again."""
    SENT = "sent"
    """It was accepted."""
    GIVEN_UP = "given up"
    """It was not accepted, and is not sent again by itself."""


@dataclass(frozen=True, kw_only=True)
class RoundOverview:
    """One round, now.

    Attributes:
        round: its row.
        counts: how many entries it has of each status.
        content_hash: the hash of its snapshot; None before it is frozen.
    """

    round: Round
    counts: Mapping[EntryStatus, int]
    content_hash: str | None

    @property
    def entries(self) -> int:
        """How many there are of all kinds."""
        return sum(self.counts.values())

    @property
    def delivery(self) -> Delivery:
        """How its webhook stands."""
        one = self.round
        if one.pushed_at is not None:
            return Delivery.SENT
        if one.status is not RoundStatus.FROZEN or (one.push_retry_at is None and not one.push_attempts):
            return Delivery.NONE
        return Delivery.GIVEN_UP if one.push_retry_at is None else Delivery.WAITING


def newest(connection: Connection, *, limit: int) -> Sequence[RoundOverview]:
    """The newest rounds, the newest first."""
    statement = select(Round).order_by(col(Round.number).desc()).limit(limit)
    return _overviews(connection, Session(connection).scalars(statement).all())


def find(connection: Connection, number: int) -> RoundOverview | None:
    """The round with this number."""
    statement = select(Round).where(col(Round.number) == number)
    return next(iter(_overviews(connection, Session(connection).scalars(statement).all())), None)


def unchecked(connection: Connection, one: Round) -> Sequence[str]:
    """The tweets of the entries that are not checked for the snapshot yet, in order; none but while it is freezing."""
    if one.status is not RoundStatus.FREEZING:
        return ()
    mine = col(Entry.round_number) == one.number, col(Entry.final_check_at).is_(None)
    return connection.scalars(select(col(Entry.tweet_id)).where(*mine).order_by(col(Entry.tweet_id))).all()


def snapshot_fits(snapshot: Snapshot) -> bool:
    """Whether the content of a snapshot is the one that its hash was made of."""
    return snapshot.content_hash == f"sha256:{sha256(snapshot.content.encode()).hexdigest()}"


def _overviews(connection: Connection, rounds: Sequence[Round]) -> list[RoundOverview]:
    numbers = [one.number for one in rounds]
    counts, hashes = _counts(connection, numbers), _hashes(connection, numbers)
    return [RoundOverview(round=one, counts=counts[one.number], content_hash=hashes.get(one.number)) for one in rounds]


def _counts(connection: Connection, numbers: Iterable[int]) -> Mapping[int, Mapping[EntryStatus, int]]:
    """The entries of all these rounds, counted by one query."""
    group = col(Entry.round_number), col(Entry.status)
    statement = select(*group, func.count()).where(col(Entry.round_number).in_(list(numbers))).group_by(*group)
    counts: dict[int, dict[EntryStatus, int]] = defaultdict(lambda: dict.fromkeys(EntryStatus, 0))
    for number, status, counted in connection.execute(statement):
        counts[number][status] = counted
    return counts


def _hashes(connection: Connection, numbers: Iterable[int]) -> Mapping[int, str]:
    columns = col(Snapshot.round_number), col(Snapshot.content_hash)
    found = connection.execute(select(*columns).where(col(Snapshot.round_number).in_(list(numbers))))
    return {number: content_hash for number, content_hash in found}  # noqa: C416 - a row is no pair to pyright
