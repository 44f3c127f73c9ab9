"""Rows that the database itself refuses: which of a batch they are, and what it says of them.

A constraint of the user's own, a number that its column cannot hold, a text that an index cannot: the codec knows most
of these before, not all. The database refuses the whole statement, and with it the batch; so the batch is tried again,
in halves and under savepoints that are all undone, until only the bad rows are left. That costs nothing while no row
is refused.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from syncline.errors import RowsRefusedError
from syncline.model.page import Key
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRow

__all__ = ["Write", "refused_rows", "write"]

Write: TypeAlias = "Callable[[Connection, Sequence[ItemRow], datetime], None]"
"""How rows are written: `ItemRows.insert` or `ItemRows.replace`."""

_REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # too much for an index
    psycopg.errors.RaiseException,  # a trigger of the user's own
    sqlite3.DataError,
    sqlite3.IntegrityError,
    OverflowError,  # a number of more than 64 bits, in sqlite3
    UnicodeEncodeError,
)
_VALUE = re.compile(r':\s*".*', re.DOTALL)
"""PostgreSQL quotes the value behind a colon: `invalid input syntax for type integer: "abc"`."""


def write(how: Write, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
    """Write `rows`.

    Raises:
        RowsRefusedError: the database refuses one of them; the transaction cannot be committed.
    """
    try:
        how(connection, rows, now)
    except (*_REFUSALS, DBAPIError) as error:
        if _refusal(error) is None:
            raise
        raise RowsRefusedError(how, rows) from None  # what the driver says quotes the row


def refused_rows(store: Store, error: RowsRefusedError, now: datetime) -> dict[Key, str]:
    """The keys of those rows that the database refuses, each with its reason; nothing is written.

    Raises:
        RowsRefusedError: it refuses none of them when they are tried once more.
    """

    def search(connection: Connection) -> dict[Key, str]:
        refused: dict[Key, str] = {}
        _search(error.how, connection, error.rows, now, refused)
        return refused

    found = store.transact(search)
    if not found:
        raise error
    return found


def _search(how: Write, connection: Connection, rows: Sequence[ItemRow], now: datetime, found: dict[Key, str]) -> None:
    """Add those of `rows` that are refused to `found`."""
    reason = _tried(how, connection, rows, now)
    if reason is None:
        return
    if len(rows) == 1:
        found[rows[0].key] = reason
        return
    middle = len(rows) // 2
    _search(how, connection, rows[:middle], now, found)
    _search(how, connection, rows[middle:], now, found)


def _tried(how: Write, connection: Connection, rows: Sequence[ItemRow], now: datetime) -> str | None:
    """Why the database refuses `rows`; None where it takes them. Either way they are not there afterwards."""
    savepoint = connection.begin_nested()
    try:
        how(connection, rows, now)
    except (*_REFUSALS, DBAPIError) as error:
        reason = _refusal(error)
        if reason is None:
            raise
        return reason
    finally:
        savepoint.rollback()
    return None


def _refusal(error: Exception) -> str | None:
    """What the database says of a row, without the row's values; None where the error is no refusal of a row."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, _REFUSALS):
        return None
    said = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
    line = _VALUE.sub("", said or str(cause)).strip().splitlines()
    if isinstance(cause, UnicodeEncodeError) or not line:
        return "the database refuses it"
    return f"the database refuses it: {line[0]}"
