"""Ends of jobs: rows, job, account, session and counts by one transaction, or none of it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from support.jobs import (
    LEASE_SECONDS,
    SOURCE,
    add_accounts,
    all_jobs,
    claim_all,
    ended,
    enqueue,
    find_account,
    now_us,
    only_job,
    put_job,
    sessions_of,
    wanted,
)

from syncline.clock import ManualClock, from_microseconds
from syncline.jobs.crashes import record_crashes
from syncline.jobs.due import Freshness, MarketHours, spread
from syncline.jobs.finish import Finished, finish
from syncline.jobs.work import Ended
from syncline.model.account import Account, AccountState
from syncline.model.job import MAX_CRASHES, JobReason, JobStatus
from syncline.model.policies import Priority
from syncline.model.session import Status, Tally, Trigger
from syncline.store import job_claims, rollups, totals
from syncline.store.engine import Store

POLICIES = {SOURCE: Freshness(market=MarketHours(days=()))}
INTERVAL_SECONDS = 900
SECOND = 1_000_000


def _finish(store: Store, *ends: Ended, slot: int = 0) -> Finished:
    def work(connection: Connection) -> Finished:
        return finish(
            connection, ends, policies=POLICIES, random=lambda: 0.5, now=store.clock.now(), slot=slot, intervals=None
        )

    return store.transact(work)


def _claim(store: Store, *names: str, reason: JobReason = JobReason.SCHEDULE) -> list[job_claims.Claimed]:
    """Accounts whose jobs were due ten seconds ago and are claimed now."""
    add_accounts(store, *names)
    enqueue(store, *(wanted(name, now_us(store) - 10 * SECOND, reason=reason) for name in names))
    claimed = {job.account_id.removeprefix("acc_"): job for job in claim_all(store)}
    return [claimed[name] for name in names]


def _write(connection: Connection) -> Tally:
    connection.execute(
        text(
            "INSERT INTO session_totals (source, status, slot, sessions, duration_ms) VALUES ('written', 'x', 0, 0, 0)"
        )
    )
    return Tally(processed=3, created=1, unchanged=2)


def _written(store: Store) -> int:
    with store.read() as connection:
        return int(
            connection.execute(text("SELECT count(*) FROM session_totals WHERE source <> 'wallets'")).scalar_one()
        )


def _counted(store: Store) -> dict[Status, int]:
    with store.read() as connection:
        found = rollups.since(connection, store.clock.now())
        assert {source for source, _ in found} <= {SOURCE}
    return {status: one.jobs for (_, status), one in found.items()}


def _due_us(store: Store, name: str, times: int = 1) -> int:
    return now_us(store) + round(INTERVAL_SECONDS * spread(name) * times * SECOND)


def test_an_unchanged_scheduled_sync_leaves_counts_and_its_accounts_next_instant(store: Store) -> None:
    """No session: a hundred thousand accounts a day are thousands of rows."""
    a, b = _claim(store, "a", "b")
    tally = Tally(processed=2, unchanged=2, requests=1)
    assert _finish(store, ended(store, b, tally=tally), ended(store, a)) == Finished(
        outcomes={Status.COMPLETED: 2}, late=0, session_ids=[]
    )
    assert (all_jobs(store), sessions_of(store)) == ([], [])
    account = find_account(store, "b")
    assert (account.last_synced_at, account.last_success_at) == (store.clock.now(), store.clock.now())
    assert account.next_due_us == pytest.approx(_due_us(store, "b"), abs=1)
    with store.read() as connection:
        count = rollups.since(connection, store.clock.now())[SOURCE, Status.COMPLETED]
    assert (count.jobs, count.tally, count.duration_ms, count.waited_ms) == (2, tally, 2_000, 18_000)


def test_what_changed_leaves_a_session_with_all_that_is_known(store: Store) -> None:
    """The job's own and what was written are counted together; the totals of the source count it too."""
    (a,) = _claim(store, "a")
    done = _finish(store, ended(store, a, tally=Tally(pages=1, requests=4), write=_write))
    (session,) = sessions_of(store)
    assert done.session_ids == [session.id]
    assert (session.source, session.account_id, session.job_id) == (SOURCE, "acc_a", a.id)
    assert (session.trigger, session.status, session.mode) == (Trigger.SCHEDULE, Status.COMPLETED, a.type)
    assert (session.items_processed, session.items_created, session.items_unchanged) == (3, 1, 2)
    assert (session.requests, session.pages_processed, session.retry_count) == (4, 1, 0)
    assert session.completed_at == store.clock.now() == session.started_at + timedelta(seconds=1)
    assert session.scheduled_for == from_microseconds(a.scheduled_us)
    with store.read() as connection:
        (total,) = totals.of_source(connection, SOURCE)
    assert (total.status, total.sessions, total.duration_ms, _written(store)) == (Status.COMPLETED, 1, 1_000, 1)


