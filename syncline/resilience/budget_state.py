"""The state of a budget, and the decision on a request: values that the rules (`budget`) and the store exchange."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from syncline.resilience import ring
from syncline.resilience.priorities import NO_WAITERS, Waiters
from syncline.resilience.ring import Ring

__all__ = ["Denied", "Granted", "Moment", "Paid", "Seen", "Spent", "Usage"]


class Moment(Struct, frozen=True, kw_only=True):
    """When a decision is made.

    Attributes:
        now: the database's clock, in microseconds since 1970.
        steady: this machine's monotonic clock, in microseconds since it was started.
        machine: identifies this boot of this machine; 0: it has no monotonic clock.
    """

    now: int
    steady: int = 0
    machine: int = 0


class Seen(Struct, frozen=True, kw_only=True):
    """When this process last read or changed a budget.

    Attributes:
        now: the database's clock, less what it had `skipped`.
        steady: this machine's monotonic clock.
    """

    now: int
    steady: int


class Paid(Struct, frozen=True, kw_only=True):
    """What was paid from one budget for a request that is under way.

    Attributes:
        budget: its name.
        price: how much.
        sent: the instant of the admission, in microseconds since 1970.
        stamp: until when the request is believed to be under way, if no answer is seen.
        full_in: in how many microseconds the bucket would have been full without this request.
        skipped: what the budget's clock had skipped by then.
    """

    budget: str
    price: int
    sent: int
    stamp: int
    full_in: int
    skipped: int


class Granted(Struct, frozen=True, kw_only=True):
    """The request may be sent; it is paid for.

    Attributes:
        paid: what is to be settled when the answer is seen.
    """

    paid: tuple[Paid, ...] = ()


class Denied(Struct, frozen=True, kw_only=True):
    """The request may not be sent; nothing was spent.

    Attributes:
        budget: of the budgets that deny it, the one with the latest `retry_at`.
        retry_at: when to ask again; nothing is reserved until then.
        wait_seconds: the same, counted from the decision.
    """

    budget: str
    retry_at: datetime
    wait_seconds: float


class Spent(Struct, frozen=True, kw_only=True):
    """The stored state of a budget; the first values mean that nothing was ever spent.

    Attributes:
        last: the latest instant that the clock has shown.
        steady: what the monotonic clock of `machine` showed then.
        machine: identifies the boot of the machine that decided last; 0: not known.
        skipped: by how much the clock was set forward in all, as far as that was noticed.
        ring: the last admissions, for a window.
        tat: when the bucket will be full.
        not_before: until when the upstream has blocked us.
        remaining: how much the upstream says is left until `remaining_until`.
        waiters: what each priority waits for.
    """

    last: int = 0
    steady: int = 0
    machine: int = 0
    skipped: int = 0
    ring: Ring = ring.EMPTY
    tat: int = 0
    not_before: int = 0
    remaining: int = 0
    remaining_until: int = 0
    waiters: Waiters = NO_WAITERS


class Usage(Struct, frozen=True, kw_only=True):
    """How a budget stands.

    Attributes:
        tokens: how much may be spent now; a bucket's have fractions.
        capacity: how much that is at most.
        fraction: the spent part, 0 to 1.
        blocked_until: microseconds since 1970; 0: it is not blocked.
    """

    tokens: float
    capacity: int
    fraction: float
    blocked_until: int
