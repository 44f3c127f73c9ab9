"""Whether a request may be sent now: budgets as pure decisions, in whole microseconds since 1970.

A window is kept exactly, by a ring of the last admissions (`ring`). A bucket is kept by the generic cell rate
algorithm (ITU-T I.371): one number, the theoretical arrival time `tat` at which it would be full again; it never loses
a fraction of a token. Whatever is decided here becomes true by one conditional write (`syncline.store.budgets`).

An upstream counts a request at an instant `u` that we do not see: after it was sent at `s`, before its answer was seen
at `a`. It refuses the request sent at `s2` if more than L were counted within its period P before `u2`. We send that
one only once `a + P <= s2` holds for all but the last L - 1 before it; then `u + P <= a + P <= s2 <= u2`, so that it is
not refused, however long either of them was on its way. What it costs is `a - s` in each period: with 220 ms there and
back, a slot is used 1 / 1.22 of the time where P is 1 s (82 %), and 5 / 5.22 where it is 5 s (96 %). A margin in place
of the answer would have to cover the whole spread of ways (360 ms for 20 to 200 ms each way: 74 % and 93 %).

While no answer was seen, a request counts as if it were to be seen `under_way` later: that is what is left of it if its
process dies. An upstream's clock may run slower than ours: that is what a window's own margin is for.

A bucket errs only while it is full: it would begin to refill when a request is sent, and the upstream's when it is
counted. So what a request was on its way beyond the instant at which the bucket was full is taken off when it is
answered. That is exact where a token takes longer to come back than a request takes there and back; of a faster bucket
that is full, a burst may spend what it would refill in one round trip too early.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from syncline.errors import ConfigurationError
from syncline.model.budgets import BudgetKey, Policy, SlidingWindow, TokenBucket
from syncline.model.policies import Priority
from syncline.resilience import priorities, ring
from syncline.resilience.budget_state import Moment, Paid, Seen, Spent, Usage
from syncline.resilience.clock_steps import follow
from syncline.resilience.priorities import NO_WAITERS

__all__ = ["Request", "acquire", "block", "is_settled", "learn", "receipt", "settle", "usage"]

_COARSE_WAY_US = 500_000
"""How long a request counts as under way where many share a stamp: such a stamp cannot be settled."""
_SAME_RESET_US = 2_000_000
"""Resets that are this close are the same one, told twice."""


class Request(Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        keys: the budgets that pay, in the order in which their rows are locked.
        cost: for how many requests it counts.
        priority: who goes first where a budget is short.
        under_way: how long it counts as under way at most, in microseconds; 0: it counts from its admission on.
    """

    keys: Sequence[BudgetKey]
    cost: int = 1
    priority: Priority = Priority.NORMAL
    under_way: int = 0


def acquire(
    request: Request, spent: Sequence[Spent], moment: Moment, seen: Sequence[Seen | None]
) -> tuple[tuple[int, str] | None, list[Spent]]:
    """Pay for one request from all budgets, or from none.

    Returns:
        None, or the instant at which the request is admitted and the budget that admits it last. And what is
        remembered after it: the same objects if nothing is to be written.

    Raises:
        ConfigurationError: the request costs more than a budget ever holds.
    """
    known = [_known(one, key, moment, at) for key, one, at in zip(request.keys, spent, seen, strict=True)]
    waits = [
        (at, key.name)
        for key, one in zip(request.keys, known, strict=True)
        if (at := _retry_at(one, key, request, moment.now)) > max(moment.now, one.last)
    ]
    if not waits:
        return None, [_paid(one, key, request, moment) for key, one in zip(request.keys, known, strict=True)]
    latest, waiting = max(waits), {name for _, name in waits}
    return latest, [
        _waits(one, key, request, retry_at=latest[0], moment=moment) if key.name in waiting else one
        for key, one in zip(request.keys, known, strict=True)
    ]


def receipt(request: Request, key: BudgetKey, before: Spent, after: Spent) -> Paid:
    """What is to be settled of an admission, by what was remembered of a budget before and after it."""
    return Paid(
        budget=key.name,
        price=request.cost * key.cost,
        sent=after.last,
        stamp=after.last + request.under_way,
        full_in=max(0, before.tat + after.skipped - before.skipped - after.last),
        skipped=after.skipped,
    )


def is_settled(key: BudgetKey, paid: Paid) -> bool:
    """Whether an answer would change nothing: stamps are shared, or the bucket is far from full."""
    window = _window(key.policy)
    late = isinstance(key.policy, TokenBucket) and paid.full_in < paid.stamp - paid.sent
    return not late and (window is None or window.grain > 1)


def settle(spent: Spent, key: BudgetKey, paid: Paid, moment: Moment, seen: Seen | None, *, ago: int = 0) -> Spent:
    """Count a request from its answer on, which was seen so many microseconds `ago`."""
    known = _known(spent, key, moment, seen)
    at, skipped = max(moment.now, known.last) - ago, known.skipped - paid.skipped
    counted = ring.answered(known.ring, paid.stamp + skipped, paid.price, at)
    flight = min(at - paid.sent - skipped, paid.stamp - paid.sent)
    late = max(0, flight - paid.full_in) if isinstance(key.policy, TokenBucket) else 0
    if counted is known.ring and not late:
        return known
    return replace(_at(known, moment), ring=counted, tat=known.tat + late)


def block(spent: Spent, key: BudgetKey, until: int, moment: Moment, seen: Seen | None) -> Spent:
    """Spend nothing before `until`; a longer block that is there already stays."""
    known = _known(spent, key, moment, seen)
    return known if until <= known.not_before else replace(_at(known, moment), not_before=until)


