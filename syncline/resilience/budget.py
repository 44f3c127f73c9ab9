"""Whether a request may be sent now: budgets as pure decisions, in whole microseconds since 1970.

A window is kept exactly, by a ring of the last admissions (`ring`). A bucket is kept by the generic cell rate
algorithm (ITU-T I.371): one number, the theoretical arrival time `tat` at which it would be full again; it never loses
a fraction of a token. Whatever is decided here becomes true by one conditional write (`syncline.store.budgets`).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from syncline.errors import ConfigurationError
from syncline.model.budgets import BudgetKey, Policy, SlidingWindow, TokenBucket
from syncline.model.policies import Priority
from syncline.resilience import priorities, ring
from syncline.resilience.priorities import NOBODY
from syncline.resilience.spending import Spent, Usage

__all__ = ["CLOCK_STEP_US", "acquire", "block", "learn", "usage"]

CLOCK_STEP_US = 1_000_000
"""A clock set back by up to a second stands still until it has caught up; by more, and what lies ahead is clamped."""
_SAME_RESET_US = 2_000_000
"""Resets that are this close are the same one, told twice."""


def acquire(
    keys: Sequence[BudgetKey], spent: Sequence[Spent], *, cost: int, priority: Priority, now: int
) -> tuple[tuple[int, str] | None, list[Spent]]:
    """Pay for one request from all budgets, or from none.

    Returns:
        None, or the instant at which the request is admitted and the budget that admits it last. And what is
        remembered after it: the same objects where nothing is to be written.

    Raises:
        ConfigurationError: the request costs more than a budget ever holds.
    """
    known = [_known(one, key, now) for key, one in zip(keys, spent, strict=True)]
    waits = [
        (at, key.name)
        for key, one in zip(keys, known, strict=True)
        if (at := _retry_at(one, key, cost, priority, now)) > max(now, one.last)
    ]
    if not waits:
        return None, [_paid(one, key, cost, priority, now) for key, one in zip(keys, known, strict=True)]
    latest, waiting = max(waits), {name for _, name in waits}
    return latest, [
        _waits(one, key, cost, priority, retry_at=latest[0], now=now) if key.name in waiting else one
        for key, one in zip(keys, known, strict=True)
    ]


def block(spent: Spent, key: BudgetKey, until: int, now: int) -> Spent:
    """Spend nothing before `until`; a longer block that is there already stays."""
    known = _known(spent, key, now)
    return known if until <= known.not_before else replace(known, last=max(now, known.last), not_before=until)


def learn(spent: Spent, key: BudgetKey, *, remaining: int, until: int, now: int) -> Spent:
    """Heed what the upstream says is left until `until`, where that is less than our own policy would spend by then."""
    known = _known(spent, key, now)
    at = max(now, known.last)
    if key.policy is None or until <= at:
        return spent
    told = known.remaining_until > at
    if told and abs(until - known.remaining_until) <= _SAME_RESET_US:
        remaining = min(remaining, known.remaining)
    elif not told and _tokens(known, key.policy, until) <= remaining:
        return spent
    if (remaining, until) == (known.remaining, known.remaining_until):
        return spent
    return replace(known, last=at, remaining=remaining, remaining_until=until)


def usage(spent: Spent, key: BudgetKey, now: int) -> Usage:
    """How the budget stands at `now`."""
    known = _known(spent, key, now)
    at = max(now, known.last)
    blocked = known.not_before if known.not_before > at else 0
    if key.policy is None:
        return Usage(tokens=0, capacity=0, fraction=0, blocked_until=blocked)
    tokens = _tokens(known, key.policy, at)
    if known.remaining_until > at:
        tokens = min(tokens, known.remaining)
    capacity = key.policy.capacity
    return Usage(tokens=tokens, capacity=capacity, fraction=1 - tokens / capacity, blocked_until=blocked)


def _known(spent: Spent, key: BudgetKey, now: int) -> Spent:
    """What is remembered, at the clock's `now`: in the policy's grain, and nothing that has happened lies ahead.

    The same object where nothing but the time has changed. The time is then the later one of `now` and `last`: a clock
    that was set back a little stands still.
    """
    window = _window(key.policy)
    if window is not None and window.grain != spent.ring.grain:
        spent = replace(spent, last=max(now, spent.last), ring=ring.regrouped(spent.ring, window))
    return spent if spent.last - now <= CLOCK_STEP_US else _set_back(spent, key.policy, now)


def _retry_at(spent: Spent, key: BudgetKey, cost: int, priority: Priority, now: int) -> int:
    """The instant from which the request is admitted, if nobody else comes; not after `now` or `last`: now."""
    if key.policy is None:
        return spent.not_before
    price = cost * key.cost
    if not 1 <= price <= key.policy.capacity:
        capacity = key.policy.capacity
        raise ConfigurationError(f"a request costs {price}, but the budget {key.name} holds {capacity} at most")
    free, at = _free_at(spent, key.policy, price), max(now, spent.last)
    if free > at or spent.queue is NOBODY:
        return free
    return max(free, priorities.stands_back_until(spent.queue, priority, price, at))


def _free_at(spent: Spent, policy: Policy, price: int) -> int:
    free = spent.not_before
    if spent.remaining < price:
        free = max(free, spent.remaining_until)
    window = _window(policy)
    if window is not None:
        free = max(free, ring.free_at(spent.ring, window, price))
    if isinstance(policy, TokenBucket):
        free = max(free, spent.tat - (policy.capacity - price) * policy.token_us)
    return free


def _paid(spent: Spent, key: BudgetKey, cost: int, priority: Priority, now: int) -> Spent:
    """After the admission; a door remembers nothing."""
    policy, price, at = key.policy, cost * key.cost, max(now, spent.last)
    if policy is None:
        return spent
    window = _window(policy)
    return Spent(
        last=at,
        ring=spent.ring if window is None else ring.added(spent.ring, window, price, at),
        tat=max(spent.tat, at) + price * policy.token_us if isinstance(policy, TokenBucket) else spent.tat,
        not_before=spent.not_before,
        remaining=spent.remaining - price if spent.remaining_until > at else spent.remaining,
        remaining_until=spent.remaining_until,
        queue=NOBODY if spent.queue is NOBODY else priorities.granted(spent.queue, priority, price, at),
    )


def _waits(spent: Spent, key: BudgetKey, cost: int, priority: Priority, *, retry_at: int, now: int) -> Spent:
    if key.policy is None:
        return spent
    queue = priorities.denied(spent.queue, priority, cost * key.cost, retry_at=retry_at)
    return spent if queue is spent.queue else replace(spent, last=max(now, spent.last), queue=queue)


def _set_back(spent: Spent, policy: Policy | None, now: int) -> Spent:
    """The clock was ahead, and is no more: what was spent was spent by now; waits keep their length."""

    def still(until: int) -> int:
        return now + until - spent.last if until > spent.last else until

    until = spent.queue.until
    full = policy.capacity * policy.token_us if isinstance(policy, TokenBucket) else 0
    return replace(
        spent,
        last=now,
        ring=ring.clamped(spent.ring, now),
        tat=min(spent.tat, now + full),
        not_before=still(spent.not_before),
        remaining_until=still(spent.remaining_until),
        queue=replace(spent.queue, until=(still(until[0]), still(until[1]), still(until[2]))),
    )


def _tokens(spent: Spent, policy: Policy, at: int) -> float:
    """What the policy alone would let be spent at `at`."""
    window = _window(policy)
    free: list[float] = []
    if window is not None:
        free.append(max(0, window.capacity - ring.used(spent.ring, window, at)))
    if isinstance(policy, TokenBucket):
        free.append(policy.capacity - max(0, spent.tat - at) / policy.token_us)
    return max(0.0, min(free))


def _window(policy: Policy | None) -> SlidingWindow | None:
    return policy.window if isinstance(policy, TokenBucket) else policy
