"""Sweeps: who is due is queued, once, and nobody else."""

from datetime import timedelta
from typing import Any

from support.jobs import (
    SOURCE,
    add_accounts,
    all_jobs,
    claim_all,
    enqueue,
    fill_accounts,
    find_account,
    now_us,
    put_job,
    wanted,
)

from syncline.clock import ManualClock, microseconds
from syncline.model.account import AccountState
from syncline.model.job import JobReason, JobStatus
from syncline.model.policies import Mode, Priority
from syncline.store import job_sweeps
from syncline.store.engine import Store
from syncline.store.job_sweeps import Due, Swept

HIGH, NORMAL, LOW = Priority
HOUR = timedelta(hours=1)


def _due(store: Store, **more: Any) -> Due:  # noqa: ANN401 - any field
    now = store.clock.now()
    own: dict[str, Any] = {
        "source": SOURCE,
        "now": now,
        "until": now + timedelta(minutes=5),
        "stale_seconds": 3_600,
        "active_seconds": 86_400,
    }
    return Due(**{**own, **more})


def _add(store: Store, name: str, due_in_seconds: float | None, **more: Any) -> None:  # noqa: ANN401 - any column
    due = None if due_in_seconds is None else now_us(store) + round(due_in_seconds * 1_000_000)
    add_accounts(store, name, next_due_us=due, **{"last_success_at": store.clock.now(), **more})


def _sweep(store: Store, *, limit: int = 10_000, **more: Any) -> list[Swept]:  # noqa: ANN401 - any field
    """Slice by slice, until the last one."""
    due, slices = _due(store, **more), list[Swept]()
    after: tuple[int, str] | None = None
    while not slices or after is not None:
        with store.write() as connection:
            slices.append(job_sweeps.queue_due(connection, due, after=after, limit=limit))
        after = slices[-1].after
    return slices


