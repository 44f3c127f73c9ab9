"""Jobs that are asked for, merged, listed, retried and dropped."""

from typing import Any

import pytest
from support.jobs import (
    SOURCE,
    add_accounts,
    all_jobs,
    claim_all,
    enqueue,
    now_us,
    only_job,
    put_job,
    wanted,
)

from syncline.clock import ManualClock
from syncline.model.job import Job, JobReason, JobStatus
from syncline.model.policies import Mode, Priority
from syncline.model.target import Target
from syncline.store import job_counts, job_pages, jobs
from syncline.store.engine import Store
from syncline.store.job_pages import WantedJobs

HIGH, NORMAL, LOW = Priority
FULL, INCREMENTAL = Mode.FULL, Mode.INCREMENTAL

MERGED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("sooner", {"at": 50}, {"at": 20}, {"at": 20}),
    ("later", {"at": 20}, {"at": 50}, {"at": 20}),
    ("more urgent", {"priority": LOW}, {"priority": HIGH}, {"priority": HIGH}),
    ("less urgent", {"priority": NORMAL}, {"priority": LOW}, {"priority": NORMAL}),
    (
        "the more urgent one says why",
        {"reason": JobReason.SCHEDULE},
        {"priority": HIGH, "reason": JobReason.MANUAL},
        {"priority": HIGH, "reason": JobReason.MANUAL},
    ),
    (
        "the first of two equals says why",
        {"reason": JobReason.WEBHOOK, "priority": HIGH},
        {"priority": HIGH, "reason": JobReason.STALE},
        {"priority": HIGH, "reason": JobReason.WEBHOOK},
    ),
    ("urgent but later", {"at": 20, "priority": LOW}, {"at": 50, "priority": HIGH}, {"at": 20, "priority": HIGH}),
    ("more", {}, {"type": FULL}, {"type": FULL}),
    ("less", {"type": FULL}, {}, {"type": FULL}),
    ("the same part", {"calendar_ids": ("x", "y")}, {"calendar_ids": ("x", "y")}, {"calendar_ids": ["x", "y"]}),
    ("other parts", {"calendar_ids": ("x",)}, {"calendar_ids": ("y",)}, {"calendar_ids": None}),
    ("all after a part", {"calendar_ids": ("x",)}, {}, {"calendar_ids": None}),
    ("a part after all", {}, {"calendar_ids": ("x",)}, {"calendar_ids": None}),
]
"""What waits, what is asked for, and what waits then; a job is otherwise normal and incremental, for the instant 30."""


def _asked(name: str, what: dict[str, Any]) -> jobs.JobRequest:
    own = dict(what)
    return wanted(name, own.pop("at", 30), **own)


def _expected(what: dict[str, Any], *, at: int = 30) -> dict[str, Any]:
    plain = {"at": at, "priority": NORMAL, "reason": JobReason.SCHEDULE, "type": INCREMENTAL, "calendar_ids": None}
    return plain | what


def _shown(job: Job) -> dict[str, Any]:
    own = {name: getattr(job, name) for name in ("priority", "reason", "type", "calendar_ids")}
    return own | {"at": job.scheduled_us}


def test_what_is_asked_for_is_queued(store: Store) -> None:
    """Each value arrives in its column."""
    request = wanted(
        "a", 77, priority=LOW, reason=JobReason.WEBHOOK, type=FULL, calendar_ids=("x", 'q"?%'), max_retries=2
    )
    assert enqueue(store, request) == 1
    job = only_job(store)
    assert _shown(job) == {
        "at": 77,
        "priority": LOW,
        "reason": JobReason.WEBHOOK,
        "type": FULL,
        "calendar_ids": ["x", 'q"?%'],
    }
    assert (job.account_id, job.user_id, job.source, job.max_retries) == ("acc_a", "u_a", SOURCE, 2)
    assert (job.status, job.fence, job.retry_count, job.created_us) == (JobStatus.QUEUED, 0, 0, now_us(store))
    assert (job.owner, job.lease_us, job.again, job.session_id) == (None, None, None, None)


