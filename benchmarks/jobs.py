"""What jobs cost: claimed and ended in batches of several sizes, beside procrastinate; sweeps over many accounts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from statistics import median

import msgspec
from sqlalchemy import text

from benchmarks.databases import Databases
from benchmarks.day import DayPlan, simulate
from benchmarks.freshness import Freshness, measure_freshness
from benchmarks.goals import Goal
from benchmarks.job_claims import PEER, SOURCE, Claims, cpu_seconds, measure_claims, measure_peer
from syncline.clock import ManualClock, microseconds
from syncline.jobs.due import Freshness as Policy
from syncline.store import job_sweeps, schema
from syncline.store.engine import Store

__all__ = ["JobsReport", "jobs_table", "measure_jobs"]

_GOALS = {1: 2.0, 10: 15.0}
"""How many times as many jobs a CPU second as procrastinate's, by batch."""


class Sweeps(msgspec.Struct, kw_only=True):
    """Sweeps over accounts.

    Attributes:
        database: its kind.
        accounts: how many there are.
        nothing_due_ms: the CPU time of a sweep that finds nothing, in milliseconds, the server's included.
        ten_thousand_due_ms: of one that queues 10,000.
    """

    database: str
    accounts: int
    nothing_due_ms: float
    ten_thousand_due_ms: float


class SimulatedDay(msgspec.Struct, kw_only=True):
    """A day of many accounts through a real drain (`benchmarks.day`).

    Attributes:
        accounts: how many there are.
        jobs: how many ended.
        jobs_a_cpu_second: whole jobs, from the sweep to their account.
        grown_mb: how much more memory was held at most than before the first.
    """

    accounts: int
    jobs: int
    jobs_a_cpu_second: float
    grown_mb: float


class JobsReport(msgspec.Struct, kw_only=True):
    """The key `jobs` of results.json."""

    claims: list[Claims]
    sweeps: list[Sweeps]
    days: list[SimulatedDay]
    freshness: list[Freshness]
    goals: list[Goal]
    date: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def measure_jobs(databases: Databases, *, quick: bool) -> JobsReport:
    """Measure all of it; `quick` with few accounts, to see that it works."""
    many, accounts = (1_000, 20_000) if quick else (20_000, 1_000_000)
    claims = [one for kind in databases.kinds for one in measure_claims(databases, kind, many)]
    if "postgresql" in databases.kinds and find_spec(PEER) is not None:
        claims.append(measure_peer(databases, min(many, 2_000)))
    sweeps = [_sweeps(databases, kind, accounts) for kind in databases.kinds]
    days = [_day(databases, size) for size in ((1_000,) if quick else (10_000, 100_000))]
    freshness = measure_freshness(200 if quick else 20_000)
    goals = list(_goals(claims, sweeps, days, freshness))
    return JobsReport(claims=claims, sweeps=sweeps, days=days, freshness=freshness, goals=goals)


def _sweeps(databases: Databases, kind: str, accounts: int) -> Sweeps:
    database, _folder = databases.new(kind, migrated=True)
    store = Store(database.url)
    now = datetime.now(UTC)
    _fill(store, accounts, microseconds(now))
    database.settle()
    nothing = _due(now, now - timedelta(days=1))
    idle = [
        cpu_seconds(store, lambda: store.transact(lambda connection: job_sweeps.queue_due(connection, nothing)))
        for _ in range(5)
    ]
    due = _due(now, now)
    busy = cpu_seconds(store, lambda: store.transact(lambda connection: job_sweeps.queue_due(connection, due)))
    store.close()
    databases.drop(database)
    return Sweeps(
        database=kind,
        accounts=accounts,
        nothing_due_ms=round(median(idle) * 1000, 2),
        ten_thousand_due_ms=round(busy * 1000, 1),
    )


def _due(now: datetime, until: datetime) -> job_sweeps.Due:
    return job_sweeps.Due(source=SOURCE, now=now, until=until, stale_seconds=3_600, active_seconds=86_400)


