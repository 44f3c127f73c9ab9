"""When an account is due next: its interval by market hours, spread a little, and never while nobody uses it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from syncline.local_time import zone_named

__all__ = ["EVERY_DAY", "Freshness", "MarketHours", "Rhythm", "is_stale", "next_due", "rhythm_of", "spread"]

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPREAD = 0.1
_MOST_DOUBLINGS = 6


@dataclass(frozen=True, kw_only=True)
class MarketHours:
    """When prices move and accounts are synced more often.

    Attributes:
        opens: local time of day; the first instant of it belongs to the hours.
        closes: local time of day at which they end; not after `opens`: on the next day. Equal: they last all day.
        timezone: the zone of both, an IANA name.
        days: the weekdays on which they open, Monday = 0.
        holidays: local dates on which they do not.
    """

    opens: time = time(9)
    closes: time = time(17)
    timezone: str = "UTC"
    days: tuple[int, ...] = EVERY_DAY
    holidays: frozenset[date] = frozenset()

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies in them."""
        local = at.astimezone(zone_named(self.timezone)).date()
        days = local - timedelta(days=1), local
        return any(start <= at < end for start, end in (_hours(self, day) for day in days))

    def next_turn(self, after: datetime, until: datetime) -> datetime | None:
        """The first instant after this one at which they begin or end; None: there is none before `until`."""
        was_open = self.is_open(after)
        zone = zone_named(self.timezone)
        day, last = (at.astimezone(zone).date() for at in (after, until))
        day -= timedelta(days=1)
        while day <= last:
            for edge in _hours(self, day):
                if after < edge < until and self.is_open(edge) is not was_open:
                    return edge
            day += timedelta(days=1)
        return None


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How fresh a source's accounts are kept; an operator's settings.

    Attributes:
        market_seconds: the interval between syncs during market hours.
        off_seconds: the interval at other times.
        stale_seconds: what was not read for so long is stale, and goes before the others.
        active_seconds: an account that nobody used for so long is not synced by itself.
        shortest_seconds: no account's own interval may be shorter.
        longest_seconds: nor longer.
        market: when market hours are.
        adaptive: whether the interval follows how often an account changes.
    """

    market_seconds: float = 300
    off_seconds: float = 900
    stale_seconds: float = 3600
    active_seconds: float = 86_400
    shortest_seconds: float = 60
    longest_seconds: float = 86_400
    market: MarketHours = MarketHours()
    adaptive: bool = False


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How often one account is synced: its source's `Freshness`, with what its user set.

    Attributes:
        market_seconds: as of `Freshness`; the others are alike.
    """

    market_seconds: float
    off_seconds: float
    stale_seconds: float
    active_seconds: float
    market: MarketHours

    def interval_seconds(self, at: datetime) -> float:
        """The interval at this instant."""
        return self.market_seconds if self.market.is_open(at) else self.off_seconds


def rhythm_of(policy: Freshness, settings: Mapping[str, Any]) -> Rhythm:
    """The rhythm of an account with these `settings` (`accounts.settings`), within what the operator allows."""
    return _own_rhythm(policy, settings) if settings else _plain_rhythm(policy)


@lru_cache(maxsize=64)
def _plain_rhythm(policy: Freshness) -> Rhythm:
    """That of accounts without settings, most of all."""
    return _own_rhythm(policy, {})


def _own_rhythm(policy: Freshness, settings: Mapping[str, Any]) -> Rhythm:
    def within(seconds: float) -> float:
        return min(max(seconds, policy.shortest_seconds), policy.longest_seconds)

    market = within(settings.get("frequency_seconds") or policy.market_seconds)
    off = settings.get("off_hours_frequency_seconds") or settings.get("frequency_seconds") or policy.off_seconds
    return Rhythm(
        market_seconds=market,
        off_seconds=within(off),
        stale_seconds=settings.get("stale_seconds") or policy.stale_seconds,
        active_seconds=policy.active_seconds,
        market=_market_of(policy.market, settings),
    )


def next_due(
    rhythm: Rhythm, ended: datetime, *, key: str, failures: int = 0, interval_seconds: float | None = None
) -> datetime:
    """When an account is due whose sync ended at `ended`.

    Where the market opens or closes meanwhile, the shorter of both intervals counts, but nothing is due by it before
    its hours begin.

    Args:
        rhythm: how often the account is synced.
        ended: when its last sync ended.
        key: spreads accounts by up to 10 % of the interval, each always alike; the same key, the same instant.
        failures: how many of its jobs were given up in a row: the interval doubles with each, six times at most.
        interval_seconds: an interval that adaptive freshness found, in place of those of the rhythm.
    """
    factor = spread(key) * 2 ** min(failures, _MOST_DOUBLINGS)
    if interval_seconds is not None:
        return ended + timedelta(seconds=interval_seconds * factor)
    by_market, otherwise = (
        ended + timedelta(seconds=seconds * factor) for seconds in (rhythm.market_seconds, rhythm.off_seconds)
    )
    first, last = sorted((by_market, otherwise))
    if first == last or rhythm.market.is_open(first) is (first == by_market):
        return first
    return rhythm.market.next_turn(first, last) or last


def spread(key: str) -> float:
    """A factor from 0.9 to 1.1, always the same for the same key: what is due at once comes apart."""
    return 1 - _SPREAD + 2 * _SPREAD * zlib.crc32(key.encode()) / 0xFFFFFFFF


def is_stale(rhythm: Rhythm, last_success: datetime | None, now: datetime) -> bool:
    """Whether what is stored is too old to wait its turn."""
    return last_success is None or now - last_success > timedelta(seconds=rhythm.stale_seconds)


@lru_cache(maxsize=4096)
def _hours(market: MarketHours, day: date) -> tuple[datetime, datetime]:
    """When the hours begin and end that open on this local day, in UTC; twice the same where they do not open.

    The zone's rules turn local times into instants: on the day of a change they last an hour less or more.
    """
    start = _instant(market, day, market.opens)
    if day.weekday() not in market.days or day in market.holidays:
        return start, start
    last = day if market.closes > market.opens else day + timedelta(days=1)
    return start, _instant(market, last, market.closes)


def _instant(market: MarketHours, day: date, at: time) -> datetime:
    if market.timezone == "UTC":
        return datetime.combine(day, at, UTC)
    import pendulum  # noqa: PLC0415 - takes 60 ms, and few markets name a zone

    local = pendulum.datetime(day.year, day.month, day.day, at.hour, at.minute, at.second, tz=market.timezone)
    return datetime.fromtimestamp(local.timestamp(), UTC)


def _market_of(market: MarketHours, settings: Mapping[str, Any]) -> MarketHours:
    hours: Mapping[str, Any] = settings.get("market_hours") or {}
    days = tuple(map(_WEEKDAYS.index, hours.get("days") or ())) or market.days
    if settings.get("weekends") is False:
        days = tuple(day for day in days if day < 5)  # noqa: PLR2004 - Saturday
    return MarketHours(
        opens=time.fromisoformat(hours["from"]) if "from" in hours else market.opens,
        closes=time.fromisoformat(hours["to"]) if "to" in hours else market.closes,
        timezone=settings.get("timezone") or market.timezone,
        days=days,
        holidays=market.holidays,
    )