def test_a_job_that_waits_only_grows_and_comes_sooner(store: Store) -> None:
    """Asked for twice, in two transactions or in one, an account is synced once, and everybody gets what they asked."""
    for name, first, second, _ in MERGED:
        assert enqueue(store, _asked(name, first)) == 1
        assert enqueue(store, _asked(name, second)) == 0
        assert enqueue(store, _asked(f"{name} at once", first), _asked(f"{name} at once", second)) == 1
    found = {job.account_id: _shown(job) for job in all_jobs(store)}
    for name, _, _, merged in MERGED:
        assert found[f"acc_{name}"] == _expected(merged), name
        assert found[f"acc_{name} at once"] == _expected(merged), f"{name}, at once"


def test_what_is_asked_for_while_a_job_is_under_way_is_kept_for_afterwards(store: Store) -> None:
    """What its drain reads may be older than what happened; the job itself stays as it was claimed."""
    requests = [
        ("urgent", [{"priority": HIGH}], (HIGH, INCREMENTAL, None)),
        ("the best of several", [{"priority": LOW}, {"priority": HIGH}, {}], (HIGH, INCREMENTAL, None)),
        ("full once", [{"type": FULL}, {}], (NORMAL, FULL, None)),
        ("full at last", [{}, {"type": FULL}], (NORMAL, FULL, None)),
        ("a part", [{"calendar_ids": ("x",)}, {"calendar_ids": ("x",)}], (NORMAL, INCREMENTAL, ["x"])),
        ("parts", [{"calendar_ids": ("x",)}, {"calendar_ids": ("y",)}], (NORMAL, INCREMENTAL, None)),
        ("all, then a part", [{}, {"calendar_ids": ("y",)}], (NORMAL, INCREMENTAL, None)),
        ("a part, then all", [{"calendar_ids": ("y",)}, {}], (NORMAL, INCREMENTAL, None)),
    ]
    for name, _, _ in requests:
        enqueue(store, wanted(name, 30, priority=LOW))
    assert len(claim_all(store)) == len(requests)
    for name, asked, _ in requests:
        for one in asked:
            assert enqueue(store, _asked(name, {"at": 1, **one})) == 0
    for job, (name, _, again) in zip(all_jobs(store), requests, strict=True):
        assert (job.again, job.again_type, job.again_calendar_ids) == again, name
        assert (job.status, job.scheduled_us, job.priority) == (JobStatus.PROCESSING, 30, LOW)
        assert (job.type, job.calendar_ids) == (INCREMENTAL, None)


def test_many_are_asked_for_at_once(store: Store) -> None:
    """More than a statement takes, in any order, some of them known."""
    names = [f"n{number:04d}" for number in range(1_201)]
    enqueue(store, *(wanted(name, 1) for name in names[::3]))
    assert enqueue(store, *(wanted(name, 1) for name in reversed(names))) == 800
    assert {job.account_id for job in all_jobs(store)} == {f"acc_{name}" for name in names}
    assert enqueue(store) == 0


def test_an_id_is_never_used_again(store: Store) -> None:
    """A late end of a job that is gone would end the one that came after it."""
    enqueue(store, wanted("a", 1))
    first = only_job(store).id or 0
    store.transact(lambda connection: jobs.take_back(connection, Target(SOURCE, "acc_a")))
    enqueue(store, wanted("b", 1))
    assert (only_job(store).id or 0) > first


def test_a_job_that_waits_is_taken_back_and_no_other(store: Store) -> None:
    """An account that is paused has nothing queued; what is under way is its drain's, dead letters stay."""
    enqueue(store, *(wanted(name, 1) for name in ("waits", "works", "dead")))
    put_job(store, "works", status=JobStatus.PROCESSING)
    put_job(store, "dead", status=JobStatus.FAILED)
    ids = {job.account_id: job.id for job in all_jobs(store)}
    with store.write() as connection:
        gone = [jobs.take_back(connection, Target(SOURCE, f"acc_{name}")) for name in ("waits", "works", "dead", "no")]
    assert gone == [ids["acc_waits"], None, None, None]
    assert [job.account_id for job in all_jobs(store)] == ["acc_dead", "acc_works"]


def _dead(store: Store, name: str, **more: Any) -> int:  # noqa: ANN401 - any column
    enqueue(store, wanted(name, 1, **more))
    put_job(store, name, status=JobStatus.FAILED, error_type="X", error_message="no", retry_count=5)
    return max(job.id or 0 for job in all_jobs(store))


