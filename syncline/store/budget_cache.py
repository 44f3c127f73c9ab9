"""What this process last knew of budgets, so that it need not read before each decision.

A stale entry does no harm: a decision is written only over the version that it was made from, and a denial is repeated
only if the row still has the version that it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from syncline.clock import from_microseconds
from syncline.resilience.budget import Request
from syncline.resilience.budget_state import Denied, Moment, Seen, Spent
from syncline.resilience.clock_steps import latest_plausible
from syncline.store.budget_rows import Versioned

__all__ = ["BudgetCache", "Refusal"]


class Refusal(Struct, frozen=True, kw_only=True):
    """A denial, which holds for the same request while its row stays as it is and `until` has not come.

    Attributes:
        version: the row's.
        since: when it was decided, in microseconds since 1970, as is `until`.
        steady: what this machine's steady clock showed then.
        budget: the one that admits the request last.
    """

    request: Request
    version: int
    since: int
    steady: int
    until: int
    budget: str

    def holds(self, now: int, steady: int) -> bool:
        """Whether its time has not come; not where the clock was set since, which moves what was spent with it."""
        seen = Seen(now=self.since, steady=self.steady)
        return self.since <= now < self.until and now <= latest_plausible(seen, 0, steady)

    def denied(self, now: int) -> Denied:
        """What is said at `now`."""
        wait_seconds = (self.until - now) / 1_000_000
        return Denied(budget=self.budget, retry_at=from_microseconds(self.until), wait_seconds=wait_seconds)


class BudgetCache:
    """The rows as this process last read or wrote them, and what it last denied.

    A budget whose write lost a race is contended: its row is read before each decision, until a read finds the version
    that is known here. If many processes spend from one budget, a write that is bound to fail only delays the others.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self.rows: dict[str, Versioned] = {}
        self.seen: dict[str, Seen] = {}
        self._contended: set[str] = set()
        self._refusals: dict[str, Refusal] = {}

    def recall(self, names: Sequence[str]) -> list[Versioned] | None:
        """The rows of these budgets; None where one should be read."""
        if self._contended and not self._contended.isdisjoint(names):
            return None
        rows = [self.rows[name] for name in names if name in self.rows]
        return rows if len(rows) == len(names) else None

    def read(self, names: Sequence[str], rows: Sequence[Versioned]) -> None:
        """Remember `rows`, which were just read."""
        for name, row in zip(names, rows, strict=True):
            known = self.rows.get(name)
            if known is not None and known.version == row.version:
                self._contended.discard(name)
            self.rows[name] = row

    def wrote(self, changes: Sequence[tuple[str, Versioned, Spent]]) -> None:
        """Remember what was just put in place of what was known."""
        for name, before, spent in changes:
            self.rows[name] = Versioned(spent=spent, version=before.version + 1)

    def saw(self, budgets: Iterable[tuple[str, Spent]], moment: Moment) -> None:
        """Remember how the database's clock stood beside ours, where it was judged by these budgets."""
        for name, spent in budgets:
            self.seen[name] = Seen(now=moment.now - spent.skipped, steady=moment.steady)

    def bypassed(self, name: str, seen: Seen) -> None:
        """A statement changed the row without our knowing it."""
        self.rows.pop(name, None)
        self.seen[name] = seen

    def lost_race(self, names: Sequence[str]) -> None:
        """Another process wrote these rows first."""
        self._contended.update(names)

    def refused(self, refusal: Refusal) -> None:
        """Remember a denial by one budget; several would have to be looked at, each for itself."""
        if len(refusal.request.keys) == 1:
            self._refusals[refusal.budget] = refusal

    def refusal(self, request: Request) -> Refusal | None:
        """The last denial of the same request."""
        keys = request.keys
        last = self._refusals.get(keys[0].name) if len(keys) == 1 else None
        if last is None:
            return None
        known = last.request
        same_budget = known.keys[0] is keys[0] or known.keys[0] == keys[0]
        return last if same_budget and (known.cost, known.priority) == (request.cost, request.priority) else None
