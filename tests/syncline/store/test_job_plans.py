"""What drains, sweeps and people ask of a million accounts and jobs is answered by an index, and reads little more."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from support.jobs import SOURCE, claimed

from syncline.clock import ManualClock, microseconds
from syncline.model.job import JobStatus
from syncline.model.policies import Priority
from syncline.model.target import Target
from syncline.store import account_ends, account_rows, job_claims, job_counts, job_ends, job_pages, job_sweeps, jobs
from syncline.store.engine import Store
from syncline.store.job_claims import Lane
from syncline.store.job_pages import WantedJobs
from syncline.store.job_sweeps import Due

Ask = Callable[[Connection, ManualClock], object]
HUNDRED = [claimed(id=number) for number in range(100)]
IDS = [f"acc_{number}" for number in range(100)]
_LANE = Lane(source=SOURCE, priority=Priority.NORMAL, due_us=5)


def _due(clock: ManualClock) -> Due:
    return Due(source=SOURCE, now=clock.now(), until=clock.now(), stale_seconds=3_600, active_seconds=86_400)


def _claim(connection: Connection, clock: ManualClock) -> object:
    now = microseconds(clock.now())
    return job_claims.claim(connection, _LANE, 100, owner="d", now_us=now, lease_us=now, per_user=20)


def _change(connection: Connection, clock: ManualClock) -> object:
    one = account_ends.AccountChange(
        id="acc_1",
        synced_at=None,
        succeeded_at=None,
        next_due_us=1,
        active_after=clock.now(),
        changes=0,
        exposure_days=0,
        failures=0,
        attention=None,
    )
    return account_ends.change(connection, [one])


ASKED: dict[str, Ask] = {
    "lanes": lambda connection, _: job_claims.due_lanes(connection, [SOURCE]),
    "claim": _claim,
    "renew": lambda connection, _: job_claims.renew(connection, HUNDRED, lease_us=1),
    "expired": lambda connection, _: job_claims.has_expired(connection, now_us=1),
    "reap": lambda connection, _: job_claims.reap(connection, now_us=1),
    "held": lambda connection, _: job_ends.held(connection, HUNDRED),
    "finish": lambda connection, _: job_ends.finish(connection, HUNDRED, now_us=1),
    "give back": lambda connection, _: job_ends.give_back(connection, HUNDRED, now_us=1),
    "exhume": lambda connection, _: job_ends.exhume(connection, IDS),
    "accounts": lambda connection, _: account_rows.read_many(connection, IDS),
    "account ends": _change,
    "open job": lambda connection, _: jobs.open_job(connection, "acc_1"),
    "take back": lambda connection, _: jobs.take_back(connection, Target(SOURCE, "acc_1")),
    "sweep": lambda connection, clock: job_sweeps.queue_due(connection, _due(clock)),
    "unused": lambda connection, clock: job_sweeps.set_aside_unused(connection, _due(clock)),
    "all jobs": lambda connection, _: job_pages.page(connection, WantedJobs(), limit=50),
    "dead letters": lambda connection, _: job_pages.page(connection, WantedJobs(status=JobStatus.FAILED), limit=50),
    "under way": lambda connection, _: job_pages.page(connection, WantedJobs(status=JobStatus.PROCESSING), limit=50),
    "counts": lambda connection, _: job_counts.by_status(connection),
    "a user's": lambda connection, _: job_pages.page(connection, WantedJobs(user_id="u_1"), limit=50),
    "an account's": lambda connection, _: job_pages.page(connection, WantedJobs(account_id="acc_1"), limit=50),
}


SOME = {"dead letters", "under way", "a user's", "an account's"}
"""They ask for few of all jobs, in the order of their ids."""


@pytest.mark.parametrize("name", ASKED)
def test_each_statement_reads_an_index(store: Store, clock: ManualClock, name: str) -> None:
    """A look over a million rows at each claim would be all that a machine does."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, ___: object, many: bool) -> None:  # noqa: ANN401, FBT001 - SQLAlchemy's protocol
        asked.append((statement, parameters[0] if many else parameters))

    with store.write() as connection:
        if not store.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(connection, "before_cursor_execute", note)
        ASKED[name](connection, clock)
        event.remove(connection, "before_cursor_execute", note)
        plans = [
            _plan(connection, statement, parameters) for statement, parameters in asked if "pg_notify" not in statement
        ]
    assert plans
    for plan in plans:
        scanned = [line for line in plan if _scans(line) or (name in SOME and _walks(line))]
        assert not scanned, "\n".join(plan)


def _plan(connection: Connection, statement: str, parameters: Any) -> list[str]:  # noqa: ANN401 - of any statement
    how = "QUERY PLAN " if connection.dialect.name == "sqlite" else ""
    return [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN {how}{statement}", parameters)]


def _scans(line: str) -> bool:
    """A table that is read whole; a partial index of the few that are under way or dead may be."""
    few = any(name in line for name in ("ix_sync_jobs_leases", "ix_sync_jobs_failed", "ix_sync_jobs_dead"))
    whole = "Seq Scan on" in line or line.startswith(("SCAN sync_jobs", "SCAN accounts", "SCAN j", "SCAN a"))
    return whole and not few


def _walks(line: str) -> bool:
    """All jobs that are younger are read, in the order of their ids."""
    return "PRIMARY KEY (rowid>?)" in line or "Index Scan using sync_jobs_pkey" in line