def test_a_late_end_writes_nothing_and_says_so(store: Store, clock: ManualClock) -> None:
    """Another drain has the job: what was read is older than what that one reads."""
    (old,) = _claim(store, "a")
    clock.advance(seconds=LEASE_SECONDS)
    with store.write() as connection:
        job_claims.reap(connection, now_us=now_us(store))
    (new,) = claim_all(store)
    before = find_account(store, "a").model_dump()
    done = _finish(store, ended(store, old, Status.FAILED, write=_write, tally=Tally(created=7, requests=2)))
    (session,) = sessions_of(store)
    assert done == Finished(outcomes={}, late=1, session_ids=[session.id])
    assert (session.status, session.items_created, session.requests) == (Status.CANCELLED, 0, 2)
    assert (session.reason or "").startswith("late: its lease had expired")
    assert (_written(store), _counted(store)) == (0, {})
    assert find_account(store, "a").model_dump() == before
    assert only_job(store).fence == new.fence
    assert _finish(store, ended(store, new)).outcomes == {Status.COMPLETED: 1}


def test_a_deferred_job_goes_on_at_its_instant(store: Store) -> None:
    """It has failed nothing: retries, failures and the account's instants are as they were."""
    (a,) = _claim(store, "a")
    put_job(store, "a", retry_count=2)
    at = now_us(store) + 90 * SECOND
    _finish(store, ended(store, a, Status.DEFERRED, retry_at_us=at, reason="budget", tally=Tally(requests=1)))
    job, account, (session,) = only_job(store), find_account(store, "a"), sessions_of(store)
    assert (job.status, job.scheduled_us, job.retry_count) == (JobStatus.QUEUED, at, a.retry_count)
    assert (account.last_synced_at, account.next_due_us, account.failures) == (None, None, 0)
    assert (session.status, session.retry_at, session.reason) == (Status.DEFERRED, from_microseconds(at), "budget")
    assert job.session_id == session.id
    assert _counted(store) == {Status.DEFERRED: 1}


def test_a_failed_job_is_tried_again_until_its_retries_are_spent(store: Store, clock: ManualClock) -> None:
    """After 5, 15, 45, 135 and 405 s; then it is a dead letter, and its account due after twice its interval."""
    _claim(store, "a")
    put_job(store, "a", status=JobStatus.QUEUED)
    for retries, wait in enumerate((5, 15, 45, 135, 405, None)):
        (job,) = claim_all(store)
        assert job.retry_count == retries
        end = ended(store, job, Status.FAILED, error_type="BadGateway", error_message="x" * 9_000, reason="502")
        _finish(store, end)
        row, account = only_job(store), find_account(store, "a")
        assert (row.error_type, len(row.error_message or "")) == ("BadGateway", 2_000)
        assert account.last_synced_at == clock.now()
        if wait is not None:
            assert (row.status, row.scheduled_us - now_us(store)) == (JobStatus.QUEUED, wait * SECOND)
            assert (account.failures, account.next_due_us) == (0, None)
            clock.advance(seconds=wait)
    row, account = only_job(store), find_account(store, "a")
    assert (row.status, row.retry_count, row.session_id) == (JobStatus.FAILED, 5, sessions_of(store)[-1].id)
    assert (account.failures, account.last_success_at) == (1, None)
    assert account.next_due_us == pytest.approx(_due_us(store, "a", 2), abs=1)
    assert [(one.retry_count, one.retry_at is None) for one in sessions_of(store)] == [
        *((retries, False) for retries in range(5)),
        (5, True),
    ]


def test_success_takes_the_dead_letter_away(store: Store) -> None:
    """A newer end says more; one that was skipped says nothing."""
    (a,) = _claim(store, "a")
    _finish(store, ended(store, a, Status.FAILED, attention="wrong address"))
    assert find_account(store, "a").state is AccountState.ATTENTION
    with store.write() as connection:
        connection.execute(text("UPDATE accounts SET state = 'active'"))
    kept: list[int] = []
    for status in (Status.SKIPPED, Status.CANCELLED, Status.PARTIAL):
        enqueue(store, wanted("a", 1))
        (job,) = claim_all(store)
        _finish(store, ended(store, job, status))
        kept.append(len(all_jobs(store)))
    assert kept == [1, 1, 0]
    account = find_account(store, "a")
    assert (account.failures, account.last_success_at) == (0, None), "a part is no proof that all was read"


def test_a_hopeless_job_sets_its_account_aside(store: Store) -> None:
    """Its user has to do something; nothing is tried until then, and nobody is told twice."""
    (a,) = _claim(store, "a")
    enqueue(store, wanted("a", 1, priority=Priority.HIGH))
    _finish(store, ended(store, a, Status.FAILED, attention="the grant was revoked", error_type="Revoked"))
    account = find_account(store, "a")
    assert (account.state, account.state_reason) == (AccountState.ATTENTION, "the grant was revoked")
    assert only_job(store).status is JobStatus.FAILED


