"""Ends of jobs: by the newest claim alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection
from support.jobs import add_accounts, all_jobs, claim_all, enqueue, now_us, only_job, put_job, wanted

from syncline.model.account import AccountState
from syncline.model.job import JobReason, JobStatus
from syncline.model.policies import Mode, Priority
from syncline.store import job_ends
from syncline.store.engine import Store
from syncline.store.job_claims import Claimed
from syncline.store.job_ends import DeadLetter, Waits

HIGH, NORMAL, LOW = Priority


def _jobs(store: Store, *names: str) -> Sequence[Claimed]:
    add_accounts(store, *names)
    enqueue(store, *(wanted(name, 5, priority=LOW, calendar_ids=("x",)) for name in names))
    return sorted(claim_all(store), key=lambda job: names.index(job.account_id.removeprefix("acc_")))


ENDS: list[tuple[str, Callable[[Connection, Sequence[Claimed]], object]]] = [
    ("finish", lambda connection, jobs: job_ends.finish(connection, jobs, now_us=9)),
    ("put back", lambda connection, jobs: job_ends.put_back(connection, [_wait(job) for job in jobs])),
    ("give back", lambda connection, jobs: job_ends.give_back(connection, jobs, now_us=9)),
    ("bury", lambda connection, jobs: job_ends.bury(connection, [_letter(job) for job in jobs], now_us=9)),
    ("hopeless", lambda connection, jobs: job_ends.bury(connection, [_hopeless(job) for job in jobs], now_us=9)),
]


def _wait(job: Claimed) -> Waits:
    return Waits(job=job, at_us=77, retry_count=3, error=("X", "m" * 3_000), session_id="s")


def _letter(job: Claimed) -> DeadLetter:
    return DeadLetter(job=job, retry_count=5, error=("X", "no"), session_id="s")


def _hopeless(job: Claimed) -> DeadLetter:
    return replace(_letter(job), is_hopeless=True)


def test_an_end_that_comes_late_changes_nothing(store: Store) -> None:
    """Another drain has the job by then, or it is queued, dead or gone; with or without a wish for another sync."""
    names = [f"{end} {kind}" for end, _ in ENDS for kind in ("reclaimed", "queued", "dead", "gone")]
    claims = dict(zip(names, _jobs(store, *names), strict=True))
    enqueue(store, *(wanted(name, 1, priority=HIGH) for name in names))
    for name in names:
        if name.endswith("reclaimed"):
            put_job(store, name, fence=9, owner="another")
        elif name.endswith("queued"):
            put_job(store, name, status=JobStatus.QUEUED)
        elif name.endswith("dead"):
            put_job(store, name, status=JobStatus.FAILED, account_id="acc_of another")
    with store.write() as connection:
        gone = [claims[name] for name in names if name.endswith("gone")]
        connection.exec_driver_sql(f"DELETE FROM sync_jobs WHERE id IN ({', '.join(str(job.id) for job in gone)})")  # noqa: S608
    before = [job.model_dump() for job in all_jobs(store)]
    for end, act in ENDS:
        with store.write() as connection:
            late = [claims[name] for name in names if name.startswith(f"{end} ")]
            assert job_ends.held(connection, late) == {}
            act(connection, late)
        assert [job.model_dump() for job in all_jobs(store)] == before, end


def test_what_is_held_is_told_with_the_state_of_its_account(store: Store) -> None:
    """Nothing may be written for an account that is being removed."""
    add_accounts(store, "a")
    add_accounts(store, "r", state=AccountState.REMOVED)
    enqueue(store, wanted("a", 1), wanted("r", 2), wanted("none", 3))
    a, r, none = claim_all(store)
    with store.write() as connection:
        assert job_ends.held(connection, [r, a, none]) == {a.id: AccountState.ACTIVE, r.id: AccountState.REMOVED}
        assert job_ends.held(connection, []) == {}


def test_a_job_that_is_done_is_gone_or_queued_anew(store: Store) -> None:
    """At once and with the priority that was asked for meanwhile, and with all its retries."""
    done, again = _jobs(store, "done", "again")
    put_job(store, "again", retry_count=3, crashes=2, error_type="X", error_message="no")
    enqueue(store, wanted("again", 1, priority=HIGH, type=Mode.FULL))
    with store.write() as connection:
        assert job_ends.finish(connection, [again, done], now_us=99) == {done.id, again.id}
    job = only_job(store)
    assert (job.id, job.status, job.scheduled_us, job.priority) == (again.id, JobStatus.QUEUED, 99, HIGH)
    assert (job.type, job.calendar_ids, job.reason) == (Mode.FULL, None, JobReason.EVENT)
    assert (job.again, job.again_type, job.again_calendar_ids) == (None, None, None)
    assert (job.owner, job.lease_us, job.retry_count, job.crashes, job.error_type) == (None, None, 0, 0, None)


def test_a_job_that_waits_again_keeps_what_was_asked_for_meanwhile(store: Store) -> None:
    """It is one job still: more urgent, with more to read, at its own instant."""
    plain, more = _jobs(store, "plain", "more")
    put_job(store, "plain", crashes=4, session_id="old")
    enqueue(store, wanted("more", 1, priority=HIGH, type=Mode.FULL))
    with store.write() as connection:
        assert job_ends.put_back(connection, [_wait(more), replace(_wait(plain), session_id=None, error=None)]) == 2
    by = {job.id: job for job in all_jobs(store)}
    first, second = by[plain.id], by[more.id]
    assert (first.status, first.scheduled_us, first.retry_count, first.crashes) == (JobStatus.QUEUED, 77, 3, 0)
    assert (first.priority, first.type, first.calendar_ids) == (LOW, Mode.INCREMENTAL, ["x"])
    assert (first.session_id, first.error_type, first.owner, first.lease_us) == ("old", None, None, None)
    assert (second.priority, second.type, second.calendar_ids, second.again) == (HIGH, Mode.FULL, None, None)
    assert (second.session_id, second.error_type, len(second.error_message or "")) == ("s", "X", 2_000)


def test_a_job_that_is_given_back_is_due_as_it_was(store: Store) -> None:
    """Another drain takes it at once; that its own one ended is no failure of it."""
    (job,) = _jobs(store, "a")
    put_job(store, "a", retry_count=2)
    with store.write() as connection:
        assert job_ends.give_back(connection, [replace(job, retry_count=2)], now_us=now_us(store)) == 1
        assert job_ends.give_back(connection, [job], now_us=now_us(store)) == 0
    row = only_job(store)
    assert (row.status, row.scheduled_us, row.retry_count, row.priority) == (JobStatus.QUEUED, 5, 2, LOW)


def test_a_dead_letter_stands_in_place_of_an_older_one(store: Store) -> None:
    """One for each account, the newest; others' stay."""
    add_accounts(store, "a", "b")
    for name in ("a", "b"):
        enqueue(store, wanted(name, 5))
        put_job(store, name, status=JobStatus.FAILED, error_type="old")
    enqueue(store, wanted("a", 5))
    (job,) = claim_all(store)
    with store.write() as connection:
        job_ends.bury(connection, [_letter(job)], now_us=9)
    others, row = all_jobs(store)
    assert (others.account_id, others.error_type) == ("acc_b", "old")
    assert (row.id, row.status, row.retry_count, row.session_id) == (job.id, JobStatus.FAILED, 5, "s")
    assert (row.error_type, row.error_message, row.owner, row.lease_us) == ("X", "no", None, None)
    with store.write() as connection:
        job_ends.exhume(connection, ["acc_a"])
        job_ends.exhume(connection, [])
    assert [job.account_id for job in all_jobs(store)] == ["acc_b"]


def test_what_was_asked_for_while_a_job_failed_for_good_is_tried_all_the_same(store: Store) -> None:
    """Who asked gets an answer of their own; unless it cannot succeed, then the account's user has to do something."""
    dead, again, hopeless = _jobs(store, "dead", "again", "hopeless")
    enqueue(store, wanted("again", 1, priority=HIGH), wanted("hopeless", 1, priority=HIGH))
    with store.write() as connection:
        job_ends.bury(connection, [_letter(dead), _letter(again), _hopeless(hopeless)], now_us=99)
    by = {job.id: job for job in all_jobs(store)}
    assert [by[job.id].status for job in (dead, hopeless)] == [JobStatus.FAILED] * 2
    assert (by[hopeless.id].again, by[hopeless.id].again_type) == (None, None)
    anew = by[again.id]
    assert (anew.status, anew.priority, anew.scheduled_us) == (JobStatus.QUEUED, HIGH, 99)
    assert (anew.retry_count, anew.error_type, anew.again) == (0, None, None)
