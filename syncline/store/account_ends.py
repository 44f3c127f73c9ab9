"""What the end of a job changes on its account, for many accounts by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection

from syncline.store.native import execute, instant, is_postgresql, many

__all__ = ["AccountChange", "change"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountChange:
    """The account after one of its jobs.

    Attributes:
        id: the account's.
        synced_at: when the job ended; None: as it was, for it was not tried.
        succeeded_at: when all that it has was read; None: as it was.
        next_due_us: when it is due again; None: as it was, for its job goes on.
        active_after: an account that nobody used since then is not due by itself.
        changes: changes that its syncs counted, decayed.
        exposure_days: days over which they were counted.
        failures: jobs that failed since one ended well.
        attention: why it cannot succeed; it is set aside then.
    """

    id: str
    synced_at: datetime | None
    succeeded_at: datetime | None
    next_due_us: int | None
    active_after: datetime
    changes: float
    exposure_days: float
    failures: int
    attention: str | None


_NAMES = tuple(field.name for field in fields(AccountChange))
_KINDS = ("text", "timestamptz", "timestamptz", "bigint", "timestamptz", "float8", "float8", "int", "text")


def change(connection: Connection, changes: Sequence[AccountChange]) -> None:
    """Apply what the ends of jobs say of their accounts, one of each; what a person changed meanwhile stays.

    Whether an account is used is asked of its row as it is now: somebody may have come while its job was under way.
    """
    ordered = sorted(changes, key=lambda one: one.id)  # two drains never deadlock
    if is_postgresql(connection):
        if ordered:
            columns = [[getattr(one, name) for one in ordered] for name in _NAMES]
            execute(connection, _ON_POSTGRESQL, columns)
        return
    many(connection, _ON_SQLITE, [_row(connection, one) for one in ordered])


def _row(connection: Connection, one: AccountChange) -> tuple[object, ...]:
    synced, succeeded = instant(connection, one.synced_at), instant(connection, one.succeeded_at)
    due = (one.next_due_us, instant(connection, one.active_after), one.next_due_us)
    counted = (one.changes, one.exposure_days, one.failures)
    return (synced, succeeded, *due, *counted, *[one.attention] * 3, one.id)


_ON_SQLITE = """UPDATE accounts SET
    last_synced_at = COALESCE(?, last_synced_at), last_success_at = COALESCE(?, last_success_at),
    next_due_us = CASE WHEN ? IS NULL THEN next_due_us
        WHEN COALESCE(last_active_at, created_at) >= ? THEN ? END,
    changes = ?, exposure_days = ?, failures = ?,
    state = CASE WHEN ? IS NOT NULL AND state = 'active' THEN 'attention' ELSE state END,
    state_reason = CASE WHEN ? IS NOT NULL AND state = 'active' THEN ? ELSE state_reason END
    WHERE id = ? AND state <> 'removed'"""
_VALUES = ", ".join(f"?::{kind}[]" for kind in _KINDS)
_ON_POSTGRESQL = f"""UPDATE accounts AS a SET
    last_synced_at = COALESCE(e.synced_at, a.last_synced_at),
    last_success_at = COALESCE(e.succeeded_at, a.last_success_at),
    next_due_us = CASE WHEN e.next_due_us IS NULL THEN a.next_due_us
        WHEN COALESCE(a.last_active_at, a.created_at) >= e.active_after THEN e.next_due_us END,
    changes = e.changes, exposure_days = e.exposure_days, failures = e.failures,
    state = CASE WHEN e.attention IS NOT NULL AND a.state = 'active' THEN 'attention' ELSE a.state END,
    state_reason = CASE WHEN e.attention IS NOT NULL AND a.state = 'active' THEN e.attention ELSE a.state_reason END
    FROM unnest({_VALUES}) AS e({", ".join(_NAMES)}) WHERE a.id = e.id AND a.state <> 'removed'"""
