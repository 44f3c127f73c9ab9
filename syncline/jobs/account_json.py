"""An account as JSON, the same from the command and from the API; notification URLs are masked."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from syncline.clock import from_microseconds
from syncline.jobs import account_settings
from syncline.jobs.account_report import AccountReport, explanation
from syncline.model.account import Account, AccountState
from syncline.model.job import Job, JobReason, JobStatus
from syncline.model.policies import Mode, Priority
from syncline.model.session import Status
from syncline.status.source_json import HoldJson, Instant, Mask

__all__ = ["AccountDetailJson", "AccountExplanationJson", "AccountJson", "OpenJobJson", "account_json", "detail_json"]


class AccountJson(BaseModel):
    """An account; instants are ISO 8601 in UTC."""

    model_config = ConfigDict(frozen=True)

    id: str
    user_id: str
    source: str
    external_id: str = Field(description="what the provider calls it: a wallet's address, a calendar login")
    state: AccountState
    state_reason: str | None
    settings: dict[str, Any] = Field(description="what is set; notification URLs are shown by their scheme alone")
    version: int = Field(description="rises with each change of the settings")
    weight: float
    created_at: Instant
    last_active_at: Instant | None = Field(description="when its user was last seen")
    last_synced_at: Instant | None = Field(description="when its last job ended, however it ended")
    last_success_at: Instant | None = Field(description="when all that it has was last read")
    next_due_at: Instant | None = Field(description="null: not by itself, as it stands")
    failures: int = Field(description="jobs that were given up since one ended well")


class OpenJobJson(BaseModel):
    """A job of an account."""

    model_config = ConfigDict(frozen=True)

    id: int
    status: JobStatus
    priority: Priority
    reason: JobReason
    type: Mode
    scheduled_at: Instant
    retry_count: int
    max_retries: int
    error: str | None


class AccountDetailJson(AccountJson):
    """An account with what goes on with it."""

    holds: list[HoldJson] = Field(description="what stops it, its source's holds included, the oldest first")
    job: OpenJobJson | None = Field(description="its job that waits or is under way")
    dead_letter: OpenJobJson | None = Field(description="its job that was given up")
    sessions: dict[Status, int] = Field(description="how many of its sessions on record had which outcome")


class AccountExplanationJson(BaseModel):
    """Why an account is synced or not, and when next."""

    model_config = ConfigDict(frozen=True)

    id: str
    state: AccountState
    next_due_at: Instant | None
    interval_seconds: float = Field(description="between two syncs, now")
    market_is_open: bool
    holds: list[HoldJson]
    job: OpenJobJson | None
    explanation: list[str]

    @classmethod
    def of(cls, report: AccountReport, mask: Mask) -> AccountExplanationJson:
        """The explanation of this report."""
        return cls(
            id=report.account.id,
            state=report.state,
            next_due_at=report.next_due,
            interval_seconds=report.rhythm.interval_seconds(report.at),
            market_is_open=report.rhythm.market.is_open(report.at),
            holds=_holds(report, mask),
            job=_job(report.job, mask),
            explanation=[mask(sentence) for sentence in explanation(report)],
        )


def account_json(account: Account, mask: Mask) -> AccountJson:
    """The account; `mask` takes secrets out of the reason of its state."""
    return AccountJson.model_validate(_fields(account, mask))


def detail_json(report: AccountReport, mask: Mask) -> AccountDetailJson:
    """The account with its holds, jobs and sessions."""
    fields = _fields(report.account, mask) | {"state": report.state, "next_due_at": report.next_due}
    if report.state is AccountState.ACTIVE:
        fields["state_reason"] = None
    fields |= {"holds": _holds(report, mask), "sessions": dict(report.sessions)}
    fields |= {"job": _job(report.job, mask), "dead_letter": _job(report.dead, mask)}
    return AccountDetailJson.model_validate(fields)


def _fields(account: Account, mask: Mask) -> dict[str, Any]:
    is_due = account.state is AccountState.ACTIVE and account.next_due_us is not None
    kept = account.model_dump(include=set(AccountJson.model_fields))
    return kept | {
        "state_reason": None if account.state_reason is None else mask(account.state_reason),
        "settings": account_settings.shown(account.settings),
        "next_due_at": from_microseconds(account.next_due_us) if is_due and account.next_due_us is not None else None,
    }


def _holds(report: AccountReport, mask: Mask) -> list[HoldJson]:
    return [HoldJson.model_validate(hold, context=mask) for hold in report.holds]


def _job(job: Job | None, mask: Mask) -> OpenJobJson | None:
    if job is None or job.id is None:
        return None
    said = ": ".join(part for part in (job.error_type, job.error_message) if part)
    return OpenJobJson(
        id=job.id,
        status=job.status,
        priority=job.priority,
        reason=job.reason,
        type=job.type,
        scheduled_at=from_microseconds(job.scheduled_us),
        retry_count=job.retry_count,
        max_retries=job.max_retries,
        error=mask(said) if said else None,
    )
