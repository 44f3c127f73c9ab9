"""Budgets, shared by all processes: decided purely, made true by one conditional write.

A decision goes by what this process last knew of the row. It is written only over that version, and only while the
database's clock, read in the write, is at or just after the decision's instant: nobody else's spending lies between the
two, and the stamp is that of the write. If the row's version changed, it is read and decided on again, and in the last
tries read with a lock. A denial needs no write: it reads whether the row still is what was known. On PostgreSQL the
common admission is one statement that decides by itself (`budget_statements`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from syncline.clock import Steady, microseconds
from syncline.errors import DatabaseUnavailableError
from syncline.model.budgets import BudgetKey
from syncline.model.policies import Priority
from syncline.resilience import budget
from syncline.resilience.budget import Request
from syncline.resilience.budget_state import Denied, Granted, Moment, Paid, Seen, Spent, Usage
from syncline.store.budget_cache import BudgetCache, Refusal
from syncline.store.budget_rows import Versioned, read, read_locked, read_version, write
from syncline.store.budget_statements import Statements
from syncline.store.direct import RawStatements
from syncline.store.engine import Store

__all__ = ["Budgets"]

T = TypeVar("T")
Decide: TypeAlias = Callable[[Sequence[Versioned], Moment], tuple[T, list[Spent]]]
"""Decides by what is known, and returns what is remembered after it: the same objects where that stays."""
_Change: TypeAlias = tuple[str, Versioned, Spent]
"""A budget's name, what was known of it, and what is to stand in its place."""

Read: TypeAlias = Callable[["RawStatements", Sequence[str], Mapping[str, Versioned]], tuple[list[Versioned], int]]

_GRANTED = Granted()
_UNLOCKED_SQLITE, _UNLOCKED_POSTGRESQL = 1, 3
"""So often is a decision made in the hope that nobody comes between; a lock on a server lasts several ways to it."""
_TRIES = 200
"""Somebody wins each round, so that even a hundred rivals leave room for all."""


class _LostRaceError(Exception):
    """Another process changed a row since it was read."""


class _Decided(NamedTuple, Generic[T]):
    result: T
    changes: list[_Change]
    after: list[Spent]
    moment: Moment


