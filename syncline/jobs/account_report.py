"""What is told of one account, by each face: how it stands, its job, its last sessions, and when it is due and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select
from sqlmodel import col

from syncline.clock import from_microseconds, microseconds
from syncline.jobs.due import Freshness, Rhythm, is_stale, rhythm_of
from syncline.kernel_settings import KernelSettings
from syncline.model.account import Account, AccountState
from syncline.model.account_kind import AccountKind
from syncline.model.job import Job, JobStatus
from syncline.model.session import Status, SyncSession
from syncline.model.tables import Hold
from syncline.status.history import history
from syncline.store import drains, holds, job_counts, job_pages, jobs
from syncline.store.job_pages import WantedJobs
from syncline.words import ago, interval, iso_instant, span, until

__all__ = ["AccountReport", "explanation", "read_report"]


@dataclass(frozen=True, kw_only=True)
class AccountReport:
    """One account as it stands.

    Attributes:
        account: its row.
        at: when this was read.
        holds: the holds that stop it, its source's included, the oldest first.
        job: its job that waits or is under way.
        dead: its job that was given up.
        last: its newest session.
        sessions: how many sessions of each outcome are on record.
        rhythm: how often it is synced.
        active_seconds: so long after its user was last seen it is no longer synced by itself.
        missing: the setting without which none of its source's accounts can be synced; None: nothing is missing.
        disabled_by: the setting by which they are not synced by themselves; None: they are.
        ahead: how many jobs of its lane are due before its own, which is due and waits; None: it has none that does.
        is_drained: whether a drain lives that does jobs.
    """

    account: Account
    at: datetime
    holds: tuple[Hold, ...]
    job: Job | None
    dead: Job | None
    last: SyncSession | None
    sessions: Mapping[Status, int]
    rhythm: Rhythm
    active_seconds: float
    missing: str | None = None
    disabled_by: str | None = None
    ahead: int | None = None
    is_drained: bool = True

    @property
    def state(self) -> AccountState:
        """Its state; a pause that expired is over, also before a sweep has written so."""
        stored = self.account.state
        own = any(hold.account_id for hold in self.holds)
        return AccountState.ACTIVE if stored is AccountState.PAUSED and not own else stored

    @property
    def next_due(self) -> datetime | None:
        """When it is due by itself; None: never, or not as it stands."""
        due = self.account.next_due_us
        return from_microseconds(due) if due is not None and self.state is AccountState.ACTIVE else None


def read_report(
    connection: Connection, account: Account, *, now: datetime, kind: AccountKind, settings: KernelSettings
) -> AccountReport:
    """The account as it stands at `now`; its kind says how fresh such accounts are kept by these settings."""
    policy: Freshness = Freshness() if kind.freshness is None else kind.freshness(settings)
    dead = WantedJobs(account_id=account.id, status=JobStatus.FAILED)
    failed = job_pages.page(connection, dead, limit=1).jobs
    newest = history(connection, account.source, account_id=account.id, limit=1)
    counted = select(col(SyncSession.status), func.count()).where(*account.target.among(SyncSession))
    job = jobs.open_job(connection, account.id)
    waits = job is not None and job.status is JobStatus.QUEUED and job.scheduled_us <= microseconds(now)
    return AccountReport(
        account=account,
        at=now,
        holds=tuple(holds.in_force(connection, account.target, now=now)),
        job=job,
        dead=failed[0] if failed else None,
        last=newest[0] if newest else None,
        sessions={row[0]: row[1] for row in connection.execute(counted.group_by(col(SyncSession.status)))},
        rhythm=rhythm_of(policy, account.settings),
        active_seconds=policy.active_seconds,
        missing=kind.missing(settings),
        disabled_by=kind.disabled_by(settings),
        ahead=job_counts.ahead(connection, job.source, job.priority, job.scheduled_us) if waits and job else None,
        is_drained=bool(drains.live(connection, now_us=microseconds(now))),
    )


def explanation(report: AccountReport) -> Iterator[str]:
    """Why the account is synced or not, and when next and why then, in sentences."""
    account = report.account
    reason = f": {account.state_reason}" if account.state_reason and report.state is account.state else ""
    yield f"{account.id} ({account.external_id}) of {account.source} is {report.state.value}{reason}."
    yield from (f"A hold of {_held(hold)}." for hold in report.holds)
    if report.missing is not None:
        yield f"No account of {account.source} can be synced: {report.missing} is not set."
    if report.disabled_by is not None:
        yield f"Accounts of {account.source} are not synced by themselves: {report.disabled_by}."
    yield from _work(report)
    if report.last is None:
        yield "No session of it is on record: none changed anything, or none has run yet."
    else:
        last, why = report.last, report.last.reason or report.last.error_message
        told = f": {why.rstrip('.')}" if why else ""
        yield f"Its last session on record began {ago(last.started_at, report.at)} and is {last.status.value}{told}."
    yield from _freshness(report)
    yield from _due(report)


def _held(hold: Hold) -> str:
    what = "the account" if hold.account_id else "all sources" if hold.source == holds.EVERY_SOURCE else "the source"
    end = "until it is resumed" if hold.expires_at is None else f"until {iso_instant(hold.expires_at)}"
    return f"{hold.created_by} stops {what} {end}: {hold.reason.rstrip('.')}"


def _work(report: AccountReport) -> Iterator[str]:
    job, dead = report.job, report.dead
    if job is not None and job.status is JobStatus.PROCESSING:
        yield f"Its job {job.id} ({job.priority.value}) is under way."
    elif job is not None:
        again = f", after {job.retry_count} of {job.max_retries} retries" if job.retry_count else ""
        due = until(from_microseconds(job.scheduled_us), report.at)
        why = f"its reason is {job.reason.value}"
        behind = "" if not report.ahead else f", behind {report.ahead} job{'s' * (report.ahead != 1)}"
        yield f"Its job {job.id} waits in the lane {job.priority.value}{behind}, {due}{again}; {why}."
        if not report.is_drained:
            yield "Nobody drains: start `syncline up`, or a worker that runs drain_jobs."
    if dead is not None:
        error = dead.error_message or dead.error_type or "it does not say why"
        yield f"Its job {dead.id} was given up: {error.rstrip('.')}; `syncline jobs retry {dead.id}` queues it again."


def _freshness(report: AccountReport) -> Iterator[str]:
    account, rhythm = report.account, report.rhythm
    if account.last_success_at is None:
        yield "It was never read as a whole, so it counts as stale."
    else:
        stale = is_stale(rhythm, account.last_success_at, report.at)
        read, threshold = ago(account.last_success_at, report.at), interval(rhythm.stale_seconds)
        goes = ", so it goes before others" if stale else ""
        yield f"It was last read {read}; it counts as stale after {threshold}{goes}."
    if account.failures:
        yield f"{account.failures} of its jobs in a row were given up, which makes the interval longer."


def _due(report: AccountReport) -> Iterator[str]:
    rhythm, due = report.rhythm, report.next_due
    is_open = rhythm.market.is_open(report.at)
    hours = f"market hours ({rhythm.market.opens:%H:%M} to {rhythm.market.closes:%H:%M} {rhythm.market.timezone})"
    every = f"{interval(rhythm.market_seconds)} in {hours} and {interval(rhythm.off_seconds)} outside them"
    yield f"It is synced every {every}; now they are {'open' if is_open else 'closed'}."
    seen = report.account.last_active_at
    if seen is None or report.at - seen > timedelta(seconds=report.active_seconds):
        yield (
            f"Its user was last seen {ago(seen, report.at)}, and what nobody uses for {span(report.active_seconds)} is "
            "not synced by itself; activity or a sync by hand changes that."
        )
    if due is not None:
        when = "now" if due <= report.at else f"next {until(due, report.at)}"
        yield f"It is due by itself {when} ({iso_instant(due)})."
    elif report.state is AccountState.ATTENTION:
        yield "It is not due by itself until what needs attention is mended, and it is resumed."
    elif report.state is AccountState.PAUSED:
        yield "It is not due by itself while it is paused."