def test_a_removed_account_gets_no_more_rows(store: Store) -> None:
    """They would stay for ever: its rows are deleted slice by slice, and then nobody looks any more."""
    a, b = _claim(store, "a", "b")
    with store.write() as connection:
        connection.execute(text("UPDATE accounts SET state = 'removed' WHERE id = 'acc_a'"))
    done = _finish(store, ended(store, a, Status.FAILED, write=_write, attention="x"), ended(store, b, write=_write))
    assert done.outcomes == {Status.CANCELLED: 1, Status.COMPLETED: 1}
    assert (_written(store), all_jobs(store)) == (1, [])
    cancelled = next(one for one in sessions_of(store) if one.account_id == "acc_a")
    assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, "the account was removed")
    assert cancelled.items_created == 0


@pytest.mark.parametrize("statement", ["SELECT nothing", None], ids=["statement", "exception"])
def test_an_exception_while_rows_are_written_leaves_nothing(store: Store, statement: str | None) -> None:
    """Not the rows before it, nor the job's end, its account, session or counts."""

    def fail(connection: Connection) -> Tally:
        connection.execute(
            text(
                "INSERT INTO session_totals (source, status, slot, sessions, duration_ms) VALUES ('half', 'x', 0, 0, 0)"
            )
        )
        if statement is not None:
            connection.execute(text(statement))
        raise KeyError

    a, b = _claim(store, "a", "b")
    before = [[job.model_dump() for job in all_jobs(store)], find_account(store, "a").model_dump()]
    with pytest.raises(KeyError if statement is None else DBAPIError):
        _finish(store, ended(store, a, write=_write), ended(store, b, write=fail))
    assert [[job.model_dump() for job in all_jobs(store)], find_account(store, "a").model_dump()] == before
    assert (_written(store), sessions_of(store), _counted(store)) == (0, [], {})


def test_changes_are_counted_with_their_exposure(store: Store, clock: ManualClock) -> None:
    """Two in a day; what a failed sync counted is counted again by the next one that completes."""
    (a,) = _claim(store, "a")
    _finish(store, ended(store, a, changes=0))
    for status, changes in ((Status.PARTIAL, 5), (Status.COMPLETED, 2)):
        clock.advance(seconds=43_200)
        enqueue(store, wanted("a", 1))
        (job,) = claim_all(store)
        _finish(store, ended(store, job, status, changes=changes))
    account = find_account(store, "a")
    assert (account.changes, account.exposure_days) == (2, 1)


def test_adaptive_freshness_gives_the_interval(store: Store) -> None:
    """It is asked with what was counted so far, and its answer is spread as any other."""
    (a,) = _claim(store, "a")
    asked: list[tuple[float, float]] = []

    def intervals(_account: Account, changes: float, days: float) -> float:
        asked.append((changes, days))
        return 600

    with store.write() as connection:
        end = ended(store, a, changes=3)
        finish(connection, [end], policies=POLICIES, random=lambda: 0.5, now=store.clock.now(), intervals=intervals)
    assert asked == [(3, 0)]
    due = find_account(store, "a").next_due_us
    assert due == pytest.approx(now_us(store) + 600 * SECOND * spread("a"), abs=1)


def _crash(store: Store, clock: ManualClock, times: int) -> Sequence[job_claims.Reaped]:
    reaped: Sequence[job_claims.Reaped] = []
    for _ in range(times):
        assert claim_all(store)
        clock.advance(seconds=LEASE_SECONDS)
        with store.write() as connection:
            reaped = job_claims.reap(connection, now_us=now_us(store))
            record_crashes(connection, reaped, policies=POLICIES, now=clock.now(), slot=2)
    return reaped


def test_each_crash_is_on_record(store: Store, clock: ManualClock) -> None:
    """The last one gives the job up; its account is due later then, or the next sweep would kill the next drain."""
    _claim(store, "a")
    put_job(store, "a", status=JobStatus.QUEUED)
    assert [one.is_dead for one in _crash(store, clock, MAX_CRASHES - 1)] == [False]
    assert find_account(store, "a").next_due_us is None
    assert [one.is_dead for one in _crash(store, clock, 1)] == [True]
    account, crashed = find_account(store, "a"), sessions_of(store)
    assert account.next_due_us == pytest.approx(_due_us(store, "a", 2), abs=1)
    assert (account.failures, account.last_synced_at) == (1, None)
    assert [one.status for one in crashed] == [Status.CRASHED] * MAX_CRASHES
    assert "queued again" in (crashed[0].reason or "")
    assert "given up" in (crashed[-1].reason or "")
    assert _counted(store) == {Status.CRASHED: MAX_CRASHES}
    enqueue(store, wanted("a", 1))
    (job,) = claim_all(store)
    _finish(store, ended(store, job))
    assert all_jobs(store) == [], "success takes this dead letter away as well"
