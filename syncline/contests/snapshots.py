"""The snapshot of a round: its content and the hash of it, the webhook that announces it, and its record.

A snapshot is made once and never changed; the database refuses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, insert, select
from sqlmodel import Session, col

from syncline.contests.tables import Entry, EntryStatus, Round, Snapshot

__all__ = ["add", "find", "snapshot_of", "webhook_body", "webhook_id"]

_encode = msgspec.json.Encoder(order="deterministic").encode


def snapshot_of(one: Round, entries: Sequence[Entry], *, now: datetime) -> Snapshot:
    """The snapshot of a round whose `entries`, in the order of their ids, were all checked."""
    counted = Counter(entry.status for entry in entries)
    content = _encode(
        {
            "round": {"number": one.number, "starts_at": _said(one.starts_at), "ends_at": _said(one.ends_at)},
            "counts": {status.value: counted[status] for status in EntryStatus},
            "entries": [_entry(entry) for entry in entries],
        }
    )
    return Snapshot(
        round_number=one.number,
        content=content.decode(),
        content_hash=f"sha256:{sha256(content).hexdigest()}",
        entries=len(entries),
        public=counted[EntryStatus.PUBLIC],
        created_at=now,
    )


def webhook_id(snapshot: Snapshot) -> str:
    """The same for each attempt, so that a receiver recognises one that comes twice."""
    return f"round-{snapshot.round_number}-{snapshot.content_hash.removeprefix('sha256:')[:16]}"


def webhook_body(snapshot: Snapshot) -> bytes:
    """The webhook `round.frozen`: the content as it is stored, byte for byte, and its hash."""
    data = {
        "content_hash": snapshot.content_hash,
        "round_number": snapshot.round_number,
        "snapshot": msgspec.Raw(snapshot.content.encode()),
    }
    return _encode({"type": "round.frozen", "timestamp": _said(snapshot.created_at), "data": data})


def _entry(entry: Entry) -> dict[str, str | None]:
    return {
        "tweet_id": entry.tweet_id,
        "author_id": entry.author_id,
        "created_at": _said(entry.created_at),
        "status": entry.status.value,
        "checked_at": _said(entry.final_check_at),
    }


def _said(instant: datetime | None) -> str | None:
    return (
        None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def add(connection: Connection, snapshot: Snapshot) -> None:
    """Keep a snapshot; called in the transaction in which its round becomes frozen."""
    connection.execute(insert(Snapshot), snapshot.model_dump())


def find(connection: Connection, number: int) -> Snapshot | None:
    """The snapshot of a round."""
    return Session(connection).scalars(select(Snapshot).where(col(Snapshot.round_number) == number)).first()
