"""Claims, leases and what becomes of jobs whose drains died."""

from collections import Counter
from typing import Any

from support.jobs import (
    LEASE_SECONDS,
    SOURCE,
    all_jobs,
    claim_all,
    enqueue,
    lane,
    now_us,
    only_job,
    put_job,
    wanted,
)

from syncline.clock import ManualClock
from syncline.model.job import MAX_CRASHES, Job, JobReason, JobStatus
from syncline.model.policies import Mode, Priority
from syncline.store import job_claims, jobs
from syncline.store.engine import Store
from syncline.store.job_claims import Claimed, Lane

HIGH, NORMAL, LOW = Priority


def _claim(store: Store, count: int, **more: object) -> list[str]:
    """The names of accounts whose jobs a claim takes from the normal lane."""
    own = {"owner": "d", "now_us": 1_000, "lease_us": 2_000, "per_user": count, **more}
    with store.write() as connection:
        taken = job_claims.claim(connection, lane(), count, **own)  # pyright: ignore[reportArgumentType] - any of them
    return [job.account_id.removeprefix("acc_") for job in taken]


def test_a_claim_takes_the_earliest_that_are_due(store: Store) -> None:
    """No others: not what is due later, of other lanes, of other sources, under way or dead."""
    enqueue(
        store,
        *(wanted(f"at {at}", at) for at in (999, 1_000, 3, 1_001, 500)),
        wanted("urgent", 1, priority=HIGH),
        wanted("other", 1, source="other"),
        wanted("works", 1),
        wanted("dead", 1),
    )
    put_job(store, "works", status=JobStatus.PROCESSING)
    put_job(store, "dead", status=JobStatus.FAILED)
    assert _claim(store, 2) == ["at 3", "at 500"]
    assert _claim(store, 10) == ["at 999", "at 1000"]
    assert _claim(store, 10) == []


def test_a_claimed_job_is_its_drains(store: Store) -> None:
    """The drain gets all that its work needs without another look, and the row says whose it is."""
    request = wanted("a", 7, type=Mode.FULL, calendar_ids=("x", "y"), reason=JobReason.WEBHOOK, max_retries=3)
    enqueue(store, request)
    put_job(store, "a", retry_count=2, session_id="s1", fence=4)
    (job,) = claim_all(store, owner="me")
    row = only_job(store)
    assert job == Claimed(
        id=row.id or 0,
        account_id="acc_a",
        user_id="u_a",
        source=SOURCE,
        calendar_ids=("x", "y"),
        type=Mode.FULL,
        priority=NORMAL,
        scheduled_us=7,
        reason=JobReason.WEBHOOK,
        retry_count=2,
        max_retries=3,
        fence=5,
        owner="me",
        created_us=now_us(store),
        session_id="s1",
    )
    assert (row.status, row.owner, row.fence) == (JobStatus.PROCESSING, "me", 5)
    assert row.lease_us == now_us(store) + LEASE_SECONDS * 1_000_000


def test_a_user_gets_a_share_of_a_claim(store: Store) -> None:
    """Who has a thousand accounts that are due first does not keep the others waiting, in no part of a claim."""
    enqueue(store, *(wanted(f"h{number:03d}", number, user_id="hog") for number in range(1_000)))
    enqueue(store, *(wanted(f"m{number}", 2_000 + number, user_id="many") for number in range(10)))
    enqueue(store, *(wanted(f"s{number}", 3_000 + number) for number in range(3)))
    taken = _claim(store, 20, now_us=9_000, per_user=4)
    assert taken == ["h000", "h001", "h002", "h003", "m0", "m1", "m2", "m3", "s0", "s1", "s2"]
    served = {"hog": 4, "many": 3}
    assert _claim(store, 20, now_us=9_000, per_user=4, served=served) == ["m4"]
    assert served == {"hog": 4, "many": 4}


def test_shares_hold_over_the_rounds_of_a_claim(store: Store) -> None:
    """A user of whom the first look met a few gets no second share from the next look."""
    enqueue(store, *(wanted(f"h{number}", number, user_id="hog") for number in range(8)))
    enqueue(store, wanted("a0", 8, user_id="a"), wanted("a1", 9, user_id="a"))
    enqueue(store, *(wanted(f"a{number}", number, user_id="a") for number in range(10, 20)))
    users = Counter(name[0] for name in _claim(store, 10, per_user=2))
    assert users == {"h": 2, "a": 2}


def test_lanes_are_told_with_their_first_job(store: Store) -> None:
    """The high ones first, of each the earliest; a source that is not asked for stands before no other."""
    enqueue(
        store,
        wanted("1", 50, priority=LOW),
        wanted("2", 40, priority=LOW),
        wanted("3", 9, priority=HIGH, source="b"),
        wanted("4", 5, priority=HIGH, source="c"),
        wanted("5", 8, priority=HIGH),
        wanted("6", 1),
    )
    put_job(store, "6", status=JobStatus.PROCESSING)
    first = [
        Lane(source=SOURCE, priority=HIGH, due_us=8),
        Lane(source="b", priority=HIGH, due_us=9),
        Lane(source=SOURCE, priority=LOW, due_us=40),
    ]
    with store.read() as connection:
        assert job_claims.due_lanes(connection, [SOURCE, "b"]) == first
        assert job_claims.due_lanes(connection, []) == []
        above = job_claims.due_lanes(connection, [SOURCE], floors={(SOURCE, LOW): 41})
    assert above == [first[0], Lane(source=SOURCE, priority=LOW, due_us=50)]


