"""How many requests an upstream lets us send: the policies, and what they are declared for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from syncline.errors import ConfigurationError

__all__ = ["Budget", "BudgetKey", "Policy", "Scope", "SlidingWindow", "TokenBucket"]

_MICROSECONDS = 1_000_000
_MOST_SLOTS = 1000


@dataclass(frozen=True, kw_only=True)
class SlidingWindow:
    """At most `limit` requests in any period of `period_seconds`, wherever it begins.

    Attributes:
        limit: how many.
        period_seconds: how long a request counts.
        margin: the part of the period (0.001: a thousandth) that is added to it, because the upstream's clock may run
            slower than ours. How long requests are on their way needs no margin: they count from their answers on.
    """

    limit: int
    period_seconds: float
    margin: float = 0.001

    def __post_init__(self) -> None:
        """Refuse a window that admits nothing, or everything."""
        if self.limit < 1 or not 0 < self.period_seconds < math.inf or not 0 <= self.margin < 1:
            raise ConfigurationError(f"a window admits at least 1 request in more than 0 seconds, but is {self}")

    @cached_property
    def period_us(self) -> int:
        """The period in microseconds, margin included."""
        return math.ceil(self.period_seconds * (1 + self.margin) * _MICROSECONDS)

    @cached_property
    def grain(self) -> int:
        """How many requests share one stamp: 1 up to a limit of 1000."""
        return -(-self.limit // _MOST_SLOTS)

    @cached_property
    def slots(self) -> int:
        """How many stamps are kept."""
        return self.limit // self.grain

    @property
    def capacity(self) -> int:
        """The largest cost that is ever admitted."""
        return self.slots * self.grain


@dataclass(frozen=True, kw_only=True)
class TokenBucket:
    """Holds up to `capacity` tokens, of which each request takes some, and gains `refill_per_second`.

    A bucket alone admits up to `capacity + refill_per_second * period` in a period, about twice what a bucket of "10
    per 15 minutes" seems to promise. Where the upstream counts by periods, name its `wall`: it is kept as well.

    Attributes:
        capacity: how many tokens it holds at most; it is full at first.
        refill_per_second: how many tokens come back in a second, such as 10 / 900.
        wall: the upstream's own limit, never to be exceeded.
    """

    capacity: int
    refill_per_second: float
    wall: SlidingWindow | None = None

    def __post_init__(self) -> None:
        """Refuse a bucket that never fills."""
        if self.capacity < 1 or not 0 < self.refill_per_second <= _MICROSECONDS:
            raise ConfigurationError(f"a bucket holds at least 1 token and is refilled, but is {self}")
        if self.wall is not None and self.wall.capacity < self.capacity:
            raise ConfigurationError(f"a bucket holds no more than its wall admits, but is {self}")

    @cached_property
    def token_us(self) -> int:
        """The microseconds in which one token comes back, rounded up."""
        return math.ceil(_MICROSECONDS / self.refill_per_second)

    @cached_property
    def window(self) -> SlidingWindow | None:
        """The wall, where the bucket does not keep it by itself: B + r * W <= L."""
        if self.wall is None or self.capacity + self.wall.period_us / self.token_us <= self.wall.limit:
            return None
        return self.wall


Policy: TypeAlias = SlidingWindow | TokenBucket


class Scope(StrEnum):
    """What an upstream counts requests by."""

    UPSTREAM = "upstream"
    """By all that we send, for whichever account: by application, API key or address."""
    ACCOUNT = "account"
    """By the account that it is sent for: each has a budget of its own."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One budget of an upstream, shared by all processes that call it.

    Attributes:
        name: names it among the upstream's budgets.
        policy: how much may be spent.
        paths: a regular expression; the budget pays for requests whose path it finds. Empty: for all.
        cost: what one such request costs.
        scope: whether all accounts share it, or each has one.
    """

    name: str = "requests"
    policy: Policy
    paths: str = ""
    cost: int = 1
    scope: Scope = Scope.UPSTREAM

    def __post_init__(self) -> None:
        """Refuse what could never be spent."""
        if not self.name or ":" in self.name:
            raise ConfigurationError(f"a budget has a name without a colon, but it is {self.name!r}")
        if not 1 <= self.cost <= self.policy.capacity:
            raise ConfigurationError(
                f"budget {self.name!r}: a request costs {self.cost}, but {self.policy.capacity} is all that there is"
            )
        try:
            re.compile(self.paths)
        except re.error as error:
            raise ConfigurationError(f"budget {self.name!r}: paths is no regular expression: {error}") from None

    def pays_for(self, path: str) -> bool:
        """Whether a request for `path` is paid from this budget."""
        return re.search(self.paths, path) is not None


@dataclass(frozen=True, kw_only=True)
class BudgetKey:
    """A budget as the store knows it.

    Attributes:
        name: `UPSTREAM:BUDGET` or `UPSTREAM:BUDGET:ACCOUNT`; the bare `UPSTREAM` for what holds for all its requests.
        policy: how much may be spent; None: nothing is counted, only until when the upstream has blocked us.
        cost: what one request costs.
        account_id: the account whose budget it is; "" where it is the upstream's.
    """

    name: str
    policy: Policy | None = None
    cost: int = 1
    account_id: str = ""
