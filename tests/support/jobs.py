"""Accounts and jobs put into the database directly, and ends of jobs, where a test needs no drain."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text, update
from sqlmodel import Session, col

from syncline.clock import microseconds
from syncline.jobs.verdict import AccountEnd
from syncline.jobs.work import Ended
from syncline.model.account import Account
from syncline.model.job import Job, JobReason
from syncline.model.policies import Mode, Priority
from syncline.model.session import Status, SyncSession, Tally
from syncline.store import jobs
from syncline.store.engine import Store
from syncline.store.job_claims import Claimed, Lane, claim, due_lanes

__all__ = [
    "SOURCE",
    "account",
    "add_accounts",
    "all_jobs",
    "claim_all",
    "claimed",
    "end",
    "ended",
    "enqueue",
    "fill_accounts",
    "find_account",
    "lane",
    "now_us",
    "only_job",
    "put_job",
    "sessions_of",
    "wanted",
]

SOURCE = "wallets"
LEASE_SECONDS = 60


def now_us(store: Store) -> int:
    """The test's clock in microseconds."""
    return microseconds(store.clock.now())


def account(name: str, now: datetime, **more: Any) -> Account:  # noqa: ANN401 - any column
    """An account of `SOURCE`, active and in use; its user is `u_NAME` unless `more` says otherwise."""
    own: dict[str, Any] = {
        "user_id": f"u_{name}",
        "source": SOURCE,
        "external_id": name,
        "created_at": now,
        "last_active_at": now,
    }
    return Account(id=f"acc_{name}", **{**own, **more})


def add_accounts(store: Store, *names: str, **more: Any) -> None:  # noqa: ANN401 - any column
    """Put accounts on record, all alike."""
    now = store.clock.now()
    rows = [account(name, now, **more).model_dump() for name in names]
    with store.write() as connection:
        connection.execute(insert(Account), rows)


def find_account(store: Store, name: str) -> Account:
    """The account as it stands."""
    with store.read() as connection:
        return Session(connection).scalars(select(Account).where(col(Account.id) == f"acc_{name}")).one()


def wanted(name: str, at_us: int, **more: Any) -> jobs.JobRequest:  # noqa: ANN401 - any column
    """A sync of the account of this name that somebody wants."""
    own: dict[str, Any] = {"account_id": f"acc_{name}", "user_id": f"u_{name}", "source": SOURCE, "scheduled_us": at_us}
    return jobs.JobRequest(**{**own, **more})


def enqueue(store: Store, *requests: jobs.JobRequest) -> int:
    """Ask for these syncs in a transaction of their own."""
    return store.transact(lambda connection: jobs.enqueue(connection, requests, now_us=now_us(store)))


def claim_all(store: Store, count: int = 100, *, owner: str = "drain", per_user: int | None = None) -> list[Claimed]:
    """Claim what is due, lane by lane, as a drain does that has no need to be fair."""

    def take(connection: Connection) -> list[Claimed]:
        at = now_us(store)
        taken: list[Claimed] = []
        for lane in due_lanes(connection, [SOURCE]):
            if lane.due_us <= at and len(taken) < count:
                share = count if per_user is None else per_user
                lease_us = at + LEASE_SECONDS * 1_000_000
                left = count - len(taken)
                taken += claim(connection, lane, left, owner=owner, now_us=at, lease_us=lease_us, per_user=share)
        return taken

    return store.transact(take)


def lane(priority: Priority = Priority.NORMAL, due_us: int = 0) -> Lane:
    """A lane of `SOURCE`."""
    return Lane(source=SOURCE, priority=priority, due_us=due_us)


def all_jobs(store: Store) -> Sequence[Job]:
    """Each job, in the order of their ids."""
    with store.read() as connection:
        return Session(connection).scalars(select(Job).order_by(col(Job.id))).all()


def only_job(store: Store) -> Job:
    """The one job that there is."""
    (job,) = all_jobs(store)
    return job


def put_job(store: Store, name: str, **values: Any) -> None:  # noqa: ANN401 - any column
    """Change columns of the job of the account of this name."""
    with store.write() as connection:
        connection.execute(update(Job).where(col(Job.account_id) == f"acc_{name}").values(values))


def sessions_of(store: Store) -> Sequence[SyncSession]:
    """Each session, the oldest first."""
    with store.read() as connection:
        return Session(connection).scalars(select(SyncSession).order_by(col(SyncSession.id))).all()


def claimed(name: str = "a", **more: Any) -> Claimed:  # noqa: ANN401 - any column
    """A job as a drain has it, that stands in no database."""
    own = Claimed(
        id=1,
        account_id=f"acc_{name}",
        user_id=f"u_{name}",
        source=SOURCE,
        calendar_ids=None,
        type=Mode.INCREMENTAL,
        priority=Priority.NORMAL,
        scheduled_us=0,
        reason=JobReason.SCHEDULE,
        retry_count=0,
        max_retries=5,
        fence=1,
        owner="drain",
        created_us=0,
        session_id=None,
    )
    return replace(own, **more)


def end(job: Claimed, status: Status = Status.COMPLETED, *, at_us: int = 0, **more: Any) -> AccountEnd:  # noqa: ANN401 - any column
    """What the job's sync came to, begun a second before."""
    return AccountEnd(job=job, status=status, began_us=at_us - 1_000_000, ended_us=at_us, **more)


def ended(
    store: Store,
    job: Claimed,
    status: Status = Status.COMPLETED,
    *,
    write: Callable[[Connection], Tally] | None = None,
    **more: Any,  # noqa: ANN401 - any field
) -> Ended:
    """The same now, with its account as it stands."""
    name = job.account_id.removeprefix("acc_")
    of = find_account(store, name)
    return Ended(account=of, end=end(job, status, at_us=now_us(store), **more), write=write)


def fill_accounts(store: Store, number: int, *, first_due_us: int, step_us: int) -> None:
    """Put so many accounts on record by one statement, each due a step after the one before, read just now."""
    now = store.clock.now()
    text_now = now if not store.is_sqlite else now.strftime("%Y-%m-%d %H:%M:%S.%f")
    name = "printf('%07d', n)" if store.is_sqlite else "lpad(CAST(n AS text), 7, '0')"
    with store.write() as connection:
        connection.execute(
            text(_FILL.format(name=name, source=SOURCE)),
            {"number": number, "now": text_now, "first": first_due_us, "step": step_us},
        )


_FILL = """WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :number)
    INSERT INTO accounts (id, user_id, source, external_id, state, settings, weight, created_at, last_active_at,
        last_success_at, next_due_us, changes, exposure_days, failures, version)
    SELECT 'acc_' || {name}, 'u_' || {name}, '{source}', {name}, 'active', '{{}}', 1, :now, :now, :now,
        CAST(:first AS bigint) + n * CAST(:step AS bigint), 0, 0, 0, 1 FROM numbers"""
