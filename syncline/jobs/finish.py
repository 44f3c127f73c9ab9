"""Ending jobs: rows, job, account, session and counts in one transaction; what comes late writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from syncline.clock import from_microseconds, microseconds
from syncline.jobs.adaptive import decayed
from syncline.jobs.due import Freshness, next_due, rhythm_of
from syncline.jobs.verdict import AccountEnd, Becomes, Verdict, decide, is_kept, trigger_of
from syncline.jobs.work import Ended
from syncline.model.session import Status, SyncSession, Tally
from syncline.resilience.backoff import Random
from syncline.store import account_ends, job_ends, rollups, sessions, totals
from syncline.store.job_claims import Reaped

__all__ = ["Finished", "Intervals", "finish", "record_crashes"]

_GOOD = (Status.COMPLETED, Status.PARTIAL)
_NOT_TRIED = (Status.SKIPPED, Status.CANCELLED, Status.DEFERRED)
_LATE = "its lease had expired, and another drain has the job or has ended it: nothing was written"
Intervals = Callable[[AccountEnd, float, float], float | None]
"""The interval in seconds that adaptive freshness gives an account, by its changes and days; None: the rhythm's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What came of ends that were written.

    Attributes:
        outcomes: how many had which outcome.
        late: how many came late, and changed nothing.
        session_ids: the sessions that they left.
    """

    outcomes: Mapping[Status, int]
    late: int
    session_ids: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """One end, as it is written."""

    ended: Ended
    end: AccountEnd
    verdict: Verdict
    session_id: str | None


def finish(
    connection: Connection,
    ended: Sequence[Ended],
    *,
    policies: Mapping[str, Freshness],
    random: Random,
    now: datetime,
    slot: int = 0,
    intervals: Intervals | None = None,
) -> Finished:
    """Write what these syncs read, and what becomes of their jobs and accounts.

    Args:
        connection: a transaction that writes; all of it holds or none.
        ended: the ends, of one job each.
        policies: how fresh each source's accounts are kept.
        random: spreads retries.
        now: the present instant, on the database's clock.
        slot: the drain's, for its counts.
        intervals: asks adaptive freshness.
    """
    mine = job_ends.held(connection, [one.end.job for one in ended])
    late = [one.end for one in ended if one.end.job.id not in mine]
    endings = [_written(connection, one, random, now) for one in ended if one.end.job.id in mine]
    _end_jobs(connection, endings, now)
    account_ends.change(connection, [_account(one, policies, intervals) for one in endings])
    kept = [_session(one) for one in endings if one.session_id] + [_late_session(end, now) for end in late]
    _keep(connection, kept)
    rollups.add(connection, [_count(one.end) for one in endings], slot=slot)
    outcomes: dict[Status, int] = {}
    for one in endings:
        outcomes[one.end.status] = outcomes.get(one.end.status, 0) + 1
    return Finished(outcomes=outcomes, late=len(late), session_ids=[session.id for session in kept])


def record_crashes(connection: Connection, reaped: Sequence[Reaped], *, now: datetime, slot: int) -> None:
    """Put on record that the drains of these jobs died."""
    kept = [_crashed_session(one, now) for one in reaped]
    _keep(connection, kept)
    rollups.add(
        connection,
        [
            rollups.Count(source=one.target.source, status=Status.CRASHED, ended=now, took_ms=0, waited_ms=0)
            for one in reaped
        ],
        slot=slot,
    )


def _crashed_session(reaped: Reaped, now: datetime) -> SyncSession:
    after = "it is given up: retry or drop it" if reaped.is_dead else "it is queued again"
    return SyncSession(
        id=sessions.new_id(reaped.target.source, now),
        source=reaped.target.source,
        account_id=reaped.target.account_id,
        job_id=reaped.job_id,
        trigger=trigger_of(reaped.reason),
        mode=reaped.type,
        status=Status.CRASHED,
        reason=f"its drain died; {after}",
        started_at=now,
        completed_at=now,
    )


def _written(connection: Connection, ended: Ended, random: Random, now: datetime) -> _Ending:
    end = ended.end
    if ended.write is not None:
        end = replace(end, tally=end.tally + ended.write(connection))
    session_id = sessions.new_id(end.job.source, now) if is_kept(end) else None
    return _Ending(ended=ended, end=end, verdict=decide(end, random), session_id=session_id)


def _end_jobs(connection: Connection, endings: Sequence[_Ending], now: datetime) -> None:
    of: dict[Becomes, list[_Ending]] = {becomes: [] for becomes in Becomes}
    for one in endings:
        of[one.verdict.becomes].append(one)
    now_us = microseconds(now)
    job_ends.finish(connection, [one.end.job for one in of[Becomes.GONE]], now_us=now_us)
    failed_before = [one.end.job.account_id for one in of[Becomes.GONE] if one.ended.account.failures]
    job_ends.exhume(connection, failed_before)
    job_ends.put_back(
        connection,
        [
            job_ends.Waits(
                job=one.end.job,
                at_us=one.verdict.at_us if one.verdict.at_us is not None else now_us,
                retry_count=one.verdict.retry_count,
                error=_error(one.end),
                session_id=one.session_id,
            )
            for one in of[Becomes.WAITS]
        ],
    )
    job_ends.bury(
        connection,
        [
            job_ends.DeadLetter(
                job=one.end.job, retry_count=one.verdict.retry_count, error=_error(one.end), session_id=one.session_id
            )
            for one in of[Becomes.DEAD]
        ],
    )


def _account(
    ending: _Ending, policies: Mapping[str, Freshness], intervals: Intervals | None
) -> account_ends.AccountChange:
    account, end = ending.ended.account, ending.end
    ended = from_microseconds(end.ended_us)
    policy = policies[account.source]
    changes, days = decayed(account.changes, account.exposure_days, since=account.last_success_at, now=ended)
    if end.status is Status.COMPLETED:
        changes += end.changes
    else:  # what it counted is counted again by the next one that completes
        changes, days = account.changes, account.exposure_days
    failures = _failures(account.failures, ending)
    due: int | None = None
    if ending.verdict.becomes is not Becomes.WAITS:
        interval = intervals(end, changes, days) if intervals is not None else None
        rhythm = rhythm_of(policy, account.settings)
        at = next_due(rhythm, ended, key=account.external_id, failures=failures, interval_seconds=interval)
        due = microseconds(at)
    return account_ends.AccountChange(
        id=account.id,
        synced_at=None if end.status in _NOT_TRIED else ended,
        succeeded_at=ended if end.status is Status.COMPLETED else None,
        next_due_us=due,
        active_after=ended - timedelta(seconds=policy.active_seconds),
        changes=changes,
        exposure_days=days,
        failures=failures,
        attention=end.attention,
    )


def _failures(before: int, ending: _Ending) -> int:
    if ending.end.status in _GOOD:
        return 0
    return before + (ending.verdict.becomes is Becomes.DEAD)


def _keep(connection: Connection, kept: Sequence[SyncSession]) -> None:
    if not kept:
        return
    connection.execute(insert(SyncSession), [session.model_dump() for session in kept])
    counted: dict[tuple[str, Status], tuple[int, int]] = {}
    for session in kept:
        took = (session.completed_at or session.started_at) - session.started_at
        number, took_ms = counted.get((session.source, session.status), (0, 0))
        counted[session.source, session.status] = number + 1, took_ms + round(took / timedelta(milliseconds=1))
    for (source, status), (number, took_ms) in sorted(counted.items()):
        totals.add(connection, source, status, sessions=number, duration_ms=took_ms)


def _session(ending: _Ending) -> SyncSession:
    end, job = ending.end, ending.end.job
    error = _error(end)
    again = ending.verdict.at_us if ending.verdict.becomes is Becomes.WAITS else None
    assert ending.session_id is not None
    return SyncSession(
        id=ending.session_id,
        source=job.source,
        account_id=job.account_id,
        job_id=job.id,
        trigger=trigger_of(job.reason),
        mode=job.type,
        status=end.status,
        reason=end.reason,
        started_at=from_microseconds(end.began_us),
        completed_at=from_microseconds(end.ended_us),
        retry_count=job.retry_count,
        error_type=None if error is None else error[0],
        error_message=None if error is None else error[1],
        retry_at=None if again is None else from_microseconds(again),
        scheduled_for=from_microseconds(job.scheduled_us),
        **_counters(end.tally),
    )


def _late_session(end: AccountEnd, now: datetime) -> SyncSession:
    return SyncSession(
        id=sessions.new_id(end.job.source, now),
        source=end.job.source,
        account_id=end.job.account_id,
        job_id=end.job.id,
        trigger=trigger_of(end.job.reason),
        mode=end.job.type,
        status=Status.CANCELLED,
        reason=f"late: {_LATE}",
        started_at=from_microseconds(end.began_us),
        completed_at=from_microseconds(end.ended_us),
        requests=end.tally.requests,
        retry_count=end.job.retry_count,
        scheduled_for=from_microseconds(end.job.scheduled_us),
    )


def _counters(tally: Tally) -> dict[str, Any]:
    items = ("processed", "created", "updated", "deleted", "unchanged", "rejected")
    counted = {f"items_{name}": int(getattr(tally, name)) for name in items}
    return {"pages_processed": tally.pages, "requests": tally.requests, **counted}


def _error(end: AccountEnd) -> tuple[str, str] | None:
    return None if end.error_type is None else (end.error_type, end.error_message or "")


def _count(end: AccountEnd) -> rollups.Count:
    return rollups.Count(
        source=end.job.source,
        status=end.status,
        ended=from_microseconds(end.ended_us),
        took_ms=max(0, end.ended_us - end.began_us) // 1000,
        waited_ms=max(0, end.began_us - end.job.scheduled_us) // 1000,
        tally=end.tally,
    )
