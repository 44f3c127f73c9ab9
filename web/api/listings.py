"""Listings: the live ones, without a token, for frontends; the pending ones, for operators who decide on them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from syncline.listings import stored
from syncline.listings.decisions import Decision, Outcome, decide
from syncline.listings.stored import StoredListing, Wanted
from syncline.model.items import ItemStatus
from syncline.status.source_json import Instant
from web.api.cursors import PLAIN, read, written
from web.api.errors import documented
from web.api.guard import TOKEN, Actor, GuardedRoute
from web.context import Context, Here, KnownSource

__all__ = ["public", "router"]

public = APIRouter(prefix="/api/listings", tags=["listings"], responses=documented(503))
router = APIRouter(
    prefix="/api/listings",
    tags=["listings"],
    route_class=GuardedRoute,
    dependencies=[TOKEN],
    responses=documented(401, 404, 422, 503),
)

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Cursor = Annotated[str | None, Query(description="the `next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
Word = Annotated[str | None, Query(max_length=500, pattern=PLAIN)]
ExternalId = Annotated[str, Path(max_length=500, pattern=PLAIN)]


class ListingJson(BaseModel):
    """A listing as a site shows it."""

    model_config = ConfigDict(from_attributes=True)

    source: str = Field(description="the feed that it is from")
    external_id: str = Field(description="what the feed calls it")
    title: str
    project: str | None
    chain: str | None
    kind: str | None
    url: str | None
    description: str | None
    reward: str | None
    tvl_usd: float | None
    apy: float | None = Field(description="percent a year")
    starts_at: Instant | None
    ends_at: Instant | None
    updated_at: Instant | None


class ListingPage(BaseModel):
    """Live listings, by feed and id."""

    listings: list[ListingJson]
    next_cursor: str | None = Field(description="asks for the page after this one; null on the last")


class PendingJson(ListingJson):
    """A listing that waits for a decision."""

    attributes: dict[str, Any] | None = Field(description="whatever else its feed says of it")
    since: Instant = Field(description="when it came, or changed")
    version: str = Field(description="sent with a decision, this lets it fail where the listing has changed meanwhile")


class PendingPage(BaseModel):
    """What waits for a decision, by feed and id."""

    listings: list[PendingJson]
    total: int
    next_cursor: str | None


class ApproveBody(BaseModel):
    """What was looked at."""

    model_config = ConfigDict(extra="forbid")

    version: Version | None = Field(default=None, description="the `version` that was shown")


class RejectBody(ApproveBody):
    """Why it is not shown."""

    reason: Reason = Field(description="stands in the audit log")


class Decided(BaseModel):
    """What stands now."""

    source: str
    external_id: str
    status: ItemStatus
    changed: bool = Field(description="false: it was so already")


@public.get("", responses=documented(422))
def read_live(
    here: Here,
    *,
    source: Word = None,
    chain: Word = None,
    project: Word = None,
    kind: Word = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ListingPage:
    """The listings that are live; no token is needed. A source that is unknown has none."""
    wanted = Wanted(status=ItemStatus.LIVE, source=source, chain=chain, project=project, kind=kind)
    with here.store.read() as connection:
        found = stored.page(connection, wanted, limit=limit + 1, after=read(cursor))
    shown = [ListingJson.model_validate(one.listing) for one in found[:limit]]
    return ListingPage(listings=shown, next_cursor=_next_cursor(found, limit))


@router.get("/pending")
def read_pending(here: Here, *, source: Word = None, limit: Limit = 50, cursor: Cursor = None) -> PendingPage:
    """The listings that wait for a decision."""
    wanted = Wanted(status=ItemStatus.PENDING, source=_known(here, source))
    with here.store.read() as connection:
        found = stored.page(connection, wanted, limit=limit + 1, after=read(cursor))
        total = stored.count(connection, wanted)
    return PendingPage(
        listings=[_pending(one) for one in found[:limit]], total=total, next_cursor=_next_cursor(found, limit)
    )


@router.post("/{source}/{external_id:path}/approve", responses=documented(409))
def approve(
    source: KnownSource, external_id: ExternalId, here: Here, actor: Actor, body: ApproveBody | None = None
) -> Decided:
    """Show the listing from now on, until it changes. A slash in the id may be sent as it is, or as %2F."""
    return _decided(here, source, external_id, ItemStatus.LIVE, actor=actor, body=body or ApproveBody())


@router.post("/{source}/{external_id:path}/reject", responses=documented(409))
def reject(source: KnownSource, external_id: ExternalId, here: Here, actor: Actor, body: RejectBody) -> Decided:
    """Do not show the listing, until it changes and is approved."""
    return _decided(here, source, external_id, ItemStatus.REJECTED, actor=actor, body=body)


def _decided(
    here: Context, source: str, external_id: str, status: Literal[ItemStatus.LIVE, ItemStatus.REJECTED], *,
    actor: str, body: ApproveBody,
) -> Decided:  # fmt: skip
    decision = Decision(
        status=status,
        actor=actor,
        reason=body.reason if isinstance(body, RejectBody) else None,
        seen=None if body.version is None else bytes.fromhex(body.version),
    )
    with here.store.write() as connection:
        outcome = decide(connection, source, external_id, decision, now=here.store.clock.now())
    if outcome is Outcome.GONE:
        raise HTTPException(404, f"there is no listing {external_id!r} of {source}, or no longer")
    if outcome is Outcome.CHANGED:
        raise HTTPException(409, f"the listing {external_id!r} of {source} has changed since it was shown: look again")
    return Decided(source=source, external_id=external_id, status=status, changed=outcome is Outcome.DECIDED)


def _known(here: Context, source: str | None) -> str | None:
    return None if source is None else here.require(source)


def _pending(one: StoredListing) -> PendingJson:
    known = ListingJson.model_validate(one.listing).model_dump()
    return PendingJson(**known, attributes=one.listing.attributes, since=one.synced_at, version=one.version.hex())


def _next_cursor(found: Sequence[StoredListing], limit: int) -> str | None:
    """What asks for the page after the first `limit` of those found; one more was looked for."""
    return None if len(found) <= limit else written(found[limit - 1].listing)
