"""Drains, people and sweeps in any order over several connections, against the life of jobs in plain Python."""

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, text
from support.jobs import SOURCE, add_accounts, all_jobs, ended, enqueue, now_us, wanted
from support.jobs_model import ACCOUNTS, Jobs, JobState, user_of

from syncline.clock import ManualClock
from syncline.jobs.crashes import record_crashes
from syncline.jobs.due import Freshness
from syncline.jobs.finish import finish
from syncline.model.job import MAX_CRASHES, MAX_RETRIES, Job
from syncline.model.policies import Priority
from syncline.model.session import Status, Tally
from syncline.model.target import Target
from syncline.store import job_claims, job_ends, job_sweeps, jobs, rollups
from syncline.store.engine import Store
from syncline.store.job_claims import Claimed, Lane
from syncline.store.job_sweeps import Due

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
LEASE_US = 60_000_000
POLICIES = {SOURCE: Freshness()}
NAMES = st.sampled_from(ACCOUNTS)
PRIORITIES = st.sampled_from(list(Priority))
CONNECTIONS = st.integers(0, 1)
RISES = {("queued", Priority.NORMAL), ("queued", Priority.LOW)}
ENDS = st.sampled_from(
    [
        *(Status.COMPLETED, Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.FAILED),
        *(Status.DEFERRED, Status.SKIPPED, Status.CANCELLED),
    ]
)


