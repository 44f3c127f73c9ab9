"""Holds: pauses of a source with a reason and an expiry; they nest."""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from syncline.errors import SynclineError
from syncline.jobs import account_controls
from syncline.model.tables import Hold
from syncline.model.target import Target
from syncline.status.source_json import HoldJson, Instant
from syncline.store import audit, holds
from web.api.errors import documented
from web.api.guard import TOKEN, Actor, GuardedRoute
from web.api.numbers import Seconds
from web.context import Context, Here

__all__ = ["router"]

router = APIRouter(
    prefix="/api/holds",
    tags=["holds"],
    route_class=GuardedRoute,
    dependencies=[TOKEN],
    responses=documented(401, 503),
)

_log = logging.getLogger(__name__)
_DEFAULT_TTL_SECONDS = 300

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class HoldBody(BaseModel):
    """What to pause, why, and for how long."""

    model_config = ConfigDict(extra="forbid")

    source: Text = Field(description="a source's name, or * for all of them")
    account_id: Text | None = Field(default=None, description="only this account's syncs")
    reason: Text = Field(description="shown wherever the pause is")
    ttl_seconds: Seconds | None = Field(
        default=_DEFAULT_TTL_SECONDS, description="when the hold ends by itself; null: never, it must be released"
    )

    @property
    def target(self) -> Target:
        """What is to be paused."""
        return Target(self.source, self.account_id or "")


class HoldList(BaseModel):
    """The holds in force, the oldest first."""

    holds: list[HoldJson]


class Released(HoldJson):
    """A hold that has ended."""

    released: bool = True
    released_at: Instant


@router.get("")
def list_holds(here: Here) -> HoldList:
    """The holds in force."""
    with here.store.read() as connection:
        found = holds.active_all(connection, now=here.store.clock.now())
    return HoldList(holds=[HoldJson.model_validate(hold) for hold in found])


@router.post("", status_code=201, responses=documented(404, 422))
def create_hold(body: HoldBody, here: Here, actor: Actor) -> HoldJson:
    """Pause a source: a running sync stops before its next request, and goes on there when the hold ends."""
    if body.source != holds.EVERY_SOURCE:
        body = body.model_copy(update={"source": here.require(body.source)})
    now = here.store.clock.now()
    with here.store.write() as connection:
        why = body.model_dump(include={"reason", "ttl_seconds"})
        hold = holds.create(connection, body.target, **why, created_by=actor, now=now)
        account_controls.held(connection, body.target, body.reason, now=now)
        detail = body.model_dump(exclude={"source"}) | {"id": hold.id}
        audit.record(connection, actor=actor, action="hold.create", target=hold.source, now=now, detail=detail)
    return HoldJson.model_validate(hold)


@router.delete("/{hold_id}", responses=documented(404, 409))
async def release_hold(hold_id: str, here: Here, actor: Actor) -> Released:
    """End a hold; if no other one is in force, what it had deferred goes on."""
    hold, free = await asyncio.to_thread(_release, here, hold_id, actor)
    for source in free:
        try:
            await here.controls.resume_deferred(here.settings, here.store, source)
        except SynclineError as error:
            _log.warning("%s was released, but %s goes on at its next run only: %s", hold.id, source, error)
    return Released.model_validate(hold)


def _release(here: Context, hold_id: str, actor: str) -> tuple[Hold, list[str]]:
    """End the hold; returns it with the sources that are free to run now."""
    now = here.store.clock.now()
    with here.store.write() as connection:
        released = holds.release(connection, hold_id, now=now)
        if released is None:
            raise _gone(hold_id, holds.find(connection, hold_id))
        account_controls.released(connection, Target(released.source, released.account_id), now=now)
        detail = {"id": released.id, "reason": released.reason, "account_id": released.account_id or None}
        audit.record(connection, actor=actor, action="hold.release", target=released.source, now=now, detail=detail)
        held = here.names if released.source == holds.EVERY_SOURCE else (released.source,)
        free = [name for name in held if holds.active(connection, Target(name), now=now) is None]
    return released, [] if released.account_id else free


def _gone(hold_id: str, hold: Hold | None) -> HTTPException:
    if hold is None:
        return HTTPException(404, f"there is no hold {hold_id}; GET /api/holds lists those in force")
    ended = hold.released_at or hold.expires_at
    how = "was released" if hold.released_at is not None else "expired"
    return HTTPException(409, f"the hold {hold_id} {how} at {ended:%Y-%m-%d %H:%M:%S} UTC" if ended else hold_id)