def test_two_drains_at_once_get_different_jobs(store: Store, database_url: str, clock: ManualClock) -> None:
    """On PostgreSQL neither waits for the other; on SQLite the second one begins after the first."""
    enqueue(store, *(wanted(f"{number}", number) for number in range(6)))
    other = Store(database_url, clock=clock)
    with store.write() as connection:
        own: dict[str, Any] = {"now_us": 1_000, "lease_us": 2_000, "per_user": 9}
        first = job_claims.claim(connection, lane(), 3, owner="one", **own)
        if not store.is_sqlite:
            with other.write() as beside:
                second = job_claims.claim(beside, lane(), 9, owner="two", **own)
            assert [job.scheduled_us for job in second] == [3, 4, 5]
    with other.write() as beside:
        rest = job_claims.claim(beside, lane(), 9, owner="two", **own)
    assert [job.scheduled_us for job in first] == [0, 1, 2]
    assert [job.scheduled_us for job in rest] == ([3, 4, 5] if store.is_sqlite else [])
    assert {job.owner for job in all_jobs(store)} == {"one", "two"}
    other.close()


def test_a_lease_is_renewed_by_its_claim_alone(store: Store) -> None:
    """A drain that was thought dead learns which jobs it has lost."""
    enqueue(store, *(wanted(f"{number}", number) for number in range(3)))
    kept, lost, gone = claim_all(store)
    put_job(store, "1", fence=9)
    put_job(store, "2", status=JobStatus.QUEUED)
    with store.write() as connection:
        assert job_claims.renew(connection, [kept, lost, gone], lease_us=77) == {kept.id}
        assert job_claims.renew(connection, [], lease_us=77) == frozenset()
    assert [job.lease_us == 77 for job in all_jobs(store)] == [True, False, False]


def _reap(store: Store) -> list[job_claims.Reaped]:
    with store.write() as connection:
        expired = job_claims.has_expired(connection, now_us=now_us(store))
        reaped = job_claims.reap(connection, now_us=now_us(store))
    assert expired == bool(reaped)
    return reaped


def test_a_job_whose_drain_died_is_queued_again_once_its_lease_has_expired(store: Store, clock: ManualClock) -> None:
    """Not before; at once; with what was asked for meanwhile; and its old claim is worth nothing any more."""
    enqueue(store, wanted("a", 5, priority=LOW, calendar_ids=("x",)), wanted("b", 6))
    other, old = claim_all(store)  # the normal lane goes first
    enqueue(store, wanted("a", 5, priority=HIGH, type=Mode.FULL, calendar_ids=("x",)))
    clock.advance(seconds=LEASE_SECONDS - 1)
    with store.write() as connection:
        job_claims.renew(connection, [other], lease_us=now_us(store) + 2_000_000)
    assert _reap(store) == []
    clock.advance(seconds=1)
    (reaped,) = _reap(store)
    assert (reaped.target.account_id, reaped.is_dead, reaped.reason) == ("acc_a", False, JobReason.SCHEDULE)
    row = next(job for job in all_jobs(store) if job.account_id == "acc_a")
    assert (row.status, row.scheduled_us, row.owner, row.lease_us) == (JobStatus.QUEUED, now_us(store), None, None)
    assert (row.priority, row.type, row.calendar_ids, row.again) == (HIGH, Mode.FULL, ["x"], None)
    assert (row.crashes, row.retry_count, row.fence) == (1, 0, old.fence)
    (new,) = claim_all(store)
    assert new.fence > old.fence
    with store.write() as connection:
        assert job_claims.renew(connection, [old], lease_us=10**18) == frozenset()


def test_the_tenth_crash_makes_a_dead_letter_in_place_of_an_older_one(store: Store, clock: ManualClock) -> None:
    """What kills its drain must not kill each of them for ever."""
    enqueue(store, wanted("a", 5))
    put_job(store, "a", status=JobStatus.FAILED)
    enqueue(store, wanted("b", 5))
    put_job(store, "b", status=JobStatus.FAILED)
    enqueue(store, wanted("a", 5))
    for crash in range(1, MAX_CRASHES + 1):
        assert len(claim_all(store)) == 1
        clock.advance(seconds=LEASE_SECONDS)
        (reaped,) = _reap(store)
        assert reaped.is_dead == (crash == MAX_CRASHES)
    assert claim_all(store) == []
    kept, dead = all_jobs(store)
    assert kept.account_id == "acc_b", "another account's dead letter"
    assert (dead.status, dead.error_type, dead.crashes) == (JobStatus.FAILED, "Crashed", MAX_CRASHES)
    with store.write() as connection:
        assert jobs.retry(connection, dead.id or 0, now_us=1)
    retried: Job = all_jobs(store)[1]
    assert (retried.status, retried.crashes, retried.error_type) == (JobStatus.QUEUED, 0, None)


def test_five_hundred_jobs_are_queued_again_at_once(store: Store, clock: ManualClock) -> None:
    """A transaction that queued a hundred thousand would keep all others waiting."""
    enqueue(store, *(wanted(f"{number}", number) for number in range(620)))
    assert len(claim_all(store, 620)) == 620
    clock.advance(seconds=LEASE_SECONDS)
    assert [len(_reap(store)) for _ in range(3)] == [500, 120, 0]
    assert len(claim_all(store, 620)) == 620
