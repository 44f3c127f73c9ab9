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
from syncline.resilience.spending import Spent, Usage

__all__ = ["CLOCK_STEP_US", "acquire", "block", "learn", "settled", "usage"]

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
    at_now = [settled(one, key, now) for key, one in zip(keys, spent, strict=True)]
    waits = [
        (at, key.name)
        for key, one in zip(keys, at_now, strict=True)
        if (at := _retry_at(one, key, cost, priority)) > one.last
    ]
    if waits:
        waiting = {name for _, name in waits}
        after = [
            _waits(one, key, cost, priority, max(waits)[0]) if key.name in waiting else one
            for key, one in zip(keys, at_now, strict=True)
        ]
    else:
        after = [_paid(one, key, cost, priority) for key, one in zip(keys, at_now, strict=True)]
    kept = [one if _only_later(one, then) else then for one, then in zip(spent, after, strict=True)]
    return (max(waits) if waits else None), kept


def settled(spent: Spent, key: BudgetKey, now: int) -> Spent:
    """What is remembered, at the clock's `now`: in the policy's grain, and nothing that has happened lies ahead."""
    window = _window(key.policy)
    if window is not None:
        grained = ring.regrouped(spent.ring, window)
        spent = spent if grained is spent.ring else replace(spent, ring=grained)
    if now >= spent.last:
        return replace(spent, last=now)
    return spent if spent.last - now <= CLOCK_STEP_US else _set_back(spent, key.policy, now)


def block(spent: Spent, key: BudgetKey, until: int, now: int) -> Spent:
    """Spend nothing before `until`; a longer block that is there already stays."""
    at_now = settled(spent, key, now)
    return at_now if until <= at_now.not_before else replace(at_now, not_before=until)


def learn(spent: Spent, key: BudgetKey, *, remaining: int, until: int, now: int) -> Spent:
    """Heed what the upstream says is left until `until`, where that is less than our own policy would spend by then."""
    at_now = settled(spent, key, now)
    if key.policy is None or until <= at_now.last:
        return spent
    known = at_now.remaining_until > at_now.last
    if known and abs(until - at_now.remaining_until) <= _SAME_RESET_US:
        remaining = min(remaining, at_now.remaining)
    elif not known and _tokens(at_now, key.policy, until) <= remaining:
        return spent
    if (remaining, until) == (at_now.remaining, at_now.remaining_until):
        return spent
    return replace(at_now, remaining=remaining, remaining_until=until)


def usage(spent: Spent, key: BudgetKey, now: int) -> Usage:
    """How the budget stands at `now`."""
    at_now = settled(spent, key, now)
    blocked = at_now.not_before if at_now.not_before > at_now.last else 0
    if key.policy is None:
        return Usage(tokens=0, capacity=0, fraction=0, blocked_until=blocked)
    tokens = _tokens(at_now, key.policy, at_now.last)
    if at_now.remaining_until > at_now.last:
        tokens = min(tokens, at_now.remaining)
    capacity = key.policy.capacity
    return Usage(tokens=tokens, capacity=capacity, fraction=1 - tokens / capacity, blocked_until=blocked)


def _retry_at(spent: Spent, key: BudgetKey, cost: int, priority: Priority) -> int:
    """The instant from which the request is admitted, if nobody else comes; not after `spent.last`: now."""
    if key.policy is None:
        return spent.not_before
    price = cost * key.cost
    if not 1 <= price <= key.policy.capacity:
        capacity = key.policy.capacity
        raise ConfigurationError(f"a request costs {price}, but the budget {key.name} holds {capacity} at most")
    free = _free_at(spent, key.policy, price)
    if free > spent.last:
        return free
    return max(free, priorities.stands_back_until(spent.queue, priority, price, spent.last))


def _free_at(spent: Spent, policy: Policy, price: int) -> int:
    times = [spent.not_before]
    if spent.remaining < price:
        times.append(spent.remaining_until)
    window = _window(policy)
    if window is not None:
        times.append(ring.free_at(spent.ring, window, price))
    if isinstance(policy, TokenBucket):
        times.append(spent.tat - (policy.capacity - price) * policy.token_us)
    return max(times)


def _paid(spent: Spent, key: BudgetKey, cost: int, priority: Priority) -> Spent:
    """After the admission at `spent.last`; a door remembers nothing."""
    policy, price, now = key.policy, cost * key.cost, spent.last
    if policy is None:
        return spent
    window = _window(policy)
    known = spent.remaining_until > now
    return replace(
        spent,
        ring=spent.ring if window is None else ring.added(spent.ring, window, price, now),
        tat=max(spent.tat, now) + price * policy.token_us if isinstance(policy, TokenBucket) else spent.tat,
        remaining=spent.remaining - price if known else spent.remaining,
        queue=priorities.granted(spent.queue, priority, price, now),
    )


def _waits(spent: Spent, key: BudgetKey, cost: int, priority: Priority, retry_at: int) -> Spent:
    if key.policy is None:
        return spent
    queue = priorities.denied(spent.queue, priority, cost * key.cost, retry_at=retry_at)
    return spent if queue is spent.queue else replace(spent, queue=queue)


def _only_later(before: Spent, after: Spent) -> bool:
    """Whether nothing but the time has changed, which need not be written."""
    return after.last >= before.last and replace(after, last=before.last) == before


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