def _queued(store: Store) -> dict[str, tuple[Priority, JobReason, int]]:
    """By account: priority, reason, and in how many seconds it is due."""
    return {
        job.account_id.removeprefix("acc_"): (job.priority, job.reason, (job.scheduled_us - now_us(store)) // 1_000_000)
        for job in all_jobs(store)
    }


def test_who_is_due_before_the_next_sweep_is_queued_for_its_instant(store: Store) -> None:
    """Nobody else: not who is due later or never, is set aside, is not in use, or is of another source."""
    now = store.clock.now()
    _add(store, "past", -7_200)
    _add(store, "now", 0)
    _add(store, "soon", 300)
    _add(store, "later", 301)
    _add(store, "never", None)
    _add(store, "unused", 0, last_active_at=now - timedelta(seconds=86_401))
    _add(store, "just used", 0, last_active_at=now - timedelta(seconds=86_400))
    _add(store, "new", 0, last_active_at=None, created_at=now)
    _add(store, "forgotten", 0, last_active_at=None, created_at=now - timedelta(days=2))
    _add(store, "other", 0, source="other")
    for state in (AccountState.PAUSED, AccountState.ATTENTION, AccountState.REMOVED):
        _add(store, f"{state}", 0, state=state)
    assert [(one.queued, one.stale) for one in _sweep(store)] == [(5, 0)]
    scheduled = (NORMAL, JobReason.SCHEDULE)
    assert _queued(store) == {
        "past": (*scheduled, -7_200),
        "now": (*scheduled, 0),
        "soon": (*scheduled, 300),
        "just used": (*scheduled, 0),
        "new": (*scheduled, 0),
    }
    job = all_jobs(store)[0]
    assert (job.user_id, job.source, job.type, job.status) == ("u_past", SOURCE, Mode.INCREMENTAL, JobStatus.QUEUED)
    assert (job.created_us, job.fence, job.retry_count, job.max_retries) == (now_us(store), 0, 0, 5)
    assert [one.queued for one in _sweep(store)] == [0], "a second sweep finds their jobs"


def test_the_stale_go_first_and_say_so(store: Store) -> None:
    """By the source's threshold, or by their own; who was never read is stale."""
    now = store.clock.now()
    ages: list[tuple[str, timedelta | None, dict[str, Any], bool]] = [
        ("fresh", HOUR, {}, False),
        ("stale", HOUR + timedelta(milliseconds=20), {}, True),
        ("never read", None, {}, True),
        ("patient", 2 * HOUR, {"stale_seconds": 7_200}, False),
        ("patience spent", 2 * HOUR + timedelta(seconds=1), {"stale_seconds": 7_200}, True),
        ("impatient", timedelta(seconds=61), {"stale_seconds": 60.5, "timezone": "UTC"}, True),
        ("no wish", HOUR, {"stale_seconds": None}, False),
    ]
    for name, age, settings, _ in ages:
        _add(store, name, 0, last_success_at=None if age is None else now - age, settings=settings)
    (swept,) = _sweep(store)
    assert (swept.queued, swept.stale) == (7, 4)
    found = {name: (priority, reason) for name, (priority, reason, _) in _queued(store).items()}
    for name, _, _, stale in ages:
        assert found[name] == ((HIGH, JobReason.STALE) if stale else (NORMAL, JobReason.SCHEDULE)), name


def test_an_account_with_a_job_gets_no_second_one(store: Store, clock: ManualClock) -> None:
    """One that waits goes first once its account is stale; one that is under way is left alone; dead ones are none."""
    for name in ("fresh", "stale", "low", "high", "works", "dead"):
        _add(store, name, 0, last_success_at=clock.now() - (HOUR if name == "fresh" else 2 * HOUR))
    enqueue(store, wanted("works", 1))
    assert len(claim_all(store)) == 1
    enqueue(store, wanted("fresh", 7), wanted("stale", 7), wanted("low", 7, priority=LOW))
    enqueue(store, wanted("high", 7, priority=HIGH, reason=JobReason.MANUAL))
    before = {job.account_id: job for job in all_jobs(store)}
    (swept,) = _sweep(store)
    assert (swept.queued, swept.stale) == (3, 3)
    after = {job.account_id: job for job in all_jobs(store)}
    for name in ("stale", "low"):
        job = after[f"acc_{name}"]
        assert (job.priority, job.reason, job.scheduled_us) == (HIGH, JobReason.STALE, 7)
    for name in ("fresh", "high", "works"):
        assert after[f"acc_{name}"].model_dump() == before[f"acc_{name}"].model_dump(), name
    assert after["acc_dead"].reason is JobReason.STALE


def test_a_dead_letter_does_not_keep_its_account_from_being_synced(store: Store) -> None:
    """What failed for good yesterday may succeed today."""
    _add(store, "a", 0)
    enqueue(store, wanted("a", 1))
    put_job(store, "a", status=JobStatus.FAILED)
    assert [one.queued for one in _sweep(store)] == [1]


def test_slices_meet_each_account_once(store: Store) -> None:
    """Many fall due at the same instant: the slices' edges lie between equals."""
    instants = [-60.0] * 7 + [-30.0] * 5 + [0.0] + [10.0] * 4
    for index, seconds in enumerate(instants):
        _add(store, f"{index * 7 % 17:02d}", seconds)
    _add(store, "unused", -45, last_active_at=store.clock.now() - timedelta(days=2))
    for limit in (1, 2, 5, 17, 18, 19):
        slices = _sweep(store, limit=limit)
        assert sum(one.queued for one in slices) == 17, limit
        assert [one.after is None for one in slices] == [False] * (len(slices) - 1) + [True]
        assert len(slices) == 18 // limit + 1
        assert len(_queued(store)) == 17
        with store.write() as connection:
            connection.exec_driver_sql("DELETE FROM sync_jobs")


def test_a_slice_is_of_ten_thousand(store: Store) -> None:
    """A hundred thousand that are due hold no lock for seconds; a second slice takes up the rest."""
    fill_accounts(store, 10_004, first_due_us=now_us(store) - 1, step_us=0)
    assert [(one.queued, one.after is None) for one in _sweep(store)] == [(10_000, False), (4, True)]


def test_who_is_used_no_more_is_set_aside(store: Store, clock: ManualClock) -> None:
    """Only where it is due: the others are looked at when they are; and no more than a slice at once."""
    old = clock.now() - timedelta(days=2)
    for name in ("a", "b", "c"):
        _add(store, name, -5, last_active_at=old)
    _add(store, "later", 3_600, last_active_at=old)
    _add(store, "in use", -5)
    _add(store, "paused", -5, last_active_at=old, state=AccountState.PAUSED)
    found: list[int] = []
    for _ in range(3):
        with store.write() as connection:
            found.append(job_sweeps.set_aside_unused(connection, _due(store), limit=2))
    assert found == [2, 1, 0]
    due = {name: find_account(store, name).next_due_us for name in ("a", "b", "c", "later", "in use", "paused")}
    assert [name for name, at in due.items() if at is None] == ["a", "b", "c"]


def test_a_sweep_is_on_record(store: Store, clock: ManualClock) -> None:
    """The last one of each source; the price of a sync stays where none is named."""
    with store.write() as connection:
        assert job_sweeps.last_sweep(connection, SOURCE) is None
        job_sweeps.note(connection, SOURCE, now=clock.now(), queued=5, level=0.25)
        job_sweeps.note(connection, "other", now=clock.now(), queued=9)
    clock.advance(seconds=60)
    with store.write() as connection:
        job_sweeps.note(connection, SOURCE, now=clock.now(), queued=7)
    with store.read() as connection:
        last = job_sweeps.last_sweep(connection, SOURCE)
        other = job_sweeps.last_sweep(connection, "other")
    assert last is not None
    assert (last.swept_at, last.queued, last.level) == (clock.now(), 7, 0.25)
    assert other is not None
    assert (microseconds(other.swept_at), other.level) == (now_us(store) - 60_000_000, None)