def learn(spent: Spent, key: BudgetKey, quota: tuple[int, int], moment: Moment, seen: Seen | None) -> Spent:
    """Keep to what the upstream says is left until when, if that is less than our own policy would spend by then."""
    remaining, until = quota
    known = _known(spent, key, moment, seen)
    at = max(moment.now, known.last)
    if key.policy is None or until <= at:
        return known
    told = known.remaining_until > at
    if told and abs(until - known.remaining_until) <= _SAME_RESET_US:
        remaining = min(remaining, known.remaining)
    elif not told and _tokens(known, key.policy, until) <= remaining:
        return known
    if (remaining, until) == (known.remaining, known.remaining_until):
        return known
    return replace(_at(known, moment), remaining=remaining, remaining_until=until)


def usage(spent: Spent, key: BudgetKey, moment: Moment, seen: Seen | None) -> Usage:
    """How the budget stands."""
    known = _known(spent, key, moment, seen)
    at = max(moment.now, known.last)
    blocked = known.not_before if known.not_before > at else 0
    if key.policy is None:
        return Usage(tokens=0, capacity=0, fraction=0, blocked_until=blocked)
    tokens = _tokens(known, key.policy, at, shown=True)
    if known.remaining_until > at:
        tokens = min(tokens, known.remaining)
    capacity = key.policy.capacity
    return Usage(tokens=tokens, capacity=capacity, fraction=1 - tokens / capacity, blocked_until=blocked)


def _known(spent: Spent, key: BudgetKey, moment: Moment, seen: Seen | None) -> Spent:
    """What is remembered, at this moment: in the policy's grain, and by the clock as it was set.

    The same object if nothing but the time has changed. The time is then the later one of `now` and `last`: a clock
    that was set back a little stands still.
    """
    window = _window(key.policy)
    if window is not None and window.grain != spent.ring.grain:
        spent = replace(spent, ring=ring.regrouped(spent.ring, window))
    return follow(spent, key.policy, moment, seen)


def _at(spent: Spent, moment: Moment) -> Spent:
    """The same at this moment."""
    return replace(spent, last=max(moment.now, spent.last), steady=moment.steady, machine=moment.machine)


def _retry_at(spent: Spent, key: BudgetKey, request: Request, now: int) -> int:
    """The instant from which the request is admitted if no other comes first; not after `now` or `last`: now."""
    if key.policy is None:
        return spent.not_before
    price = request.cost * key.cost
    if not 1 <= price <= key.policy.capacity:
        capacity = key.policy.capacity
        raise ConfigurationError(f"a request costs {price}, but the budget {key.name} holds {capacity} at most")
    at = max(now, spent.last)
    free = _free_at(spent, key.policy, price, at)
    if free > at or spent.waiters is NO_WAITERS:
        return free
    return max(free, priorities.yield_until(spent.waiters, request.priority, price, at))


def _free_at(spent: Spent, policy: Policy, price: int, at: int) -> int:
    free = spent.not_before
    if spent.remaining < price:
        free = max(free, spent.remaining_until)
    window = _window(policy)
    if window is not None:  # what is under way may be answered at any moment
        free = max(free, min(ring.free_at(spent.ring, window, price), at + window.period_us))
    if isinstance(policy, TokenBucket):
        free = max(free, spent.tat - (policy.capacity - price) * policy.token_us)
    return free


def _paid(spent: Spent, key: BudgetKey, request: Request, moment: Moment) -> Spent:
    """The state after the admission; a key without a policy has none to keep."""
    policy, price, at = key.policy, request.cost * key.cost, max(moment.now, spent.last)
    if policy is None:
        return spent
    window = _window(policy)
    return Spent(
        last=at,
        steady=moment.steady,
        machine=moment.machine,
        skipped=spent.skipped,
        ring=spent.ring if window is None else ring.added(spent.ring, window, price, at + _way(request, window)),
        tat=max(spent.tat, at) + price * policy.token_us if isinstance(policy, TokenBucket) else spent.tat,
        not_before=spent.not_before,
        remaining=spent.remaining - price if spent.remaining_until > at else spent.remaining,
        remaining_until=spent.remaining_until,
        waiters=NO_WAITERS
        if spent.waiters is NO_WAITERS
        else priorities.granted(spent.waiters, request.priority, price, at),
    )


def _way(request: Request, window: SlidingWindow) -> int:
    """How long the request counts as under way, if it is never settled."""
    return request.under_way if window.grain == 1 else min(request.under_way, _COARSE_WAY_US)


def _waits(spent: Spent, key: BudgetKey, request: Request, *, retry_at: int, moment: Moment) -> Spent:
    if key.policy is None:
        return spent
    waiters = priorities.denied(spent.waiters, request.priority, request.cost * key.cost, retry_at=retry_at)
    return spent if waiters is spent.waiters else replace(_at(spent, moment), waiters=waiters)


def _tokens(spent: Spent, policy: Policy, at: int, *, shown: bool = False) -> float:
    """What the policy alone would let be spent at `at`.

    Where it is `shown`, a bucket behind a window has a fraction as other buckets have: how much of the period is over
    since the oldest request that still counts. Whole tokens alone can be spent, so that it promises nothing.
    """
    window = _window(policy)
    free: list[float] = []
    if window is not None:
        free.append(max(0, window.capacity - ring.used(spent.ring, window, at)))
    if isinstance(policy, TokenBucket):
        if shown and window is not None:
            free[0] += ring.returning(spent.ring, window, at)
        free.append(policy.capacity - max(0, spent.tat - at) / policy.token_us)
    return max(0.0, min(free))


def _window(policy: Policy | None) -> SlidingWindow | None:
    return policy.window if isinstance(policy, TokenBucket) else policy
