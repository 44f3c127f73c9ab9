"""Priorities within one budget: higher ones go first, and the lowest that waits gets a tenth.

There is no queue. A denied request records when it will retry and what it costs; until then, lower priorities are
denied even if the budget has room. Each admission of a higher priority is a credit for the lowest one that waits.
When the credit is nine times what that one asks for, all others are denied until it was admitted: one tenth of what is
spent is its share.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from syncline.model.policies import Priority

__all__ = ["NO_WAITERS", "SIBLINGS_US", "Waiters", "denied", "granted", "yield_until"]

_HIGH_SHARE = 9
"""Nine admissions for the others, then one for the lowest."""

_GRACE_US = 1_000_000
"""How long after its time a denied request is still expected to retry."""
SIBLINGS_US = 100_000
"""Requests of one priority that were denied together retry together: the others come within so long after the first."""

Three: TypeAlias = tuple[int, int, int]
"""A number for each priority: high, normal, low."""

_RANK = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}


class Waiters(Struct, frozen=True, kw_only=True):
    """Which priorities wait for a budget.

    Attributes:
        low_credit: what the others spent while the lowest priority with work was waiting.
        until: until when each priority is expected to retry, in microseconds since 1970; 0: it does not wait.
        cost: what each of them asks for.
    """

    low_credit: int = 0
    until: Three = (0, 0, 0)
    cost: Three = (0, 0, 0)


NO_WAITERS = Waiters()
"""The value while no priority waits; it is compared by identity, which is quicker than looking into it."""


def yield_until(waiters: Waiters, priority: Priority, cost: int, now: int) -> int:
    """When a request of `priority` that costs `cost` may retry, because others go first; 0: none does."""
    mine = _RANK[priority]
    waiting = _waiting(waiters, mine, now)
    if not waiting:
        return 0
    first = [rank for rank in waiting if rank < mine]
    lowest = waiting[-1]
    if lowest < mine:
        first = [] if waiters.low_credit >= _HIGH_SHARE * cost else first
    elif waiters.low_credit >= _HIGH_SHARE * waiters.cost[lowest]:
        first.append(lowest)
    if not first:
        return 0
    until = max(waiters.until[rank] for rank in first)
    return min(until, max(until - _GRACE_US, now + SIBLINGS_US))


def granted(waiters: Waiters, priority: Priority, cost: int, now: int) -> Waiters:
    """The waiters after a request was admitted: a credit for the lowest; its siblings have a moment to retry."""
    mine = _RANK[priority]
    waiting = _waiting(waiters, mine, now)
    if waiting and waiting[-1] > mine:
        low_credit = waiters.low_credit + cost
    elif waiting:
        low_credit = max(0, waiters.low_credit - _HIGH_SHARE * cost)
    else:
        low_credit = 0
    until = min(waiters.until[mine], now + SIBLINGS_US)
    if low_credit == waiters.low_credit and until == waiters.until[mine]:
        return waiters
    return Waiters(low_credit=low_credit, until=_with(waiters.until, mine, until), cost=waiters.cost)


def denied(waiters: Waiters, priority: Priority, cost: int, *, retry_at: int) -> Waiters:
    """The waiters after a request was denied until `retry_at`."""
    mine = _RANK[priority]
    if waiters.until[mine] > retry_at and waiters.cost[mine] >= cost:
        return waiters
    until = max(waiters.until[mine], retry_at + _GRACE_US)
    return replace(waiters, until=_with(waiters.until, mine, until), cost=_with(waiters.cost, mine, cost))


def _waiting(waiters: Waiters, mine: int, now: int) -> list[int]:
    """The other priorities that have work, the highest first."""
    return [rank for rank in (0, 1, 2) if rank != mine and waiters.until[rank] > now]


def _with(three: Three, rank: int, value: int) -> Three:
    first, second, third = (value if index == rank else number for index, number in enumerate(three))
    return (first, second, third)
