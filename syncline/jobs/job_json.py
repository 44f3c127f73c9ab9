"""A job as JSON, the same from the command and from the API; one that is gone is told from its newest session."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from syncline.clock import from_microseconds
from syncline.model.job import Job, JobReason
from syncline.model.policies import Mode, Priority
from syncline.model.session import Status, SyncSession, Trigger
from syncline.status.source_json import Instant, Mask

__all__ = ["JobDetailJson", "JobJson", "JobState", "finished_json", "job_json", "state_of"]


class JobState(StrEnum):
    """Where a job stands, in the four words that callers know."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    """It is gone, and stored what there was, wholly or in part."""
    FAILED = "failed"
    """It is a dead letter; or it is gone, and its end is `outcome`."""


class JobJson(BaseModel):
    """A job; instants are ISO 8601 in UTC."""

    model_config = ConfigDict(frozen=True)

    id: int
    account_id: str
    user_id: str | None = Field(description="null where the account is gone")
    source: str
    status: JobState
    dead_letter: bool = Field(description="it was given up, and waits to be retried or dropped")
    outcome: Status | None = Field(description="of a job that is gone: what its last session came to")
    type: Mode
    calendar_ids: list[str] | None = Field(description="what of the account; null: all of it")
    priority: Priority | None = Field(description="null where the job is gone, as are the next one and `max_retries`")
    reason: JobReason | None
    trigger: Trigger | None = Field(description="of a job that is gone: what started it")
    created_at: Instant | None
    scheduled_at: Instant | None = Field(description="when it is, or was, due")
    started_at: Instant | None = Field(description="of a job that is gone, as is the next one")
    completed_at: Instant | None
    retry_count: int
    max_retries: int | None
    error: str | None
    session_id: str | None = Field(description="the last session that it left")


class JobDetailJson(JobJson):
    """A job with why it is where it is."""

    waits_for: list[str] = Field(description="sentences, what decides first; empty where it is gone")


def state_of(session: SyncSession) -> JobState:
    """Where a job stands that is gone and left this session last."""
    return JobState.COMPLETED if session.status in {Status.COMPLETED, Status.PARTIAL} else JobState.FAILED


def job_json(job: Job, mask: Mask, waits_for: Sequence[str] | None = None) -> JobJson:
    """The job, with `waits_for` in full; `mask` takes secrets out of texts."""
    assert job.id is not None
    kept = ("id", "account_id", "user_id", "source", "type", "calendar_ids", "priority", "reason")
    fields: dict[str, Any] = {name: getattr(job, name) for name in (*kept, "retry_count", "max_retries", "session_id")}
    fields |= {
        "status": JobState(job.status.value),
        "dead_letter": job.status.value == JobState.FAILED,
        "outcome": None,
        "trigger": None,
        "created_at": from_microseconds(job.created_us),
        "scheduled_at": from_microseconds(job.scheduled_us),
        "started_at": None,
        "completed_at": None,
        "error": _error(job, mask),
    }
    if waits_for is None:
        return JobJson.model_validate(fields)
    return JobDetailJson.model_validate(fields | {"waits_for": [mask(one) for one in waits_for]})


def finished_json(session: SyncSession, mask: Mask, *, user_id: str | None) -> JobDetailJson:
    """The job that is gone and left this session last."""
    assert session.job_id is not None
    return JobDetailJson(
        id=session.job_id,
        account_id=session.account_id,
        user_id=user_id,
        source=session.source,
        status=state_of(session),
        dead_letter=False,
        outcome=session.status,
        type=session.mode,
        calendar_ids=None,
        priority=None,
        reason=None,
        trigger=session.trigger,
        created_at=None,
        scheduled_at=session.scheduled_for,
        started_at=session.started_at,
        completed_at=session.completed_at,
        retry_count=session.retry_count,
        max_retries=None,
        error=_error(session, mask) or (mask(session.reason) if session.reason else None),
        session_id=session.id,
        waits_for=[],
    )


def _error(one: Job | SyncSession, mask: Mask) -> str | None:
    said = ": ".join(part for part in (one.error_type, one.error_message) if part)
    return mask(said) if said else None
