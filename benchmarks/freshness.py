"""What adaptive freshness buys: how fresh many accounts are with the same number of syncs, differently spread.

Accounts change by chance, each at its own rate; an account is fresh from a sync until its next change. With syncs
evenly spaced, `f` a day, and `rate` changes a day, it is fresh for (f / rate) * (1 - exp(-rate / f)) of the time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import msgspec

from syncline.jobs.adaptive import Bounds, interval_seconds, rate_of

__all__ = ["Freshness", "measure_freshness"]

_DAYS = 14.0
"""For so long changes were counted."""
_DAY_SECONDS = 86_400.0
_BOUNDS = Bounds(shortest_seconds=60, longest_seconds=30 * _DAY_SECONDS)
_STEPS = 200
_MOST = _DAY_SECONDS / _BOUNDS.shortest_seconds
_LEAST = _DAY_SECONDS / _BOUNDS.longest_seconds


class Freshness(msgspec.Struct, kw_only=True):
    """The part of the time (0 to 1) for which an average account is fresh.

    Attributes:
        syncs_a_day: how many each account has on average.
        uniform: all have the same.
        adaptive: as `syncline.jobs.adaptive` spreads them, by what was counted in two weeks.
        optimum: as one would who knew the rates.
    """

    syncs_a_day: float
    uniform: float
    adaptive: float
    optimum: float

    @property
    def gap(self) -> float:
        """How far adaptive falls short of the optimum, as a part of it."""
        return 1 - self.adaptive / self.optimum


def measure_freshness(accounts: int, *, seed: int = 7) -> list[Freshness]:
    """Spread 1, 4 and 24 syncs a day over accounts whose rates differ as those of wallets do: a few change often."""
    draw = random.Random(seed)  # noqa: S311 - the same each time
    rates = [draw.lognormvariate(0, 1.5) for _ in range(accounts)]
    counted = [rate_of(_poisson(draw, rate * _DAYS), _DAYS) for rate in rates]
    return [_spread(rates, counted, syncs) for syncs in (1.0, 4.0, 24.0)]


def _spread(rates: Sequence[float], counted: Sequence[float], syncs: float) -> Freshness:
    budget = syncs * len(rates)
    ours = _priced(lambda level: [_DAY_SECONDS / interval_seconds(rate, 1, level, _BOUNDS) for rate in counted], budget)
    best = _priced(lambda price: [_best(rate, price) for rate in rates], budget)
    return Freshness(
        syncs_a_day=syncs,
        uniform=_fresh(rates, [syncs] * len(rates)),
        adaptive=_fresh(rates, ours),
        optimum=_fresh(rates, best),
    )


def _fresh(rates: Sequence[float], syncs: Sequence[float]) -> float:
    return sum(f / rate * -math.expm1(-rate / f) for rate, f in zip(rates, syncs, strict=True)) / len(rates)


def _priced(spread: Callable[[float], list[float]], budget: float) -> list[float]:
    """The syncs at the price at which there are as many as the budget gives."""
    low, high = 1e-12, 1e6
    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if sum(spread(middle)) > budget else (low, middle)
        if high / low < 1 + 1e-9:
            break
    return spread(high)


def _best(rate: float, price: float) -> float:
    """The syncs a day at which one more gains exactly its price; found by halving, for the gain only falls."""
    low, high = _LEAST, _MOST
    for _ in range(60):
        middle = math.sqrt(low * high)
        part = rate / middle
        gain = (-math.expm1(-part) - part * math.exp(-part)) / rate
        low, high = (middle, high) if gain > price else (low, middle)
    return high


def _poisson(draw: random.Random, mean: float) -> int:
    """How many changes came; by the normal distribution where there are many."""
    if mean > 50:  # noqa: PLR2004 - from here on both agree
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    number, chance = 0, draw.random()
    limit = math.exp(-mean)
    while chance > limit:
        number += 1
        chance *= draw.random()
    return number
