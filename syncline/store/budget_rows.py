"""The rows of budgets, read and written over a direct connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import Struct

from syncline.resilience.budget_state import Spent
from syncline.resilience.priorities import NO_WAITERS, Waiters
from syncline.resilience.ring import Ring
from syncline.store.direct import Wire

__all__ = ["Versioned", "read", "read_locked", "read_version", "write"]

_FRESH_US = 100_000
"""A decision is written within so many microseconds by the database's clock, or made anew."""

_LAST = ("last_us", "steady_us", "machine")
_SKIPPED = ("skipped_us",)
_RING = ("stamps", "grain", "filled")
_TAT = ("tat_us",)
_TOLD = ("not_before_us", "remaining", "remaining_until_us")
_WAITERS = ("owed", "high_until_us", "normal_until_us", "low_until_us", "high_cost", "normal_cost", "low_cost")
_COLUMNS = (*_LAST, *_SKIPPED, *_RING, *_TAT, *_TOLD, *_WAITERS)
_NAMES = ", ".join(_COLUMNS)
_MARKS = ", ".join("?" for _ in _COLUMNS)
_SELECT = f"SELECT key, version, {_NAMES} FROM budgets WHERE key IN "
_SELECT_VERSION = "SELECT version FROM budgets WHERE key = ?"
_INSERT = f"INSERT INTO budgets (key, version, {_NAMES}) VALUES (?, 1, {_MARKS}) ON CONFLICT (key) DO NOTHING"


class Versioned(Struct, frozen=True, kw_only=True):
    """What is remembered of a budget, and the version of its row; 0: there is no row yet."""

    spent: Spent
    version: int = 0


_FIRST = Versioned(spent=Spent())


def read(wire: Wire, names: Sequence[str], known: Mapping[str, Versioned]) -> tuple[list[Versioned], int]:
    """What is remembered of the budgets of these `names`, in their order; and the database's present instant.

    What is `known` already is not built anew where its version still stands.
    """
    if wire.is_sqlite:
        return _in_order(wire.rows(f"{_SELECT}{_marks(names)}", names), names, known), wire.now()
    now_sql, now_parameters = wire.now_sql
    told = wire.rows(
        f"SELECT key, version, {_NAMES}, clock.now FROM (SELECT {now_sql} AS now) AS clock "
        f"LEFT JOIN budgets ON key IN {_marks(names)}",
        (*now_parameters, *names),
    )
    found = [row for row in told if row[0] is not None]
    return _in_order(found, names, known), wire.heard(told[0][-1])


def read_locked(wire: Wire, names: Sequence[str], known: Mapping[str, Versioned]) -> tuple[list[Versioned], int]:
    """As `read`, in a transaction: nobody else changes the rows that are there before its end."""
    if wire.is_sqlite:  # the transaction has locked them all
        return read(wire, names, known)
    now_sql, now_parameters = wire.now_sql
    found = wire.rows(
        f"SELECT key, version, {_NAMES}, {now_sql} FROM budgets WHERE key IN {_marks(names)} "
        'ORDER BY key COLLATE "C" FOR UPDATE',  # the order in which others lock them
        (*now_parameters, *names),
    )
    return (_in_order(found, names, known), wire.heard(found[-1][-1])) if found else read(wire, names, known)


def read_version(wire: Wire, name: str) -> tuple[int, int]:
    """The version of the row of one budget, 0 where there is none; and the database's present instant."""
    if wire.is_sqlite:
        rows = wire.rows(_SELECT_VERSION, (name,))
        return rows[0][0] if rows else 0, wire.now()
    now_sql, now_parameters = wire.now_sql
    rows = wire.rows(f"SELECT version, {now_sql} FROM budgets WHERE key = ?", (*now_parameters, name))
    return (rows[0][0], wire.heard(rows[0][1])) if rows else (0, wire.now())


def write(wire: Wire, name: str, before: Versioned, spent: Spent, *, decided_at: int) -> bool:
    """Put `spent` in place of `before`; False where another process was first, or the decision is not of this moment.

    Only the columns that differ are written. PostgreSQL tells its clock with it, which the next decision goes by.
    """
    if before.version == 0:
        return wire.changed(
            _INSERT, (name, *_last(spent), spent.skipped, *_ring(spent), spent.tat, *_told(spent), *_waiters(spent))
        )
    columns, values = _changes(before.spent, spent)
    now_sql, now_parameters = wire.now_sql
    values += (name, before.version, *now_parameters, decided_at, decided_at + _FRESH_US)
    update = _update(columns, now_sql)
    if wire.is_sqlite:
        return wire.changed(update, values)
    rows = wire.rows(f"{update} RETURNING {now_sql}", (*values, *now_parameters))
    return bool(rows and wire.heard(rows[0][0]))


@cache
def _update(columns: tuple[str, ...], now_sql: str) -> str:
    sets = ", ".join(f"{name} = ?" for name in columns)
    guard = f"key = ? AND version = ? AND {now_sql} BETWEEN ? AND ?"
    return f"UPDATE budgets SET version = version + 1, {sets} WHERE {guard}"


def _marks(names: Sequence[str]) -> str:
    return f"({', '.join('?' for _ in names)})"


def _in_order(found: Sequence[Sequence[Any]], names: Sequence[str], known: Mapping[str, Versioned]) -> list[Versioned]:
    by_name: dict[str, Versioned] = {}
    for name, version, *columns in found:
        before = known.get(name)
        stands = before is not None and before.version == version
        by_name[name] = before if before is not None and stands else Versioned(spent=_spent(columns), version=version)
    return [by_name.get(name, _FIRST) for name in names]


def _changes(old: Spent, new: Spent) -> tuple[tuple[str, ...], list[object]]:
    """The columns in which `new` differs from `old`, and their values."""
    columns, values = _LAST, _last(new)
    if new.skipped != old.skipped:
        columns, values = columns + _SKIPPED, [*values, new.skipped]
    if new.ring is not old.ring:
        columns, values = columns + _RING, values + _ring(new)
    if new.tat != old.tat:
        columns, values = columns + _TAT, [*values, new.tat]
    if _told(new) != _told(old):
        columns, values = columns + _TOLD, values + _told(new)
    if new.waiters is not old.waiters:
        columns, values = columns + _WAITERS, values + _waiters(new)
    return columns, values


def _spent(row: Sequence[Any]) -> Spent:
    last, steady, machine, skipped, stamps, grain, filled, tat, not_before, remaining, remaining_until, owed, *rest = (
        row
    )
    waiters = rest[:6]
    waits = owed or any(waiters)
    return Spent(
        last=last,
        steady=steady,
        machine=machine,
        skipped=skipped,
        ring=Ring(stamps=bytes(stamps), grain=grain, filled=filled),
        tat=tat,
        not_before=not_before,
        remaining=remaining,
        remaining_until=remaining_until,
        waiters=Waiters(
            low_credit=owed,
            until=(waiters[0], waiters[1], waiters[2]),
            cost=(waiters[3], waiters[4], waiters[5]),
        )
        if waits
        else NO_WAITERS,
    )


def _last(spent: Spent) -> list[object]:
    return [spent.last, spent.steady, spent.machine]


def _ring(spent: Spent) -> list[object]:
    return [spent.ring.stamps, spent.ring.grain, spent.ring.filled]


def _told(spent: Spent) -> list[object]:
    return [spent.not_before, spent.remaining, spent.remaining_until]


def _waiters(spent: Spent) -> list[object]:
    return [spent.waiters.low_credit, *spent.waiters.until, *spent.waiters.cost]
