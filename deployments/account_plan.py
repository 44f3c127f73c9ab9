"""Whether accounts are kept as fresh as the settings ask: their intervals fit together, and fit the budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from flows.registry import sources
from syncline.jobs.due import Freshness
from syncline.jobs.planner import planned_source
from syncline.jobs.stats import scheduler_stats
from syncline.portfolios.periodic import misfits
from syncline.portfolios.settings import chain_setting
from syncline.settings import Settings
from syncline.store import rollups
from syncline.store.engine import Store
from syncline.words import counted, interval

__all__ = ["AccountLoad", "crowded", "load_of", "unfit"]

_DAY = timedelta(days=1)
_ESTIMATED_REQUESTS = 0.03
"""Requests for each wallet and sync, before any was measured: 40 of them share a request by Multicall3."""


@dataclass(frozen=True, kw_only=True)
class AccountLoad:
    """What the accounts of a source ask of their upstreams.

    Attributes:
        source: the source.
        active: how many accounts are synced by themselves.
        requests: how many requests one sync of one account sends to each chain, on the average.
        measured: whether that was measured over the last day; else it is an estimate.
        interval_seconds: the shortest interval that the settings ask for.
        p95_seconds: how long 95 of 100 syncs took at most, over the last day; 0: none is on record.
    """

    source: str
    active: int
    requests: float
    measured: bool
    interval_seconds: float
    p95_seconds: float


def load_of(store: Store, settings: Settings) -> AccountLoad | None:
    """What the accounts ask; None: no source with accounts is set up.

    Raises:
        ConfigurationError: a setting of the source cannot be used.
    """
    source = planned_source(sources(), settings)
    if source is None or source.accounts is None or source.accounts.freshness is None:
        return None
    policy: Freshness = source.accounts.freshness(settings)
    with store.read() as connection:
        now = store.now(connection)
        stats = scheduler_stats(connection, source.name, policy, now=now, enabled=True)
        requests, p95 = _lately(connection, source.name, now)
    return AccountLoad(
        source=source.name,
        active=stats.active_users,
        requests=_ESTIMATED_REQUESTS if requests is None else requests,
        measured=requests is not None,
        interval_seconds=min(policy.market_seconds, policy.off_seconds),
        p95_seconds=p95,
    )


def unfit(settings: Settings, *, p95_seconds: float = 0) -> Iterator[str]:
    """What of PERIODIC_SYNC_… does not fit together, each with what to change; nothing where no wallet is synced.

    Raises:
        ConfigurationError: a setting cannot be used.
    """
    source = planned_source(sources(), settings)
    if source is not None and source.accounts is not None and source.accounts.freshness is not None:
        yield from misfits(source.accounts.freshness(settings), p95_seconds=p95_seconds)


def crowded(load: AccountLoad, settings: Settings) -> Iterator[tuple[str, str | None]]:
    """Each chain's budget that accounts spend, with a line on it, and what would fit; None: it does."""
    for chain_id, chain in settings.chains.items():
        per_second = chain.calls_per_second
        if chain.calls_per_day is not None:
            per_second = min(per_second, chain.calls_per_day / _DAY.total_seconds())
        asked = load.active * load.requests / max(1, len(settings.chains))
        variable = chain_setting(chain_id, "CALLS_PER_SECOND")
        yield _judged(f"chain {chain_id}", load, asked, per_second, variable)


def _judged(what: str, load: AccountLoad, asked: float, per_second: float, variable: str) -> tuple[str, str | None]:
    """`asked` is how many requests all accounts need in an interval."""
    admits = per_second * load.interval_seconds
    how = "as measured over the last day" if load.measured else "an estimate, as nothing is measured yet"
    line = (
        f"{what}: {admits:,.0f} requests in {interval(load.interval_seconds)}; {load.active:,} active accounts ask for"
        f" {asked:,.0f} ({how})"
    )
    if asked <= admits:
        return line, None
    longer = asked / per_second
    fits = int(load.active * admits / asked)
    return line, (
        f"{counted(fits, 'account')} would fit, or all of them every {interval(round(longer + 0.5))}: raise"
        f" PERIODIC_SYNC_MARKET_HOURS_INTERVAL to {round(longer + 0.5) * 1_000},"
        f" or {variable} if the provider allows more"
    )


def _lately(connection: Connection, source: str, now: datetime) -> tuple[float | None, float]:
    """How many requests a job of the last day sent, and how long 95 of 100 took; None: no job ended."""
    found = rollups.since(connection, now - _DAY, source=source).values()
    jobs = sum(one.jobs for one in found)
    if not jobs:
        return None, 0
    took = [sum(counts) for counts in zip(*(one.took for one in found), strict=True)]
    return sum(one.tally.requests for one in found) / jobs, (rollups.percentile_ms(took, 0.95) or 0) / 1_000
