"""What limits a source's requests now: its breaker, and the budgets of its upstream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncline.clock import from_microseconds
from syncline.model.budgets import BudgetKey, Policy, SlidingWindow
from syncline.model.policies import BreakerPolicy
from syncline.model.source import Source
from syncline.resilience.breaker import BreakerState
from syncline.resilience.budget_state import Usage
from syncline.store.breakers import Breakers, BreakerStatus
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.words import counted, interval, unheard_of

__all__ = ["BudgetUse", "Protection", "breaker_words", "budget_words", "protections"]

_PERIODS: Mapping[float, str] = {60: "this minute", 3600: "this hour", 86_400: "in a day"}


@dataclass(frozen=True, kw_only=True)
class BudgetUse:
    """How a budget stands.

    Attributes:
        name: `UPSTREAM:BUDGET`.
        tokens: how much may be spent now; a bucket's have fractions.
        capacity: how much that is at most.
        fraction: the spent part, 0 to 1.
        window_seconds: the period of a window; of a bucket, in how long it fills.
        blocked_until: until when the upstream wants to be left alone; None: it may be asked.
    """

    name: str
    tokens: float
    capacity: int
    fraction: float
    window_seconds: float
    blocked_until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Protection:
    """What limits the requests of one source.

    Attributes:
        breaker: how its breaker stands.
        policy: when that opens, and how it comes back.
        budgets: those of its upstream that it spends from, in the order of their declaration.
        blocked_until: until when the upstream wants to be left alone altogether; None: it may be asked.
    """

    breaker: BreakerStatus
    policy: BreakerPolicy
    budgets: tuple[BudgetUse, ...]
    blocked_until: datetime | None

    @property
    def is_closed(self) -> bool:
        """Whether the breaker lets runs through."""
        return self.breaker.state is BreakerState.CLOSED


def protections(store: Store, sources: Iterable[Source]) -> dict[str, Protection]:
    """The protection of each of `sources`, read by two statements.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    sources = tuple(sources)
    breakers = Breakers(store).states({source.name: source.breaker for source in sources})
    upstreams = {source.upstream.name: source.upstream for source in sources}
    keys = [key for one in upstreams.values() for key in (one.block_key, *one.budget_keys)]
    usages = Budgets(store).states(keys)
    return {
        source.name: Protection(
            breaker=breakers[source.name],
            policy=source.breaker,
            budgets=tuple(_uses(usages, source.upstream.budget_keys, source.planned_requests)),
            blocked_until=_instant(usages[source.upstream.block_key.name].blocked_until),
        )
        for source in sources
    }


def breaker_words(one: Protection) -> str:
    """The breaker in a few words, such as `open until 12:03 UTC after 5 failures`."""
    breaker = one.breaker
    match breaker.state:
        case BreakerState.CLOSED:
            return f"closed, {counted(breaker.failures, 'failure')} in a row" if breaker.failures else "closed"
        case BreakerState.OPEN:
            return f"open{_until(breaker.retry_at)} after {counted(breaker.failures, 'failure')}"
        case BreakerState.HALF_OPEN:
            out = f", the others are out{_until(breaker.retry_at)}" if breaker.retry_at else ""
            return f"half-open, {breaker.successes} of {one.policy.half_open_probes} probes went well{out}"
        case BreakerState.FORCED_OPEN:
            return "held open until it is reset"
    return unheard_of(breaker.state)


def budget_words(one: BudgetUse) -> str:
    """The budget in a few words, such as `used 42 of 60 this hour`."""
    used = f"{one.capacity - one.tokens:,.1f}".removesuffix(".0")
    within = _PERIODS.get(one.window_seconds) or f"in {interval(one.window_seconds)}"
    words = f"used {used} of {one.capacity:,} {within}"
    return words if one.blocked_until is None else f"{words}, blocked by the upstream{_until(one.blocked_until)}"


def _uses(usages: Mapping[str, Usage], keys: Iterable[BudgetKey], planned: Mapping[str, float]) -> Iterable[BudgetUse]:
    """Those of the budgets that the source spends from."""
    for key in keys:
        if key.policy is None or key.name.partition(":")[2] not in planned:
            continue
        usage = usages[key.name]
        yield BudgetUse(
            name=key.name,
            tokens=usage.tokens,
            capacity=usage.capacity,
            fraction=usage.fraction,
            window_seconds=_window_seconds(key.policy),
            blocked_until=_instant(usage.blocked_until),
        )


def _instant(microseconds: int | None) -> datetime | None:
    return from_microseconds(microseconds) if microseconds else None


def _window_seconds(policy: Policy) -> float:
    if isinstance(policy, SlidingWindow):
        return policy.period_seconds
    return policy.wall.period_seconds if policy.wall is not None else policy.capacity / policy.refill_per_second


def _until(instant: datetime | None) -> str:
    return "" if instant is None else f" until {instant:%H:%M} UTC"
