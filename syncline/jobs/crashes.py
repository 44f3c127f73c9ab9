"""Jobs whose drains died: put on record, and what comes of their accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncline.clock import microseconds
from syncline.jobs.due import Freshness, next_due, rhythm_of
from syncline.jobs.job_sessions import crashed_session, keep
from syncline.model.account import Account
from syncline.model.session import Status
from syncline.store import account_ends, rollups
from syncline.store.account_rows import read_many
from syncline.store.job_claims import Reaped

__all__ = ["record_crashes"]


def record_crashes(
    connection: Connection, reaped: Sequence[Reaped], *, policies: Mapping[str, Freshness], now: datetime, slot: int
) -> None:
    """Put on record that the drains of these jobs died.

    The account of one that is given up is due later, as after any other dead letter: the next sweep would queue it at
    once, and it would go on killing drains.
    """
    keep(connection, [crashed_session(one, now) for one in reaped])
    counts = [
        rollups.Count(source=one.target.source, status=Status.CRASHED, ended=now, took_ms=0, waited_ms=0)
        for one in reaped
    ]
    rollups.add(connection, counts, slot=slot)
    dead = read_many(connection, [one.target.account_id for one in reaped if one.is_dead])
    changes = [_given_up(account, policies[account.source], now) for account in dead.values()]
    account_ends.change(connection, changes)


def _given_up(account: Account, policy: Freshness, now: datetime) -> account_ends.AccountChange:
    failures = account.failures + 1
    due = next_due(rhythm_of(policy, account.settings), now, key=account.external_id, failures=failures)
    return account_ends.AccountChange(
        id=account.id,
        synced_at=None,
        succeeded_at=None,
        next_due_us=microseconds(due),
        active_after=now - timedelta(seconds=policy.active_seconds),
        changes=account.changes,
        exposure_days=account.exposure_days,
        failures=failures,
        attention=None,
    )
