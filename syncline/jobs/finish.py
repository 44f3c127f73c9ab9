"""Ending jobs: rows, job, account, session and counts in one transaction; what comes late writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncline.clock import from_microseconds, microseconds
from syncline.jobs.adaptive import decayed
from syncline.jobs.due import Freshness, next_due, rhythm_of
from syncline.jobs.job_sessions import error_of, keep, late_session, session_of
from syncline.jobs.verdict import AccountEnd, Becomes, Verdict, decide, is_kept
from syncline.jobs.work import Ended
from syncline.model.account import Account, AccountState
from syncline.model.session import Status, SyncSession
from syncline.resilience.backoff import Random
from syncline.store import account_ends, job_ends, rollups, sessions

__all__ = ["Finished", "Intervals", "finish"]

_GOOD = (Status.COMPLETED, Status.PARTIAL)
_NOT_TRIED = (Status.SKIPPED, Status.CANCELLED, Status.DEFERRED)
Intervals = Callable[[Account, float, float], float | None]
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

    Rows are locked in this order: jobs, accounts, what `write` changes, sessions, totals and counts.

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
    endings = [
        _written(connection, one, random, now, state=mine[one.end.job.id]) for one in ended if one.end.job.id in mine
    ]
    _end_jobs(connection, endings, now)
    account_ends.change(connection, [_account(one, policies, intervals) for one in endings])
    kept = [_session(one, one.session_id) for one in endings if one.session_id]
    kept += [late_session(end, now) for end in late]
    keep(connection, kept)
    rollups.add(connection, [_count(one.end) for one in endings], slot=slot)
    outcomes: dict[Status, int] = {}
    for one in endings:
        outcomes[one.end.status] = outcomes.get(one.end.status, 0) + 1
    return Finished(outcomes=outcomes, late=len(late), session_ids=[session.id for session in kept])


def _written(connection: Connection, ended: Ended, random: Random, now: datetime, *, state: AccountState) -> _Ending:
    end = ended.end
    if state is AccountState.REMOVED:  # its rows are being deleted
        end = replace(end, status=Status.CANCELLED, reason="the account was removed", error_type=None, attention=None)
    elif ended.write is not None:
        end = replace(end, tally=end.tally + ended.write(connection))
    session_id = sessions.new_id(end.job.source, now) if is_kept(end) else None
    return _Ending(ended=ended, end=end, verdict=decide(end, random), session_id=session_id)


def _end_jobs(connection: Connection, endings: Sequence[_Ending], now: datetime) -> None:
    of: dict[Becomes, list[_Ending]] = {becomes: [] for becomes in Becomes}
    for one in endings:
        of[one.verdict.becomes].append(one)
    now_us = microseconds(now)
    job_ends.finish(connection, [one.end.job for one in of[Becomes.GONE]], now_us=now_us)
    failed_before = [one for one in of[Becomes.GONE] if one.ended.account.failures and one.end.status in _GOOD]
    job_ends.exhume(connection, [one.end.job.account_id for one in failed_before])
    job_ends.put_back(connection, [_wait(one, now_us) for one in of[Becomes.WAITS]])
    job_ends.bury(connection, [_dead_letter(one) for one in of[Becomes.DEAD]], now_us=now_us)


def _wait(ending: _Ending, now_us: int) -> job_ends.Waits:
    verdict = ending.verdict
    return job_ends.Waits(
        job=ending.end.job,
        at_us=now_us if verdict.at_us is None else verdict.at_us,
        retry_count=verdict.retry_count,
        error=error_of(ending.end),
        session_id=ending.session_id,
    )


def _dead_letter(ending: _Ending) -> job_ends.DeadLetter:
    return job_ends.DeadLetter(
        job=ending.end.job,
        retry_count=ending.verdict.retry_count,
        error=error_of(ending.end),
        session_id=ending.session_id,
        is_hopeless=ending.end.attention is not None,
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
        interval = intervals(account, changes, days) if intervals is not None else None
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


def _session(ending: _Ending, session_id: str) -> SyncSession:
    waits = ending.verdict.becomes is Becomes.WAITS
    return session_of(ending.end, session_id, retry_at_us=ending.verdict.at_us if waits else None)


def _count(end: AccountEnd) -> rollups.Count:
    return rollups.Count(
        source=end.job.source,
        status=end.status,
        ended=from_microseconds(end.ended_us),
        took_ms=max(0, end.ended_us - end.began_us) // 1000,
        waited_ms=max(0, end.began_us - end.job.scheduled_us) // 1000,
        tally=end.tally,
    )