class Budgets:
    """The budgets of a database."""

    def __init__(self, store: Store) -> None:
        """Keep them in `store`."""
        self._direct = store.direct
        self._is_sqlite = store.is_sqlite
        self._cache = BudgetCache()
        self._statements = Statements(self._cache.seen)

    def acquire(
        self,
        keys: Sequence[BudgetKey],
        *,
        cost: int = 1,
        priority: Priority = Priority.NORMAL,
        under_way_seconds: float = 0,
    ) -> Granted | Denied:
        """Pay for a request from all of these budgets, or from none.

        Args:
            keys: the budgets.
            cost: for how many requests it counts.
            priority: who goes first where a budget is short.
            under_way_seconds: until it is settled it counts as if it were answered so much later; 0: it counts from
                its admission on, and is not settled.

        Raises:
            ConfigurationError: it costs more than one of them ever holds.
            DatabaseUnavailableError: the database cannot be reached, or stays locked.
        """
        ordered, under_way = sorted(keys, key=_name) if len(keys) > 1 else keys, round(under_way_seconds * 1_000_000)
        request = Request(keys=ordered, cost=cost, priority=priority, under_way=under_way)
        last = self._cache.refusal(request)
        if last is not None and (denied := self._still(last)) is not None:
            return denied
        return self._admitted_at_once(request) or self._change([key.name for key in ordered], self._deciding(request))

    def settle(self, keys: Sequence[BudgetKey], granted: Granted, *, answered: Steady) -> None:
        """Count an admitted request from its answer on, which was seen when this machine's steady clock showed that."""
        by_name = {key.name: key for key in keys}
        for paid in granted.paid:
            if not budget.is_settled(by_name[paid.budget], paid):
                self._settle(by_name[paid.budget], paid, answered)

    def block(self, keys: Sequence[BudgetKey], *, until: datetime) -> None:
        """Spend nothing from these budgets before `until`, in no process; a longer block stays."""
        ordered, until_us = sorted(keys, key=_name), microseconds(until)

        def decide(rows: Sequence[Versioned], moment: Moment) -> tuple[None, list[Spent]]:
            pairs = zip(ordered, rows, strict=True)
            return None, [budget.block(row.spent, key, until_us, moment, self._seen(key)) for key, row in pairs]

        self._change([key.name for key in ordered], decide)

    def learn(self, key: BudgetKey, *, remaining: int, until: datetime) -> None:
        """Heed that the upstream says how much is left until `until`; it never gives more than the policy does."""
        quota = (remaining, microseconds(until))

        def decide(rows: Sequence[Versioned], moment: Moment) -> tuple[None, list[Spent]]:
            return None, [budget.learn(rows[0].spent, key, quota, moment, self._seen(key))]

        self._change([key.name], decide)

    def state(self, key: BudgetKey) -> Usage:
        """How the budget stands now."""
        return self.states([key])[key.name]

    def states(self, keys: Sequence[BudgetKey]) -> dict[str, Usage]:
        """How budgets stand now, by their names, read by one statement."""
        by_name = {key.name: key for key in keys}
        if not by_name:
            return {}
        (rows, now), steady = self._direct.call(lambda raw: (read(raw, list(by_name), {}), raw.steady))
        moment = Moment(now=now, steady=steady.us, machine=steady.machine)
        pairs = zip(by_name.items(), rows, strict=True)
        return {name: budget.usage(row.spent, key, moment, self._seen(key)) for (name, key), row in pairs}

    def _seen(self, key: BudgetKey) -> Seen | None:
        return self._cache.seen.get(key.name)

    def _deciding(self, request: Request) -> Decide[Granted | Denied]:
        def decide(rows: Sequence[Versioned], moment: Moment) -> tuple[Granted | Denied, list[Spent]]:
            seen = [self._seen(key) for key in request.keys]
            waits, after = budget.acquire(request, [row.spent for row in rows], moment, seen)
            if waits is None:
                return _granted(request, rows, after), after
            version, now = rows[0].version, moment.now
            until, name = waits
            refusal = Refusal(
                request=request, version=version, since=now, steady=moment.steady, until=until, budget=name
            )
            self._cache.refused(refusal)
            return refusal.denied(now), after

        return decide

    def _admitted_at_once(self, request: Request) -> Granted | None:
        """On PostgreSQL: paid in one statement; None where that does not decide it."""
        if self._is_sqlite:
            return None
        admitted = self._direct.call(lambda raw: self._statements.admit(raw, request))
        if admitted is None:
            return None
        granted, name, seen = admitted
        self._cache.bypassed(name, seen)
        return granted

    def _settle(self, key: BudgetKey, paid: Paid, answered: Steady) -> None:
        def settled(raw: RawStatements) -> bool:
            return not raw.is_sqlite and self._statements.settle(raw, key, paid, answered)

        def decide(rows: Sequence[Versioned], moment: Moment) -> tuple[None, list[Spent]]:
            ago = max(0, moment.steady - answered.us) if answered.machine == moment.machine else 0
            return None, [budget.settle(rows[0].spent, key, paid, moment, self._seen(key), ago=ago)]

        if self._direct.call(settled):
            self._cache.rows.pop(key.name, None)
        else:
            self._change([key.name], decide)

    def _still(self, last: Refusal) -> Denied | None:
        """The denial again, where the row is as it was then, and the denial holds."""
        name = last.request.keys[0].name
        (version, now), steady = self._direct.call(lambda raw: (read_version(raw, name), raw.steady.us))
        if version == last.version:
            return last.denied(now) if last.holds(now, steady) else None
        self._cache.lost_race([name])
        return None

    def _change(self, names: Sequence[str], decide: Decide[T]) -> T:
        """Decide and write until nobody came between."""
        for attempt in range(_TRIES):
            try:
                return self._direct.call(lambda raw: self._changed(raw, names, decide, attempt))  # noqa: B023 - called at once
            except _LostRaceError:
                self._cache.lost_race(names)
        raise DatabaseUnavailableError(f"the budgets {', '.join(names)} are changed too often to be spent from")

    def _changed(self, raw: RawStatements, names: Sequence[str], decide: Decide[T], attempt: int) -> T:
        """Decide once, and write what changes.

        Raises:
            _LostRaceError: another process came between; nothing was written.
        """
        locks = attempt >= (_UNLOCKED_SQLITE if raw.is_sqlite else _UNLOCKED_POSTGRESQL)
        decided = None if locks else self._decided(raw, names, decide)
        if decided is not None and len(decided.changes) <= 1:
            _write_all(raw, decided)
        else:
            with raw.transaction():
                if decided is None:
                    decided = self._read_and_decided(raw, names, decide, read_locked)
                _write_all(raw, decided)
        self._cache.wrote(decided.changes)
        self._cache.saw(zip(names, decided.after, strict=True), decided.moment)
        return decided.result

    def _decided(self, raw: RawStatements, names: Sequence[str], decide: Decide[T]) -> _Decided[T]:
        """By memory, where that is to be written over all that was known; else by what stands there now."""
        rows, now = self._cache.recall(names), raw.database_now
        if rows is not None and now is not None:
            foreseen = _by(raw, decide, names, rows, now)
            if len(foreseen.changes) == len(names):
                return foreseen
        return self._read_and_decided(raw, names, decide, read)

    def _read_and_decided(
        self, raw: RawStatements, names: Sequence[str], decide: Decide[T], reads: Read
    ) -> _Decided[T]:
        rows, now = reads(raw, names, self._cache.rows)
        self._cache.read(names, rows)
        return _by(raw, decide, names, rows, now)


def _name(key: BudgetKey) -> str:
    return key.name


def _granted(request: Request, rows: Sequence[Versioned], after: Sequence[Spent]) -> Granted:
    """The admission, with what is to be settled of it."""
    if not request.under_way:
        return _GRANTED
    triples = zip(request.keys, rows, after, strict=True)
    return Granted(
        paid=tuple(budget.receipt(request, key, row.spent, then) for key, row, then in triples if key.policy)
    )


def _by(
    raw: RawStatements, decide: Decide[T], names: Sequence[str], rows: Sequence[Versioned], now: int
) -> _Decided[T]:
    steady = raw.steady
    moment = Moment(now=now, steady=steady.us, machine=steady.machine)
    result, after = decide(rows, moment)
    triples = zip(names, rows, after, strict=True)
    changes = [(name, row, then) for name, row, then in triples if then is not row.spent]
    return _Decided(result, changes, after, moment)


def _write_all(raw: RawStatements, decided: _Decided[T]) -> None:
    for name, row, spent in decided.changes:
        if not write(raw, name, row, spent, decided_at=decided.moment.now):
            raw.mistrust()
            raise _LostRaceError
