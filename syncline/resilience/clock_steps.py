"""What becomes of a budget when the clock is set.

A clock that is set back frees nothing: what lies ahead of it then is taken to have happened just now. A clock that is
set forward frees nothing either: where it has gone further than a steady clock, by more than a second, all that is
remembered is moved forward with it. Otherwise a step of 30 s would spend a minute's window half a minute too early.

What the steady clock showed is written with each admission, so that any process of the same machine notices, also one
that was started after the step. A process of another machine goes by what it has seen of the budget itself. Unnoticed
remains a step before a machine's first look at a budget that another machine wrote last, and steps below a second.
"""

from __future__ import annotations

from msgspec.structs import replace

from syncline.model.budgets import Policy, TokenBucket
from syncline.resilience import ring
from syncline.resilience.budget_state import Moment, Seen, Spent
from syncline.resilience.priorities import NO_WAITERS

__all__ = ["CLOCK_STEP_US", "follow", "latest_plausible"]

CLOCK_STEP_US = 1_000_000
"""A clock set back by up to a second stands still until it has caught up; one that is a second ahead is believed."""
_DRIFT = 1000
"""Two clocks drift apart by less than a thousandth."""


def follow(spent: Spent, policy: Policy | None, moment: Moment, seen: Seen | None) -> Spent:
    """What is remembered, by the clock as it stands now; the same object if the clock was not set."""
    if spent.last - moment.now > CLOCK_STEP_US:
        return _set_back(spent, policy, moment)
    ahead = _ahead(spent, moment, seen)
    return _set_forward(spent, moment, ahead) if ahead else spent


def latest_plausible(seen: Seen, skipped: int, steady: int) -> int:
    """The latest instant that the database's clock can show now, unless it was set since the budget was `seen`."""
    passed = max(0, steady - seen.steady)
    return seen.now + skipped + passed + passed // _DRIFT + CLOCK_STEP_US


def _ahead(spent: Spent, moment: Moment, seen: Seen | None) -> int:
    """By how much the clock has gone further than time has passed; 0 while that may be drift, or is not known."""
    if not spent.last or not moment.machine:
        return 0
    if spent.machine == moment.machine:
        known = Seen(now=spent.last - spent.skipped, steady=spent.steady)
    elif seen is not None:
        known = seen
    else:
        return 0
    if moment.now <= latest_plausible(known, spent.skipped, moment.steady):
        return 0
    return moment.now - spent.skipped - known.now - max(0, moment.steady - known.steady)


def _set_forward(spent: Spent, moment: Moment, by: int) -> Spent:
    """The clock shows more than has passed: what was spent was spent by so much later, and waits keep their length."""

    def moved(until: int) -> int:
        return until + by if until else 0

    until = spent.waiters.until
    return replace(
        spent,
        last=max(moment.now, spent.last),
        steady=moment.steady,
        machine=moment.machine,
        skipped=spent.skipped + by,
        ring=ring.moved(spent.ring, by),
        tat=moved(spent.tat),
        not_before=moved(spent.not_before),
        remaining_until=moved(spent.remaining_until),
        waiters=spent.waiters
        if spent.waiters is NO_WAITERS
        else replace(spent.waiters, until=(moved(until[0]), moved(until[1]), moved(until[2]))),
    )


def _set_back(spent: Spent, policy: Policy | None, moment: Moment) -> Spent:
    """The clock was ahead, and is no more: what was spent was spent by now; waits keep their length."""
    now = moment.now

    def still(until: int) -> int:
        return now + until - spent.last if until > spent.last else until

    until = spent.waiters.until
    full = policy.capacity * policy.token_us if isinstance(policy, TokenBucket) else 0
    return replace(
        spent,
        last=now,
        steady=moment.steady,
        machine=moment.machine,
        skipped=spent.skipped - (spent.last - now),
        ring=ring.clamped(spent.ring, now, spent.last),
        tat=min(spent.tat, now + full),
        not_before=still(spent.not_before),
        remaining_until=still(spent.remaining_until),
        waiters=replace(spent.waiters, until=(still(until[0]), still(until[1]), still(until[2]))),
    )