def test_a_dead_letter_is_retried_at_once_and_high(store: Store) -> None:
    """With what it was asked to read, and all its retries."""
    dead = _dead(store, "a", type=FULL, calendar_ids=("x",), max_retries=2, priority=LOW)
    with store.write() as connection:
        assert jobs.retry(connection, dead, now_us=99)
        assert not jobs.retry(connection, dead, now_us=99), "it is no dead letter any more"
    job = only_job(store)
    assert _shown(job) == _expected(
        {"priority": HIGH, "reason": JobReason.RETRY, "type": FULL, "calendar_ids": ["x"]}, at=99
    )
    assert (job.status, job.retry_count, job.max_retries, job.error_type) == (JobStatus.QUEUED, 0, 2, None)


def test_a_dead_letter_becomes_a_part_of_the_open_job(store: Store) -> None:
    """One that waits is brought forward, one that is under way is done again."""
    waits, works = _dead(store, "waits", type=FULL), _dead(store, "works", type=FULL)
    enqueue(store, wanted("works", 5))
    claim_all(store)
    enqueue(store, wanted("waits", 5))
    with store.write() as connection:
        assert jobs.retry(connection, waits, now_us=99)
        assert jobs.retry(connection, works, now_us=99)
    of = {job.account_id: job for job in all_jobs(store)}
    assert len(of) == len(all_jobs(store)) == 2
    waiting, working = of["acc_waits"], of["acc_works"]
    assert (waiting.priority, waiting.type, waiting.scheduled_us) == (HIGH, FULL, 5)
    assert (working.again, working.again_type, working.type) == (HIGH, FULL, INCREMENTAL)


def test_only_dead_letters_are_retried_and_dropped(store: Store) -> None:
    """Dropping a job that is under way would have its account synced by two."""
    enqueue(store, wanted("a", 1))
    waits, dead = only_job(store).id or 0, _dead(store, "b")
    with store.write() as connection:
        assert not jobs.drop(connection, waits)
        assert not jobs.retry(connection, waits, now_us=1)
        assert not jobs.drop(connection, 10**12)
        assert jobs.drop(connection, dead)
        assert not jobs.drop(connection, dead)
    assert [job.id for job in all_jobs(store)] == [waits]


def test_an_account_may_have_a_dead_letter_and_an_open_job(store: Store) -> None:
    """A webhook after the last retry has failed is a new job; `open_job` tells which one is open."""
    dead = _dead(store, "a")
    assert enqueue(store, wanted("a", 1)) == 1
    with store.read() as connection:
        open_job = jobs.open_job(connection, "acc_a")
        letter = jobs.find(connection, dead)
        assert jobs.open_job(connection, "acc_b") is None
        assert job_counts.by_status(connection) == (0, 1)
    assert open_job is not None
    assert letter is not None
    assert open_job.id != letter.id


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_jobs_are_listed_page_by_page(store: Store, clock: ManualClock, limit: int) -> None:
    """Each once, the oldest first, by any of the filters."""
    add_accounts(store, "1", "3", user_id="u_1")
    add_accounts(store, "0", "2", "4", user_id="u_2")
    for number in range(5):
        enqueue(store, wanted(f"{number}", 1, user_id="u_1" if number % 2 else "u_2", source="ab"[number % 3 > 0]))
    put_job(store, "3", status=JobStatus.FAILED)

    def listed(**filters: Any) -> list[str]:  # noqa: ANN401 - any filter
        found: list[str] = []
        after: int | None = 0
        while after is not None:
            with store.read() as connection:
                page = job_pages.page(connection, WantedJobs(**filters), after=after, limit=limit)
            assert len(page.jobs) <= limit
            found += [job.account_id.removeprefix("acc_") for job in page.jobs]
            after = page.next_after
        return found

    assert listed() == ["0", "1", "2", "3", "4"]
    assert listed(user_id="u_1") == ["1", "3"]
    assert listed(status=JobStatus.QUEUED) == ["0", "1", "2", "4"]
    assert listed(status=JobStatus.FAILED, user_id="u_1") == ["3"]
    assert listed(source="b", user_id="u_2") == ["2", "4"]
    assert listed(account_id="acc_4") == ["4"]
    assert listed(source="c") == []
