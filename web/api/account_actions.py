"""What is done with an account: a sync by hand, a sign of activity, a pause and its end."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from syncline.jobs import account_controls, registration
from syncline.jobs.account_controls import Pause
from syncline.jobs.account_json import AccountJson, account_json
from syncline.jobs.registration import SyncRequest
from syncline.model.policies import Mode, Priority
from syncline.status.source_json import HoldJson
from web.api.account_access import Theirs, is_operator, limited
from web.api.accounts import Text
from web.api.errors import documented
from web.api.guard import USER_TOKEN, Actor, Calling, UserRoute
from web.api.numbers import Seconds
from web.context import Here
from web.redaction import redactor

__all__ = ["router"]

router = APIRouter(
    prefix="/api/accounts/{account_id}",
    tags=["accounts"],
    route_class=UserRoute,
    dependencies=[USER_TOKEN],
    responses=documented(401, 404, 422, 503),
)


class SyncBody(BaseModel):
    """What is to be synced."""

    model_config = ConfigDict(extra="forbid")

    type: Mode = Mode.INCREMENTAL
    calendar_ids: Annotated[list[Text], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="what of the account; left out: all of it"
    )


class QueuedJson(BaseModel):
    """The sync is queued."""

    job_id: int
    priority: Priority = Priority.HIGH


class PauseBody(BaseModel):
    """Why to pause, and for how long."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = Field(default="paused by its user", description="shown wherever the pause is")
    ttl_seconds: Seconds | None = Field(default=None, description="when the pause ends by itself; null: when resumed")


class ResumedJson(AccountJson):
    """An account after a resumption."""

    released: int = Field(description="how many holds ended")
    holds: list[HoldJson] = Field(description="what stops it still")


@router.post(
    "/sync",
    status_code=202,
    responses=documented(409, 429),
    dependencies=[limited("sync", lambda settings: settings.calls_per_minute)],
)
def sync(account: Theirs, here: Here, body: SyncBody | None = None) -> QueuedJson:
    """Sync an account before those of others; its user counts as active."""
    asked = body or SyncBody()
    parts = None if asked.calendar_ids is None else tuple(dict.fromkeys(asked.calendar_ids))
    kind = registration.kind_of(here.source(account.source))
    if parts is not None and not kind.has_parts:
        raise HTTPException(422, f"calendar_ids: a {kind.noun} has no calendars; leave them out")
    return QueuedJson(
        job_id=registration.request_sync(here.store, account.id, SyncRequest(type=asked.type, calendar_ids=parts))
    )


@router.post(
    "/touch",
    responses=documented(429),
    dependencies=[limited("touch", lambda settings: settings.touches_per_minute)],
)
def touch(account: Theirs, here: Here) -> AccountJson:
    """Say that the account's user is active: what somebody looks at is kept fresh."""
    return account_json(account_controls.touch(here.store, account.id), redactor(here.settings))


@router.post("/pause", status_code=201)
def pause(account: Theirs, here: Here, actor: Actor, body: PauseBody | None = None) -> HoldJson:
    """Pause an account; a user's pause and an operator's are two, and a second one takes the place of one's first."""
    wanted = body or PauseBody()
    hold = account_controls.pause(
        here.store, account.id, Pause(by=actor, reason=wanted.reason, ttl_seconds=wanted.ttl_seconds)
    )
    return HoldJson.model_validate(hold)


@router.post("/resume", responses=documented(403))
def resume(
    account: Theirs,
    here: Here,
    caller: Calling,
    *,
    everyone: Annotated[bool, Query(description="of an operator: end the user's own pause too")] = False,
) -> ResumedJson:
    """End one's own pause, and say that what needed attention is mended; an operator ends those of operators."""
    operator = is_operator(caller)
    if everyone and not operator:
        raise HTTPException(403, "everyone: only an operator may end the pauses of others; leave it out")
    done = account_controls.resume(here.store, account.id, by=caller.subject, is_operator=operator, everyone=everyone)
    mask = redactor(here.settings)
    left = [HoldJson.model_validate(hold, context=mask) for hold in done.left]
    return ResumedJson(**account_json(done.account, mask).model_dump(), released=done.ended, holds=left)
