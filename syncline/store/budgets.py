"""Budgets, shared by all processes: decided purely, made true by one conditional write.

A decision reads first, because a denial needs no write. What is spent is written only over the version that was read,
and only while the database's clock, read in the write, is still close to the decision's: nobody else's spending lies
between the two, and the stamp is that of the write. Whoever is beaten decides anew; on SQLite then behind the writer's
lock, where nobody can come between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from syncline.clock import from_microseconds, microseconds
from syncline.errors import DatabaseUnavailableError
from syncline.model.policies import Priority
from syncline.resilience import budget
from syncline.resilience.spending import Denied, Granted, Spent, Usage
from syncline.store.budget_rows import read, write

if TYPE_CHECKING:
    from syncline.model.budgets import BudgetKey
    from syncline.store.direct import Wire
    from syncline.store.engine import Store

__all__ = ["Budgets"]

T = TypeVar("T")
Decide: TypeAlias = Callable[[Sequence[Spent], int], tuple[T, list[Spent]]]
"""Decides by what is remembered, and returns what is remembered after it: the same objects where that stays."""
_Changed: TypeAlias = tuple[str, int, Spent]
"""A budget's name, the version that was read, and what is to stand in its place."""

_TRIES = 200
"""Somebody wins each round, so that even a hundred rivals leave room for all."""


class _Beaten(Exception):  # noqa: N818 - nothing is wrong: somebody else was first
    """Another process changed a row since it was read."""


class Budgets:
    """The budgets of a database."""

    def __init__(self, store: Store) -> None:
        """Keep them in `store`."""
        self._direct = store.direct

    def acquire(
        self, keys: Sequence[BudgetKey], *, cost: int = 1, priority: Priority = Priority.NORMAL
    ) -> Granted | Denied:
        """Pay for a request from all of these budgets, or from none.

        Raises:
            ConfigurationError: it costs more than one of them ever holds.
            DatabaseUnavailableError: the database cannot be reached, or stays locked.
        """
        ordered = sorted(keys, key=lambda key: key.name)

        def decide(spent: Sequence[Spent], now: int) -> tuple[Granted | Denied, list[Spent]]:
            denied, after = budget.acquire(ordered, spent, cost=cost, priority=priority, now=now)
            if denied is None:
                return Granted(), after
            retry_at, name = denied
            wait_seconds = (retry_at - now) / 1_000_000
            return Denied(budget=name, retry_at=from_microseconds(retry_at), wait_seconds=wait_seconds), after

        return self._change([key.name for key in ordered], decide)

    def block(self, keys: Sequence[BudgetKey], *, until: datetime) -> None:
        """Spend nothing from these budgets before `until`, in no process; a longer block stays."""
        ordered = sorted(keys, key=lambda key: key.name)

        def decide(spent: Sequence[Spent], now: int) -> tuple[None, list[Spent]]:
            pairs = zip(ordered, spent, strict=True)
            return None, [budget.block(one, key, microseconds(until), now) for key, one in pairs]

        self._change([key.name for key in ordered], decide)

    def learn(self, key: BudgetKey, *, remaining: int, until: datetime) -> None:
        """Heed that the upstream says how much is left until `until`; it never gives more than the policy does."""

        def decide(spent: Sequence[Spent], now: int) -> tuple[None, list[Spent]]:
            return None, [budget.learn(spent[0], key, remaining=remaining, until=microseconds(until), now=now)]

        self._change([key.name], decide)

    def state(self, key: BudgetKey) -> Usage:
        """How the budget stands now."""
        versioned, now = self._direct.call(lambda wire: read(wire, [key.name]))
        return budget.usage(versioned[0].spent, key, now)

    def _change(self, names: Sequence[str], decide: Decide[T]) -> T:
        """Read, decide and write until nobody came between."""
        for attempt in range(_TRIES):
            try:
                return self._direct.call(lambda wire: _changed(wire, names, decide, again=attempt > 0))  # noqa: B023 - called at once
            except _Beaten:
                continue
        raise DatabaseUnavailableError(f"the budgets {', '.join(names)} are changed too often to be spent from")


def _changed(wire: Wire, names: Sequence[str], decide: Decide[T], *, again: bool) -> T:
    """Decide once, and write what changes.

    Raises:
        _Beaten: another process came between; nothing was written.
    """
    result, changes, now = _decided(wire, names, decide)
    if not changes:
        return result
    if len(changes) == 1 and not (again and wire.is_sqlite):
        _write_all(wire, changes, now)
        return result
    with wire.transaction():
        if wire.is_sqlite:
            result, changes, now = _decided(wire, names, decide)
        _write_all(wire, changes, now)
    return result


def _decided(wire: Wire, names: Sequence[str], decide: Decide[T]) -> tuple[T, list[_Changed], int]:
    before, now = read(wire, names)
    result, after = decide([one.spent for one in before], now)
    triples = zip(names, before, after, strict=True)
    return result, [(name, one.version, then) for name, one, then in triples if then is not one.spent], now


def _write_all(wire: Wire, changes: Sequence[_Changed], now: int) -> None:
    for name, version, spent in changes:
        if not write(wire, name, version, spent, decided_at=now):
            raise _Beaten
