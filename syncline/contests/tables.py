"""Contests on X: tweets that mention us, the entries that they are, rounds, and what a round was when it was frozen."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, Index

from syncline.model.columns import JsonColumn, KeyText, choice
from syncline.model.items import Item
from syncline.model.row import Row

__all__ = ["Entry", "EntryStatus", "Round", "RoundStatus", "Snapshot", "Tweet"]


class Tweet(Item, table=True):
    """A tweet that mentions us; X shows the newest 800 alone. One that is found deleted is deleted here as well."""

    __tablename__ = "tweets"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - a class-level attribute, by SQLAlchemy's protocol
        """The index by which those are found that are no entries yet."""
        return (*super().__table_args__, Index("ix_tweets_synced_at", "synced_at"))

    id: str = Field(primary_key=True, min_length=1, max_length=19, sa_type=KeyText)
    author_id: str
    text: str
    created_at: datetime
    edit_history_tweet_ids: Any = Field(default=None, sa_type=JsonColumn, nullable=True)
    """The ids of all its versions, the first one first: an edit makes a tweet with an id of its own."""


class EntryStatus(StrEnum):
    """What X said of an entry's tweet when it was last asked."""

    PUBLIC = "public"
    """It is there, and everybody sees it."""
    PROTECTED = "protected"
    """It is there, but not for us to see: its author is protected, or X withholds it. It may come back."""
    DELETED = "deleted"
    """It is gone."""


class RoundStatus(StrEnum):
    """How far a round is."""

    OPEN = "open"
    """It takes entries."""
    FREEZING = "freezing"
    """It takes no more; its entries are checked for the last time."""
    FROZEN = "frozen"
    """Its snapshot is made."""


class Entry(Row, table=True):
    """A tweet as an entry of a round."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("first_tweet_id"),
        Index("ix_entries_entered_at", "entered_at"),
        Index("ix_entries_checked", "round_number", "checked_at"),
        Index("ix_entries_created", "round_number", "created_at"),
        Index("ix_entries_final", "round_number", "final_check_at", "tweet_id"),
    )

    tweet_id: str = Field(primary_key=True, sa_type=KeyText)
    first_tweet_id: str = Field(sa_type=KeyText)
    """The first version of the tweet: one that is edited stays one entry."""
    round_number: int
    author_id: str
    created_at: datetime
    """When it was tweeted."""
    entered_at: datetime
    status: EntryStatus = Field(sa_type=choice(EntryStatus))
    checked_at: datetime | None = None
    """When X was last asked for it."""
    missing_since: datetime | None = None
    """When it was first missing together with most of what was asked for: that is believed at a second look."""
    final_check_at: datetime | None = None
    """When it was checked for its round's snapshot; it is not asked for again then."""


class Round(Row, table=True):
    """A round of the contest; the next one begins where it ends."""

    __tablename__ = "rounds"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    status: RoundStatus = Field(sa_type=choice(RoundStatus))
    starts_at: datetime
    ends_at: datetime | None = None
    """When it is due to be frozen; None: when it is frozen by hand."""
    freezing_since: datetime | None = None
    frozen_at: datetime | None = None
    pushed_at: datetime | None = None
    """When its snapshot was accepted at `SYNCLINE_SNAPSHOT_URL`."""
    push_attempts: int = 0
    push_retry_at: datetime | None = None
    """When it is sent again; None: not by itself."""
    push_error: str | None = None


class Snapshot(Row, table=True):
    """What a round was when it was frozen; the database itself refuses to change or delete it."""

    __tablename__ = "snapshots"

    round_number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    content: str
    """JSON with sorted keys and without spaces: the round, its entries by tweet id, and how many there are of each."""
    content_hash: str
    """`sha256:` and the hexadecimal digest of `content` in UTF-8."""
    entries: int
    """How many entries stand in it."""
    public: int
    """How many of them were public."""
    created_at: datetime
