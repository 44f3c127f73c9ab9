"""The rows of budgets, read and written over a direct connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from syncline.resilience.priorities import Queue
from syncline.resilience.ring import Ring
from syncline.resilience.spending import Spent

if TYPE_CHECKING:
    from syncline.store.direct import Wire

__all__ = ["Versioned", "read", "write"]

_FRESH_US = 100_000
"""A decision is written within so many microseconds by the database's clock, or made anew."""

_COLUMNS = (
    "last_us", "stamps", "grain", "filled", "tat_us", "not_before_us", "remaining", "remaining_until_us", "owed",
    "high_until_us", "normal_until_us", "low_until_us", "high_cost", "normal_cost", "low_cost",
)  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
_MARKS = ", ".join("?" for _ in _COLUMNS)
_SELECT = f"SELECT key, version, {_NAMES} FROM budgets WHERE key IN "
_SETS = ", ".join(f"{name} = ?" for name in _COLUMNS)
_UPDATE = f"UPDATE budgets SET version = version + 1, {_SETS} WHERE key = ? AND version = ?"
_INSERT = f"INSERT INTO budgets (key, version, {_NAMES}) VALUES (?, 1, {_MARKS}) ON CONFLICT (key) DO NOTHING"


class Versioned(Struct, frozen=True, kw_only=True):
    """What is remembered of a budget, and the version of its row; 0: there is no row yet."""

    spent: Spent
    version: int = 0


_FIRST = Versioned(spent=Spent())


def read(wire: Wire, names: Sequence[str]) -> tuple[list[Versioned], int]:
    """What is remembered of the budgets of these `names`, in their order; and the database's present instant."""
    marks = f"({', '.join('?' for _ in names)})"
    if wire.is_sqlite:
        found = wire.rows(_SELECT + marks, names)
        now = wire.now()
    else:
        now_sql, now_parameters = wire.now_sql
        told = wire.rows(
            f"SELECT clock.now, key, version, {_NAMES} FROM (SELECT {now_sql} AS now) AS clock "
            f"LEFT JOIN budgets ON key IN {marks}",
            (*now_parameters, *names),
        )
        now = int(told[0][0])
        found = [row[1:] for row in told if row[1] is not None]
    by_name = {row[0]: Versioned(spent=_spent(row[2:]), version=row[1]) for row in found}
    return [by_name.get(name, _FIRST) for name in names], now


def write(wire: Wire, name: str, version: int, spent: Spent, *, decided_at: int) -> bool:
    """Put `spent` in place of what `version` said; False where another process was first, or it took too long."""
    values = _values(spent)
    if version == 0:
        return wire.changed(_INSERT, (name, *values))
    now_sql, now_parameters = wire.now_sql
    statement = f"{_UPDATE} AND {now_sql} - ? < {_FRESH_US}"
    return wire.changed(statement, (*values, name, version, *now_parameters, decided_at))


def _spent(row: Sequence[Any]) -> Spent:
    last, stamps, grain, filled, tat, not_before, remaining, remaining_until, owed, *queue = row
    return Spent(
        last=last,
        ring=Ring(stamps=bytes(stamps), grain=grain, filled=filled),
        tat=tat,
        not_before=not_before,
        remaining=remaining,
        remaining_until=remaining_until,
        queue=Queue(owed=owed, until=(queue[0], queue[1], queue[2]), cost=(queue[3], queue[4], queue[5])),
    )


def _values(spent: Spent) -> tuple[object, ...]:
    ring, queue = spent.ring, spent.queue
    return (
        spent.last,
        ring.stamps,
        ring.grain,
        ring.filled,
        spent.tat,
        spent.not_before,
        spent.remaining,
        spent.remaining_until,
        queue.owed,
        *queue.until,
        *queue.cost,
    )
