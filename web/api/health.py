"""Whether this instance is well: for load balancers and the curious, without a token."""

import asyncio
from dataclasses import dataclass
from typing import Literal

import httpx
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deployments.trust import trusted
from syncline.clock import microseconds
from syncline.errors import ConfigurationError, StoreError
from syncline.jobs.planner import NextSync, Planner, read_planner
from syncline.settings import Settings
from syncline.store import drains
from web.context import Context, Here

__all__ = ["router"]

router = APIRouter(tags=["health"])

_PATIENCE_SECONDS = 2.0


class SchedulerStatsJson(BaseModel):
    """How the planner of accounts stands, with the names that monitors know."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)

    enabled: bool = Field(description="whether accounts are synced by themselves: PERIODIC_SYNC_ENABLED")
    running: bool = Field(description="they are, and a drain works on them")
    total_users: int = Field(description="how many accounts there are")
    active_users: int = Field(description="how many of them somebody used lately")
    is_market_hours: bool
    next_scheduled_sync: NextSync = Field(description="paused: by a setting, `syncline stop`, a hold, or nobody drains")


class Health(BaseModel):
    """How this instance is."""

    model_config = ConfigDict(serialize_by_alias=True)

    status: Literal["ok", "degraded"] = Field(description="ok: all parts answer, and what is due is worked on")
    database: Literal["ok", "unavailable"]
    prefect: Literal["ok", "unavailable"] = Field(description="Prefect's server: without it nothing is scheduled")
    uptime_seconds: int = Field(description="since the web app was started")
    drains: Literal["ok", "missing"] = Field(description="missing: jobs of accounts are due, and nobody drains")
    scheduler_stats: SchedulerStatsJson | None = Field(
        serialization_alias="schedulerStats", description="null while it cannot be told"
    )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What the database tells.

    Attributes:
        answers: whether it does.
        unattended: whether jobs are due and nobody drains.
        planner: how the planner stands; None: that cannot be told.
    """

    answers: bool = False
    unattended: bool = False
    planner: Planner | None = None


@router.get("/health", responses={503: {"model": Health, "description": "the database does not answer"}})
async def read_health(here: Here, response: Response) -> Health:
    """Whether database and Prefect answer, and how accounts are planned; 503 where the database does not answer."""
    look, prefect = await asyncio.gather(asyncio.to_thread(_look, here), _prefect_answers(here.settings))
    response.status_code = 200 if look.answers else 503
    response.headers["Cache-Control"] = "no-store"
    return Health(
        status="ok" if look.answers and prefect and not look.unattended else "degraded",
        database="ok" if look.answers else "unavailable",
        prefect="ok" if prefect else "unavailable",
        uptime_seconds=max(round((here.store.clock.now() - here.began_at).total_seconds()), 0),
        drains="missing" if look.unattended else "ok",
        scheduler_stats=None if look.planner is None else _stats(look.planner),
    )


def _look(here: Context) -> _Look:
    try:
        with here.store.read() as connection:
            connection.execute(text("SELECT 1 FROM sync_sessions LIMIT 1"))
            now = here.store.now(connection)
            have_accounts = any(one.accounts and one.missing(here.settings) is None for one in here.sources)
            waited = drains.unattended_seconds(connection, now_us=microseconds(now)) if have_accounts else None
            try:
                planner = read_planner(connection, here.sources, here.settings, now=now)
            except ConfigurationError:  # of a setting, which `syncline doctor` names
                planner = None
    except (StoreError, SQLAlchemyError):
        return _Look()
    return _Look(answers=True, unattended=waited is not None, planner=planner)


def _stats(planner: Planner) -> SchedulerStatsJson:
    stats = planner.stats
    return SchedulerStatsJson(
        enabled=stats.enabled,
        running=stats.running,
        total_users=stats.total_users,
        active_users=stats.active_users,
        is_market_hours=stats.is_market_hours,
        next_scheduled_sync=planner.next_sync,
    )


async def _prefect_answers(settings: Settings) -> bool:
    try:
        trust = trusted(settings.prefect_api)
        async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False, verify=trust) as client:
            return (await client.get(f"{settings.prefect_api}/health")).is_success
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False