def _fill(store: Store, accounts: int, now_us: int) -> None:
    """So many accounts, made by the database, of which the first 10,000 are due."""
    is_sqlite = store.is_sqlite
    number = "printf('%024d', n)" if is_sqlite else "lpad(n::text, 24, '0')"
    at = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'" if is_sqlite else "now()"
    series = (
        f"WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {accounts - 1})"
        if is_sqlite
        else f"WITH s AS (SELECT n FROM generate_series(0, {accounts - 1}) AS n)"
    )
    rows = (
        f"{series} INSERT INTO accounts (id, user_id, source, external_id, state, settings, weight, last_active_at,"
        " last_success_at, next_due_us, changes, exposure_days, failures, created_at, version)"
        f" SELECT 'acc_' || {number}, 'u' || n, '{SOURCE}', '0x' || n, 'active', '{{}}', 1, {at}, {at},"
        f" CASE WHEN n < 10000 THEN {now_us} - n ELSE {now_us} + 100000000000 + n END, 0, 0, 0, {at}, 1 FROM s"
    )
    with store.write() as connection:
        connection.execute(text(rows.replace(":", r"\:") if "::" in rows else rows.replace("%H:%M:%f", r"%H\:%M\:%f")))


def _day(databases: Databases, accounts: int) -> SimulatedDay:
    database, _folder = databases.new("sqlite", migrated=False)
    plan = DayPlan(
        accounts=accounts,
        policy=Policy(market_seconds=900, off_seconds=1_800, stale_seconds=3_600),
        requests_a_minute=max(20, accounts // 200),
    )
    clock = ManualClock(plan.start)
    store = Store(database.url, clock=clock)
    schema.upgrade(store)
    began = time.process_time()
    day = simulate(store, clock, plan)
    took = time.process_time() - began
    store.close()
    databases.drop(database)
    ended = sum(day.outcomes.values()) - day.deferred
    return SimulatedDay(
        accounts=accounts, jobs=ended, jobs_a_cpu_second=round(ended / took), grown_mb=round(day.grown_mb, 1)
    )


def _goals(
    claims: list[Claims], sweeps: list[Sweeps], days: list[SimulatedDay], freshness: list[Freshness]
) -> list[Goal]:
    peer = next((one.jobs_a_cpu_second for one in claims if one.who == PEER), None)
    found = [
        Goal(
            what=f"jobs a CPU second, batch {one.batch}, PostgreSQL / procrastinate",
            measured=round(one.jobs_a_cpu_second / peer, 1),
            bound=_GOALS[one.batch],
            at_most=False,
        )
        for one in claims
        if peer and one.who != PEER and one.database == "postgresql" and one.batch in _GOALS
    ]
    bounds = {"sqlite": 50.0, "postgresql": 150.0}
    for one in sweeps:
        named = f"{one.database}, {one.accounts:,} accounts: CPU ms of a sweep with"
        found.append(Goal(what=f"{named} nothing due", measured=one.nothing_due_ms, bound=10, at_most=True))
        due = one.ten_thousand_due_ms
        found.append(Goal(what=f"{named} 10,000 due", measured=due, bound=bounds[one.database], at_most=True))
    found += [
        Goal(what=f"MB grown in a day, {one.accounts:,} accounts", measured=one.grown_mb, bound=50, at_most=True)
        for one in days
    ]
    return found + [
        Goal(
            what=f"gap to the optimum at {one.syncs_a_day:g} syncs a day",
            measured=round(one.gap, 5),
            bound=0.02,
            at_most=True,
        )
        for one in freshness
    ]


def jobs_table(report: JobsReport) -> str:
    """The report in Markdown."""
    lines = [report.date, "", "| queue | database | batch | jobs a CPU second |", "| --- | --- | ---: | ---: |"]
    lines += [f"| {one.who} | {one.database} | {one.batch} | {one.jobs_a_cpu_second:,.0f} |" for one in report.claims]
    lines += ["", "| sweep, CPU ms | accounts | nothing due | 10,000 due |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {one.database} | {one.accounts:,} | {one.nothing_due_ms:.2f} | {one.ten_thousand_due_ms:.1f} |"
        for one in report.sweeps
    ]
    lines += ["", "| simulated day, accounts | jobs | a CPU second | MB grown |", "| ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {one.accounts:,} | {one.jobs:,} | {one.jobs_a_cpu_second:,.0f} | {one.grown_mb:.1f} |"
        for one in report.days
    ]
    lines += ["", "| syncs a day | uniform | adaptive | optimum |", "| ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {one.syncs_a_day:g} | {one.uniform:.4f} | {one.adaptive:.4f} | {one.optimum:.4f} |"
        for one in report.freshness
    ]
    lines.append("")
    for goal in report.goals:
        lines.append(f"{goal.what}: {goal.measured:g} of {goal.bound:g}{'' if goal.met else ': not met'}")
    return "\n".join(lines)
