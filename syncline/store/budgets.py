"""Budgets, shared by all processes: decided purely, made true by one conditional write.

A decision goes by what this process last knew of the row. It is written only over that version, and only while the
database's clock, read in the write, is at or just after the decision's instant: nobody else's spending lies between the
two, and the stamp is that of the write. Whoever is beaten reads and decides anew, behind a lock where nobody can come
between. A denial needs no write: it reads whether the row still is what was known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

from syncline.clock import microseconds
from syncline.errors import DatabaseUnavailableError
from syncline.model.policies import Priority
from syncline.resilience import budget
from syncline.resilience.spending import Denied, Granted, Spent, Usage
from syncline.store.budget_memory import Memory, Refusal
from syncline.store.budget_rows import Versioned, read, read_locked, read_version, write

if TYPE_CHECKING:
    from syncline.model.budgets import BudgetKey
    from syncline.store.direct import Wire
    from syncline.store.engine import Store

__all__ = ["Budgets"]

T = TypeVar("T")
Decide: TypeAlias = Callable[[Sequence[Versioned], int], tuple[T, list[Spent]]]
"""Decides by what is known, and returns what is remembered after it: the same objects where that stays."""
_Change: TypeAlias = tuple[str, Versioned, Spent]
"""A budget's name, what was known of it, and what is to stand in its place."""

Read: TypeAlias = Callable[["Wire", Sequence[str], Mapping[str, Versioned]], tuple[list[Versioned], int]]

_GRANTED = Granted()
_UNLOCKED_SQLITE, _UNLOCKED_POSTGRESQL = 1, 3
"""So often is a decision made in the hope that nobody comes between; a lock on a server lasts several ways to it."""
_TRIES = 200
"""Somebody wins each round, so that even a hundred rivals leave room for all."""


class _Beaten(Exception):  # noqa: N818 - nothing is wrong: somebody else was first
    """Another process changed a row since it was read."""


class _Decided(NamedTuple, Generic[T]):
    result: T
    changes: list[_Change]
    now: int


class Budgets:
    """The budgets of a database."""

    def __init__(self, store: Store) -> None:
        """Keep them in `store`."""
        self._direct = store.direct
        self._memory = Memory()

    def acquire(
        self, keys: Sequence[BudgetKey], *, cost: int = 1, priority: Priority = Priority.NORMAL
    ) -> Granted | Denied:
        """Pay for a request from all of these budgets, or from none.

        Raises:
            ConfigurationError: it costs more than one of them ever holds.
            DatabaseUnavailableError: the database cannot be reached, or stays locked.
        """
        ordered = sorted(keys, key=_name) if len(keys) > 1 else keys
        request = (ordered, cost, priority)
        last = self._memory.refusal(request)
        if last is not None and (denied := self._still(last)) is not None:
            return denied

        def decide(rows: Sequence[Versioned], now: int) -> tuple[Granted | Denied, list[Spent]]:
            waits, after = budget.acquire(ordered, [row.spent for row in rows], cost=cost, priority=priority, now=now)
            if waits is None:
                return _GRANTED, after
            refusal = Refusal(request=request, version=rows[0].version, since=now, until=waits[0], budget=waits[1])
            self._memory.refused(refusal)
            return refusal.denied(now), after

        return self._change([key.name for key in ordered], decide)

    def block(self, keys: Sequence[BudgetKey], *, until: datetime) -> None:
        """Spend nothing from these budgets before `until`, in no process; a longer block stays."""
        ordered, until_us = sorted(keys, key=_name), microseconds(until)

        def decide(rows: Sequence[Versioned], now: int) -> tuple[None, list[Spent]]:
            pairs = zip(ordered, rows, strict=True)
            return None, [budget.block(row.spent, key, until_us, now) for key, row in pairs]

        self._change([key.name for key in ordered], decide)

    def learn(self, key: BudgetKey, *, remaining: int, until: datetime) -> None:
        """Heed that the upstream says how much is left until `until`; it never gives more than the policy does."""
        until_us = microseconds(until)

        def decide(rows: Sequence[Versioned], now: int) -> tuple[None, list[Spent]]:
            return None, [budget.learn(rows[0].spent, key, remaining=remaining, until=until_us, now=now)]

        self._change([key.name], decide)

    def state(self, key: BudgetKey) -> Usage:
        """How the budget stands now."""
        rows, now = self._direct.call(lambda wire: read(wire, [key.name], {}))
        return budget.usage(rows[0].spent, key, now)

    def _still(self, last: Refusal) -> Denied | None:
        """The denial again, where the row is as it was then, and its time has not come."""
        name = last.request[0][0].name
        version, now = self._direct.call(lambda wire: read_version(wire, name))
        if version == last.version:
            return last.denied(now) if last.since <= now < last.until else None
        self._memory.beaten([name])
        return None

    def _change(self, names: Sequence[str], decide: Decide[T]) -> T:
        """Decide and write until nobody came between."""
        for attempt in range(_TRIES):
            try:
                return self._direct.call(lambda wire: self._changed(wire, names, decide, attempt))  # noqa: B023 - called at once
            except _Beaten:
                self._memory.beaten(names)
        raise DatabaseUnavailableError(f"the budgets {', '.join(names)} are changed too often to be spent from")

    def _changed(self, wire: Wire, names: Sequence[str], decide: Decide[T], attempt: int) -> T:
        """Decide once, and write what changes.

        Raises:
            _Beaten: another process came between; nothing was written.
        """
        locks = attempt >= (_UNLOCKED_SQLITE if wire.is_sqlite else _UNLOCKED_POSTGRESQL)
        decided = None if locks else self._decided(wire, names, decide)
        if decided is not None and len(decided.changes) <= 1:
            _write_all(wire, decided)
        else:
            with wire.transaction():
                if decided is None:
                    decided = self._read_and_decided(wire, names, decide, read_locked)
                _write_all(wire, decided)
        self._memory.wrote(decided.changes)
        return decided.result

    def _decided(self, wire: Wire, names: Sequence[str], decide: Decide[T]) -> _Decided[T]:
        """By memory, where that is to be written over all that was known; else by what stands there now."""
        rows, now = self._memory.recall(names), wire.database_now
        if rows is not None and now is not None:
            foreseen = _by(decide, names, rows, now)
            if len(foreseen.changes) == len(names):
                return foreseen
        return self._read_and_decided(wire, names, decide, read)

    def _read_and_decided(self, wire: Wire, names: Sequence[str], decide: Decide[T], reads: Read) -> _Decided[T]:
        rows, now = reads(wire, names, self._memory.rows)
        self._memory.read(names, rows)
        return _by(decide, names, rows, now)


def _name(key: BudgetKey) -> str:
    return key.name


def _by(decide: Decide[T], names: Sequence[str], rows: Sequence[Versioned], now: int) -> _Decided[T]:
    result, after = decide(rows, now)
    triples = zip(names, rows, after, strict=True)
    return _Decided(result, [(name, row, then) for name, row, then in triples if then is not row.spent], now)


def _write_all(wire: Wire, decided: _Decided[T]) -> None:
    for name, row, spent in decided.changes:
        if not write(wire, name, row, spent, decided_at=decided.now):
            wire.mistrust()
            raise _Beaten
