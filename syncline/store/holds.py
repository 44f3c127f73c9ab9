"""Holds: pauses of a source or an account, which nest and expire."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, insert, or_, select, update
from sqlmodel import Session, col

from syncline.model.tables import Hold
from syncline.model.target import Target

__all__ = [
    "EVERY_SOURCE",
    "active",
    "active_all",
    "create",
    "find",
    "in_force",
    "of_refusals",
    "release",
    "release_all",
]

EVERY_SOURCE = "*"


def create(
    connection: Connection,
    target: Target,
    *,
    reason: str,
    created_by: str,
    now: datetime,
    ttl_seconds: float | None,
    refused: str | None = None,
) -> Hold:
    """Hold `target` (the source `*`: all of them) for `ttl_seconds`, or until it is released.

    `refused` says that refused credentials are the reason: their digest, "" where there is none.
    """
    hold = Hold(
        id=f"hold-{secrets.token_hex(6)}",
        source=target.source,
        account_id=target.account_id,
        reason=reason,
        created_by=created_by,
        created_at=now,
        expires_at=None if ttl_seconds is None else now + timedelta(seconds=ttl_seconds),
        refused=refused,
    )
    connection.execute(insert(Hold), hold.model_dump())
    return hold


def find(connection: Connection, hold_id: str) -> Hold | None:
    """The hold with this id, in force or ended."""
    return Session(connection).get(Hold, hold_id)


def release(connection: Connection, hold_id: str, *, now: datetime) -> Hold | None:
    """End a hold; None where there is no such hold, or it ended before."""
    statement = update(Hold).where(col(Hold.id) == hold_id, *_live(now)).values(released_at=now).returning(col(Hold.id))
    if connection.execute(statement).scalar() is None:
        return None
    return Session(connection).get(Hold, hold_id)


def release_all(
    connection: Connection,
    target: Target,
    *,
    now: datetime,
    with_accounts: bool = False,
    by: str | None = None,
    but_by: str | None = None,
) -> int:
    """End all holds that name `target`; returns how many there were.

    A source's accounts have holds of their own, which stay unless `with_accounts` is set. With `by`, only those that
    this one made end; with `but_by`, those of all others.
    """
    named = [col(Hold.source) == target.source] if with_accounts else [*target.among(Hold)]
    if by is not None:
        named.append(col(Hold.created_by) == by)
    if but_by is not None:
        named.append(col(Hold.created_by) != but_by)
    return connection.execute(update(Hold).where(*named, *_live(now)).values(released_at=now)).rowcount


def active(connection: Connection, target: Target, *, now: datetime) -> Hold | None:
    """The hold that lasts longest of those that stop `target`; None: it is free to run.

    A hold of all sources, or of its source, stops an account as its own does.
    """
    return max(in_force(connection, target, now=now), key=_lasts, default=None)


def in_force(connection: Connection, target: Target, *, now: datetime) -> list[Hold]:
    """All holds that stop `target`, as of `active`, the oldest first."""
    named = {"of_source": target.source, "of_account": target.account_id, "at": now}
    found = [Hold.model_validate(dict(row)) for row in connection.execute(_ACTIVE, named).mappings()]
    return sorted(found, key=lambda hold: (hold.created_at, hold.id))


def active_all(connection: Connection, *, now: datetime) -> Sequence[Hold]:
    """All holds in force, the oldest first."""
    return Session(connection).scalars(select(Hold).where(*_live(now)).order_by(col(Hold.created_at))).all()


def of_refusals(connection: Connection, target: Target, *, now: datetime) -> Sequence[Hold]:
    """The holds in force that refused credentials made, of the target itself."""
    made = select(Hold).where(*target.among(Hold), col(Hold.refused).is_not(None), *_live(now))
    return Session(connection).scalars(made).all()


def _live(now: datetime | BindParameter[datetime]) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Hold.released_at).is_(None),
        or_(col(Hold.expires_at).is_(None), col(Hold.expires_at) > now),
    )


def _lasts(hold: Hold) -> tuple[bool, float]:
    return (hold.expires_at is None, hold.expires_at.timestamp() if hold.expires_at else 0)


_ACTIVE = select(Hold).where(
    col(Hold.source).in_([bindparam("of_source"), EVERY_SOURCE]),
    col(Hold.account_id).in_(["", bindparam("of_account")]),
    *_live(bindparam("at")),
)
"""Built once: each page's transaction asks it."""
