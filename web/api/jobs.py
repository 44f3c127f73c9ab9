"""`/api/jobs`: the queue and the dead letters; a user sees and changes only their own, an operator all."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from syncline.errors import UnknownJobError
from syncline.jobs import dead_letters
from syncline.jobs.explain import why_waiting
from syncline.jobs.job_json import JobDetailJson, JobJson, finished_json, job_json
from syncline.model.job import Job, JobStatus
from syncline.model.policies import Priority
from syncline.model.session import SyncSession
from syncline.model.source import named
from syncline.store import accounts, job_sessions, jobs
from syncline.store.job_pages import WantedJobs, page
from web.api.account_access import Limit, Word, is_operator, of_user
from web.api.errors import documented
from web.api.guard import USER_TOKEN, Actor, Calling, UserRoute
from web.context import Context, Here
from web.redaction import redactor
from web.tokens import Caller

__all__ = ["router"]

router = APIRouter(
    prefix="/api/jobs",
    tags=["jobs"],
    route_class=UserRoute,
    dependencies=[USER_TOKEN],
    responses=documented(401, 422, 503),
)

_LARGEST = 2**63 - 1
JobId = Annotated[int, Path(ge=1, le=_LARGEST, description="its number")]


class JobList(BaseModel):
    """Jobs that are open or dead letters, the oldest first."""

    jobs: list[JobJson]
    next_cursor: str | None = Field(description="asks for the page after this one; null on the last")


class RetriedJson(BaseModel):
    """The dead letter is queued again."""

    success: Literal[True] = True
    job_id: int = Field(description="that of the account's open job, where it has become a part of that one")
    priority: Priority = Priority.HIGH


class DroppedJson(BaseModel):
    """The dead letter is gone."""

    success: Literal[True] = True
    id: int


@router.get("", responses=documented(403))
def list_jobs(
    here: Here,
    caller: Calling,
    *,
    status: Annotated[JobStatus | None, Query(description="failed: the dead letters")] = None,
    source: Word = None,
    user_id: Word = None,
    limit: Limit = 50,
    cursor: Annotated[int, Query(ge=0, le=_LARGEST, description="the `next_cursor` of the page before")] = 0,
) -> JobList:
    """The caller's jobs; an operator's are all, or those of one user."""
    wanted = WantedJobs(status=status, source=source, user_id=of_user(caller, user_id))
    with here.store.read() as connection:
        found = page(connection, wanted, limit=limit, after=cursor)
    mask = redactor(here.settings)
    following = None if found.next_after is None else str(found.next_after)
    return JobList(jobs=[job_json(job, mask) for job in found.jobs], next_cursor=following)


@router.get("/{job_id}", responses=documented(404))
def show(job_id: JobId, here: Here, caller: Calling) -> JobDetailJson:
    """A job, and why it waits; one that is gone is told from the last session that it left."""
    mask = redactor(here.settings)
    with here.store.read() as connection:
        job, left, user_id = _theirs(connection, job_id, caller)
        if left is not None:
            return finished_json(left, mask, user_id=user_id)
        told = list(why_waiting(here.store, connection, job, named(here.sources, job.source))) if job else []
    if job is None:
        raise UnknownJobError(job_id)
    return JobDetailJson.model_validate(job_json(job, mask, told).model_dump())


@router.post("/{job_id}/retry", responses=documented(404, 409))
def retry(job_id: JobId, here: Here, caller: Calling, actor: Actor) -> RetriedJson:
    """Queue a dead letter again, before those of others."""
    _require_theirs(here, job_id, caller)
    return RetriedJson(job_id=dead_letters.retry(here.store, job_id, actor=actor))


@router.delete("/{job_id}", responses=documented(404, 409))
def drop(job_id: JobId, here: Here, caller: Calling, actor: Actor) -> DroppedJson:
    """Drop a dead letter; its account is synced again when it is due."""
    _require_theirs(here, job_id, caller)
    dead_letters.drop(here.store, job_id, actor=actor)
    return DroppedJson(id=job_id)


def _require_theirs(here: Context, job_id: int, caller: Caller) -> None:
    with here.store.read() as connection:
        _theirs(connection, job_id, caller)


def _theirs(connection: Connection, job_id: int, caller: Caller) -> tuple[Job | None, SyncSession | None, str | None]:
    """The job, or the last session of one that is gone, and whose it is.

    Raises:
        UnknownJobError: there is none, or it is another user's: both answers are alike.
    """
    job = jobs.find(connection, job_id)
    left = job_sessions.newest(connection, job_id) if job is None else None
    if job is not None:
        user_id = job.user_id
    else:
        account = None if left is None else accounts.find(connection, left.account_id)
        user_id = None if account is None else account.user_id
    if (job is None and left is None) or not (is_operator(caller) or user_id == caller.subject):
        raise UnknownJobError(job_id)
    return job, left, user_id
