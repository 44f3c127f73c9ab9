"""Removal of accounts: invisible at once, then all of their rows in slices, the account's own row last.

The row keeps its id alone: what the provider calls the account is forgotten at once, so that the same one can be added
anew while the old rows still go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, exists, func, select, tuple_, update
from sqlmodel import SQLModel, col

from syncline.clock import microseconds
from syncline.model.account import Account, AccountState
from syncline.model.items import Item, partition_columns
from syncline.model.job import Job, JobStatus
from syncline.store import account_pages, known_tables
from syncline.store.engine import Store

__all__ = ["count_removed", "mark_removed", "purge_removed", "tables_of_accounts"]

_AT_ONCE = 1_000
"""How many rows a transaction deletes: others wait for a few milliseconds at most."""
_TOGETHER = 100
"""So many accounts are looked at in one transaction: most have few rows."""
_ACCOUNT_ID = "account_id"


def mark_removed(connection: Connection, account_id: str) -> bool:
    """Remove the account: it is due no more and shown nowhere; False where there is none, or it was removed before."""
    values: dict[str, object] = {
        "state": AccountState.REMOVED,
        "state_reason": None,
        "external_id": account_id,
        "settings": {},
        "next_due_us": None,
        "version": col(Account.version) + 1,
    }
    there = (col(Account.id) == account_id, col(Account.state) != AccountState.REMOVED)
    return connection.execute(update(Account).where(*there).values(values)).rowcount == 1


def purge_removed(store: Store, limit: int | None = None) -> int:
    """Delete the rows of removed accounts, 1,000 in a transaction, until none or `limit` are deleted.

    An account whose job is still under way is left until that has ended: its drain may store a last page. Interrupted,
    the next call goes on. Returns how many rows were deleted, those of the accounts themselves included.
    """
    total = 0
    with store.read() as connection:
        named = account_pages.sources(connection)
    for source in named:
        while limit is None or total < limit:
            most = _AT_ONCE if limit is None else min(_AT_ONCE, limit - total)
            deleted = store.transact(partial(_slice, source=source, most=most, clock=store.now))
            total += deleted
            if not deleted:
                break
    return total


def count_removed(store: Store) -> int:
    """How many rows of removed accounts are left, those of the accounts themselves included."""
    with store.read() as connection:
        removed = select(col(Account.id)).where(col(Account.state) == AccountState.REMOVED)
        rows = [
            select(func.count()).select_from(table).where(table.c[_ACCOUNT_ID].in_(removed))
            for table in tables_of_accounts()
        ]
        own = select(func.count()).select_from(removed.subquery())
        return sum(connection.execute(one).scalar_one() for one in (*rows, own))


def tables_of_accounts() -> Iterator[Table]:
    """The tables whose column `account_id` names an account of ours, but for `accounts` itself.

    In a table of items it does where it is part of the key, which Syncline fills in; elsewhere it is the upstream's.
    """
    known_tables.load()
    for mapper in SQLModel._sa_registry.mappers:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - where SQLModel keeps its classes
        table = mapper.local_table
        if not isinstance(table, Table) or _ACCOUNT_ID not in table.columns:
            continue
        if not issubclass(mapper.class_, Item) or _ACCOUNT_ID in partition_columns(mapper.class_):
            yield table


def _slice(connection: Connection, *, source: str, most: int, clock: Callable[[Connection], datetime]) -> int:
    """Delete up to `most` rows of some removed accounts; an account goes when it has no other row left."""
    ids = _to_purge(connection, source, microseconds(clock(connection)))
    left = most
    for table in sorted(tables_of_accounts(), key=lambda one: one.name) if ids else ():
        left -= _delete_from(connection, table, source, ids, left)
        if left <= 0:
            return most
    gone = delete(Account).where(col(Account.id).in_(ids), col(Account.state) == AccountState.REMOVED)
    return most - left + (connection.execute(gone).rowcount if ids else 0)


def _to_purge(connection: Connection, source: str, now_us: int) -> Sequence[str]:
    """Some removed accounts of the source that no drain works on."""
    under_way = exists().where(
        col(Job.account_id) == col(Account.id), col(Job.status) == JobStatus.PROCESSING, col(Job.lease_us) > now_us
    )
    removed = select(col(Account.id)).where(
        col(Account.source) == source, col(Account.state) == AccountState.REMOVED, ~under_way
    )
    return connection.execute(removed.order_by(col(Account.id)).limit(_TOGETHER)).scalars().all()


def _delete_from(connection: Connection, table: Table, source: str, ids: Sequence[str], most: int) -> int:
    """Delete up to `most` rows of these accounts; the source is named too where it leads the index."""
    key: list[Column[Any]] = list(table.primary_key)
    mine: list[ColumnElement[bool]] = [table.c[_ACCOUNT_ID].in_(ids)]
    if "source" in table.c:
        mine.append(table.c["source"] == source)
    some = select(*key).where(*mine).limit(most)
    named = key[0].in_(some) if len(key) == 1 else tuple_(*key).in_(some)
    return connection.execute(delete(table).where(named)).rowcount