class Machine(RuleBasedStateMachine):
    """Two connections to one database; claims that drains hold, or believe to hold."""

    def __init__(self, open_store: Callable[[Path, ManualClock], Store]) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.clock = ManualClock(START)
        self.stores = [open_store(self.folder, self.clock), open_store(self.folder, self.clock)]
        self.jobs = Jobs()
        self.claims: list[Claimed] = []

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)

    @property
    def store(self) -> Store:
        return self.stores[0]

    @initialize()
    def begin(self) -> None:
        with self.store.write() as connection:
            for table in ("sync_jobs", "accounts", "sync_sessions", "sync_rollups", "session_totals", "rejects"):
                connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - of the list above
        for name in ACCOUNTS:
            add_accounts(self.store, name, user_id=user_of(name), weight=0, next_due_us=now_us(self.store))

    @rule(name=NAMES, priority=PRIORITIES, seconds=st.sampled_from([-90, 0, 30]), by=CONNECTIONS)
    def somebody_asks(self, name: str, priority: Priority, seconds: int, by: int) -> None:
        at = now_us(self.store) + seconds * 1_000_000
        made = enqueue(self.stores[by], wanted(name, at, priority=priority, user_id=user_of(name)))
        assert made == self.jobs.enqueue(name, priority, at)

    @rule(count=st.integers(1, 5), share=st.sampled_from([1, 2, 5]), by=CONNECTIONS)
    def a_drain_claims(self, count: int, share: int, by: int) -> None:
        self._claim_fairly(count, share, by)

    def _claim_fairly(self, count: int, share: int, by: int) -> None:
        for priority in Priority:
            with self.stores[by].write() as connection:
                taken = self._claim(connection, priority, count, share)
            self._is_fair(priority, count, share, taken)
            self._note(taken)

    @rule(priority=PRIORITIES, count=st.integers(1, 3))
    def two_drains_claim_at_once(self, priority: Priority, count: int) -> None:
        with ExitStack() as open_ones:
            taken: list[Claimed] = []
            for store in self.stores[:1] if self.store.is_sqlite else self.stores:
                taken += self._claim(open_ones.enter_context(store.write()), priority, count, count)
        self._note(taken)

    @rule(which=st.integers(0, 30), status=ENDS, hopeless=st.booleans(), by=CONNECTIONS, waits=st.sampled_from([0, 40]))
    def an_end_comes_in(self, which: int, status: Status, hopeless: bool, by: int, waits: int) -> None:  # noqa: FBT001 - Hypothesis draws it
        """On time or late, even twice."""
        if not self.claims:
            return
        job = self.claims[-1 - which % len(self.claims)]
        name, now = _name(job), now_us(self.store)
        goes_on, gives_up = now + waits * 1_000_000, hopeless and status is Status.FAILED
        end = ended(
            self.store,
            job,
            status,
            write=partial(_count_write, job.account_id),
            retry_at_us=goes_on if status is Status.DEFERRED else None,
            attention="no" if gives_up else None,
        )
        held = self.jobs.is_held(name, job)
        done = self.stores[by].transact(
            lambda connection: finish(
                connection, [end], policies=POLICIES, random=lambda: 0.5, now=self.clock.now(), slot=by
            )
        )
        assert (done.late, sum(done.outcomes.values())) == (int(not held), int(held))
        self.jobs.end(name, job, status, now=now, goes_on=goes_on, hopeless=gives_up)

    @rule(seconds=st.sampled_from([1, 31]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule(seconds=st.sampled_from([0, 61]), by=CONNECTIONS)
    def another_drain_takes_over(self, seconds: int, by: int) -> None:
        self.clock.advance(seconds=seconds)
        with self.stores[by].write() as connection:
            reaped = job_claims.reap(connection, now_us=now_us(self.store))
            record_crashes(connection, reaped, policies=POLICIES, now=self.clock.now(), slot=by)
        assert len(reaped) == self.jobs.crash(now_us(self.store))
        if reaped:
            self._claim_fairly(5, 5, by)

    @rule(by=CONNECTIONS)
    def a_drain_keeps_its_leases(self, by: int) -> None:
        lease = now_us(self.store) + LEASE_US
        with self.stores[by].write() as connection:
            kept = job_claims.renew(connection, self.claims[-4:], lease_us=lease)
        held = [job for job in self.claims[-4:] if self.jobs.is_held(_name(job), job)]
        assert kept == {job.id for job in held}
        for job in held:
            self._set(_name(job), lease=lease)

    @rule(which=st.integers(0, 9), by=CONNECTIONS)
    def a_drain_gives_back(self, which: int, by: int) -> None:
        for job in self.claims[-1 - which :][:2]:
            with self.stores[by].write() as connection:
                given = job_ends.give_back(connection, [job], now_us=now_us(self.store))
            assert given == self.jobs.give_back(_name(job), job, now_us(self.store))

    @rule(name=NAMES)
    def an_account_is_paused(self, name: str) -> None:
        with self.store.write() as connection:
            gone = jobs.take_back(connection, Target(SOURCE, f"acc_{name}"))
        job = self.jobs.open.get(name)
        waits = job is not None and job.status == "queued"
        assert (gone is not None) == waits
        if waits:
            del self.jobs.open[name]

    @rule(name=NAMES, retry=st.booleans())
    def a_dead_letter_is_retried_or_dropped(self, name: str, retry: bool) -> None:  # noqa: FBT001 - Hypothesis draws it
        letters = [job.id for job in all_jobs(self.store) if job.status == "failed" and _name(job) == name]
        assert len(letters) == (name in self.jobs.dead)
        for letter in letters:
            with self.store.write() as connection:
                now = now_us(self.store)
                act = partial(jobs.retry, now_us=now) if retry else jobs.drop
                assert act(connection, letter or 0)
            del self.jobs.dead[name]
            if retry:
                self.jobs.enqueue(name, Priority.HIGH, now)

    @rule(by=CONNECTIONS)
    def a_sweep(self, by: int) -> None:
        """All accounts are stale here once they were not read for an hour, as those that never were."""
        with self.stores[by].write() as connection:
            due = self._due()
            rows = connection.execute(
                text("SELECT external_id, next_due_us, last_success_at IS NULL FROM accounts WHERE state = 'active'")
            ).all()
            swept = job_sweeps.queue_due(connection, due)
        queued = 0
        for name, at, is_stale in rows:
            job = self.jobs.open.get(name)
            if at <= now_us(self.store) and (job is None or (is_stale and (job.status, job.priority) in RISES)):
                queued += 1
                priority = Priority.HIGH if is_stale else Priority.NORMAL
                self._set(name, priority=priority) if job else self.jobs.enqueue(name, priority, at)
        assert swept.queued == queued

    @rule(name=NAMES, crashes=st.sampled_from([0, MAX_CRASHES - 1]), retries=st.sampled_from([0, MAX_RETRIES]))
    def a_job_is_worn_out(self, name: str, crashes: int, retries: int) -> None:
        """As if much had happened to it before; what a drain has was claimed so."""
        job = self.jobs.open.get(name)
        if job is not None and job.status == "queued":
            with self.store.write() as connection:
                worn = text("UPDATE sync_jobs SET crashes = :c, retry_count = :r WHERE account_id = :a AND status = :s")
                connection.execute(worn, {"c": crashes, "r": retries, "a": f"acc_{name}", "s": "queued"})
            self._set(name, crashes=crashes, retries=retries)

    @invariant()
    def the_table_is_as_it_should_be(self) -> None:
        """No job is lost, none stands twice, each end counts once, and what came late has written nothing."""
        rows = all_jobs(self.store)
        assert {_name(job): _state(job) for job in rows if job.status != "failed"} == self.jobs.open
        assert {_name(job) for job in rows if job.status == "failed"} == set(self.jobs.dead)
        assert len(rows) == len(self.jobs.open) + len(self.jobs.dead)
        with self.store.read() as connection:
            written = connection.execute(text("SELECT external_id, weight, failures FROM accounts")).all()
            counts = rollups.since(connection, START)
            late = connection.execute(
                text("SELECT count(*) FROM sync_sessions WHERE reason LIKE 'late:%'")
            ).scalar_one()
        assert {name: int(times) for name, times, _ in written if times} == self.jobs.written
        assert {name: failures for name, _, failures in written if failures} == +self.jobs.failures
        assert {status: one.jobs for (_, status), one in counts.items()} == self.jobs.ends
        assert late == self.jobs.late

    def _claim(self, connection: Connection, priority: Priority, count: int, share: int) -> list[Claimed]:
        now = now_us(self.store)
        lane = Lane(source=SOURCE, priority=priority, due_us=0)
        return job_claims.claim(connection, lane, count, owner="d", now_us=now, lease_us=now + LEASE_US, per_user=share)

    def _is_fair(self, priority: Priority, count: int, share: int, taken: Sequence[Claimed]) -> None:
        """The earliest that are due, and nobody more than their share; where there is room, nobody is left out."""
        due = {n: job for n, job in self.jobs.open.items() if job.status == "queued" and job.priority is priority}
        due = {n: job for n, job in due.items() if job.at <= now_us(self.store)}
        users, names = Counter(job.user_id for job in taken), {_name(job) for job in taken}
        assert names <= set(due)
        assert len(names) == len(taken) <= count
        assert all(number <= share for number in users.values())
        latest = max((job.scheduled_us for job in taken), default=0)
        for name, job in due.items():
            if name not in names and users[user_of(name)] < share:
                assert len(taken) == count, "somebody was left out though there was room"
                assert job.at >= latest, "somebody was overtaken"

    def _note(self, taken: Sequence[Claimed]) -> None:
        for job in taken:
            self.jobs.claim(job, _name(job), now_us(self.store) + LEASE_US)
        self.claims += taken

    def _set(self, name: str, **values: Any) -> None:  # noqa: ANN401 - any field
        self.jobs.open[name] = JobState(**{**vars(self.jobs.open[name]), **values})

    def _due(self) -> Due:
        now = self.clock.now()
        return Due(source=SOURCE, now=now, until=now, stale_seconds=86_400 * 365, active_seconds=86_400)


def _count_write(account_id: str, connection: Connection) -> Tally:
    connection.execute(text("UPDATE accounts SET weight = weight + 1 WHERE id = :id"), {"id": account_id})
    return Tally()


def _name(job: Claimed | Job) -> str:
    return job.account_id.removeprefix("acc_")


def _state(job: Job) -> JobState:
    return JobState(
        status=str(job.status),
        priority=job.priority,
        at=job.scheduled_us,
        again=job.again,
        retries=job.retry_count,
        crashes=job.crashes,
        lease=job.lease_us,
    )


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 12), ("postgresql", 8)])
def test_the_life_of_jobs(kind: str, examples: int, request: pytest.FixtureRequest) -> None:
    """No job lost, none run twice at once, no late end that writes, one open job an account, one outcome an end."""
    if kind == "postgresql":
        url = request.getfixturevalue("make_postgresql")()
        open_store = partial(_open_url, url)
    else:
        open_store = partial(_open_copy, request.getfixturevalue("sqlite_template"))
    machine: Any = partial(Machine, open_store)
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=60))


def _open_url(url: str, _folder: Path, clock: ManualClock) -> Store:
    return Store(url, clock=clock)


def _open_copy(template: Path, folder: Path, clock: ManualClock) -> Store:
    path = folder / "machine.db"
    if not path.exists():
        shutil.copy(template, path)
    return Store(f"sqlite:///{path}", clock=clock)
