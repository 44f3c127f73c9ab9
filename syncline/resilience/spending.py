"""What is remembered of a budget, and what is decided of a request."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from syncline.resilience import ring
from syncline.resilience.priorities import NOBODY, Queue
from syncline.resilience.ring import Ring

__all__ = ["Denied", "Granted", "Spent", "Usage"]


class Granted(Struct, frozen=True, kw_only=True):
    """The request may be sent; it is paid for."""


class Denied(Struct, frozen=True, kw_only=True):
    """The request may not be sent; nothing was spent.

    Attributes:
        budget: the one that admits it last.
        retry_at: when asking again is worth it; nothing is reserved until then.
        wait_seconds: the same, counted from the decision.
    """

    budget: str
    retry_at: datetime
    wait_seconds: float


class Spent(Struct, frozen=True, kw_only=True):
    """What is remembered of a budget; the first values mean that nothing was ever spent.

    Attributes:
        last: the latest instant that the clock has shown.
        ring: the last admissions, for a window.
        tat: when the bucket will be full.
        not_before: until when the upstream wants to be left alone.
        remaining: how much the upstream says is left until `remaining_until`.
        queue: who waits.
    """

    last: int = 0
    ring: Ring = ring.EMPTY
    tat: int = 0
    not_before: int = 0
    remaining: int = 0
    remaining_until: int = 0
    queue: Queue = NOBODY


class Usage(Struct, frozen=True, kw_only=True):
    """How a budget stands.

    Attributes:
        tokens: how much may be spent now; a bucket's have fractions.
        capacity: how much that is at most.
        fraction: the spent part, 0 to 1.
        blocked_until: microseconds since 1970; 0: the upstream wants to be asked.
    """

    tokens: float
    capacity: int
    fraction: float
    blocked_until: int
