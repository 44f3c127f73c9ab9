"""How long to wait before the next attempt."""

from __future__ import annotations

import math
from collections.abc import Callable

from syncline.model.policies import Backoff, RetryPolicy

__all__ = ["Random", "delay_seconds", "delays_seconds"]

Random = Callable[[], float]
"""Gives a number from 0 (included) to 1 (excluded), as `random.random` does."""

_DEFAULT_JITTER = 0.1
"""How far above an upstream's own time a wait may lie, where the policy has no jitter of its own."""


def delay_seconds(
    policy: RetryPolicy, attempt: int, random: Random, *, retry_after_seconds: float | None = None
) -> float:
    """The wait after the attempt number `attempt` (from 1) has failed.

    An upstream's own wait wins where it is longer, and is then only ever lengthened by jitter: an earlier request
    would be refused again. What is no wait at all (not a number, endless, negative) is ignored.
    """
    own = _own_seconds(policy, attempt, random)
    named = retry_after_seconds
    if named is None or not math.isfinite(named) or named <= own:
        return own
    jitter = policy.jitter if isinstance(policy, Backoff) else _DEFAULT_JITTER
    return named * (1 + jitter * random())


def delays_seconds(policy: RetryPolicy, random: Random) -> list[float]:
    """The waits between all attempts: one fewer than there are attempts."""
    return [delay_seconds(policy, attempt, random) for attempt in range(1, policy.attempts)]


def _own_seconds(policy: RetryPolicy, attempt: int, random: Random) -> float:
    if isinstance(policy, Backoff):
        wait = policy.grown_seconds(attempt) * (1 + policy.jitter * (2 * random() - 1))
        return wait if wait <= policy.maximum else 2 * policy.maximum - wait  # cut off, half of them would be the same
    if not policy.delays_seconds:
        return 0
    return policy.delays_seconds[min(attempt, len(policy.delays_seconds)) - 1]
