"""Whether each service still lives, in the shape of the seed: `GET /health/cron`, without a token."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from syncline.resilience.breaker import BreakerState
from syncline.status.guards import BudgetUse, Guards
from syncline.status.overview import SourceOverview, State
from web.api.errors import documented
from web.context import Context, Here
from web.controls import Cadence
from web.sight import Sight, look

__all__ = ["router"]

router = APIRouter(tags=["health"])

_X = "x"
"""The upstream whose budgets stand in `x_api_status`."""
_REFUSING = frozenset({BreakerState.OPEN, BreakerState.FORCED_OPEN})


class Life(StrEnum):
    """How a service is."""

    HEALTHY = "HEALTHY"
    STALLED = "STALLED"
    """Its last run is longer ago than twice its interval, or that one's last beat where it takes so long; and nothing
    excuses it. An open breaker excuses it until its cool-down ends."""
    WAITING = "WAITING"
    """It waits for a budget, a rate limit or its turn, until a known time."""
    PAUSED = "PAUSED"
    """A hold is in force, or its breaker is open; one that is half-open lets it run."""
    STOPPED = "STOPPED"
    """Its schedule is switched off, or there is none."""
    NOT_SET_UP = "NOT_SET_UP"
    """Its upstream has no base URL."""
    NEW = "NEW"
    """It never ran."""


class ServiceHealth(BaseModel):
    """A service in one line."""

    service: str
    last_run: datetime | None
    age_seconds: int | None = Field(description="since the last run began")
    status: Life


class ServiceHealthDetail(ServiceHealth):
    """All that its heartbeat tells."""

    expected_interval_seconds: float | None = Field(description="null where a cron decides")
    last_beat: datetime | None = Field(description="when it last began, stored a page, or ended")
    last_duration_ms: int | None
    error_count: int = Field(description="failures since the last success")
    page: int = Field(description="pages stored by the running session, or the last one")
    waiting_for: str | None
    waiting_until: datetime | None


class Tokens(BaseModel):
    """What may be spent of a budget now."""

    tokens: float
    capacity: int


class CronHealth(BaseModel):
    """All services."""

    timestamp: datetime
    services: list[ServiceHealth]
    stalled_services: list[str]
    x_api_status: dict[str, Tokens] = Field(description="the budgets of the upstream x, where there is one")
    budgets: dict[str, Tokens] = Field(description="the budgets of all upstreams")


@router.get("/health/cron")
async def read_all(here: Here, response: Response) -> CronHealth:
    """How every service is."""
    response.headers["Cache-Control"] = "no-store"
    sight, cadences = await look(here), await here.controls.cadences(here.settings, here.store)
    services = [await _health_of(here, sight, one, cadences.get(one.name)) for one in sight.sources]
    uses = {use.name: use for guards in sight.guards.values() for use in guards.budgets}
    return CronHealth(
        timestamp=sight.at,
        services=[ServiceHealth.model_validate(one.model_dump()) for one in services],
        stalled_services=[one.service for one in services if one.status is Life.STALLED],
        x_api_status=_tokens([use for name, use in uses.items() if name.startswith(f"{_X}:")], short=True),
        budgets=_tokens(list(uses.values()), short=False),
    )


@router.get("/health/cron/{service}", responses=documented(404))
async def read_one(
    here: Here, response: Response, service: Annotated[str, Path(description="its name or alias")]
) -> ServiceHealthDetail:
    """How one service is, with its heartbeat."""
    response.headers["Cache-Control"] = "no-store"
    name = here.require(service)
    sight, cadences = await look(here), await here.controls.cadences(here.settings, here.store)
    one = next(source for source in sight.sources if source.name == name)
    return await _health_of(here, sight, one, cadences.get(name))


async def _health_of(here: Context, sight: Sight, one: SourceOverview, cadence: Cadence | None) -> ServiceHealthDetail:
    beat = one.heartbeat
    last_run = None if beat is None else beat.last_run
    return ServiceHealthDetail(
        service=here.shown_as(one.name),
        last_run=last_run,
        age_seconds=None if last_run is None else max(round((sight.at - last_run).total_seconds()), 0),
        status=await _life(here, sight, one, cadence),
        expected_interval_seconds=None if cadence is None else cadence.interval_seconds,
        last_beat=None if beat is None else beat.last_beat,
        last_duration_ms=None if beat is None else beat.last_duration_ms,
        error_count=0 if beat is None else beat.error_count,
        page=0 if beat is None else beat.page,
        waiting_for=None if beat is None else beat.waiting_for,
        waiting_until=None if beat is None else beat.waiting_until,
    )


async def _life(here: Context, sight: Sight, one: SourceOverview, cadence: Cadence | None) -> Life:
    """What is known to keep it from running comes before its silence."""
    schedule = (sight.schedules or {}).get(one.name)
    if here.settings.missing(one.upstream) is not None:
        return Life.NOT_SET_UP
    if one.state is State.PAUSED or sight.guards[one.name].breaker.state in _REFUSING:
        return Life.PAUSED
    if _waits(one, sight):
        return Life.WAITING
    if cadence is None or (schedule is not None and not schedule.active):
        return Life.STOPPED
    if one.heartbeat is None or one.heartbeat.last_run is None:
        return Life.NEW
    last_sign = _last_sign(one, cadence, one.heartbeat.last_run)
    stalled_at = await cadence.stalled_at(_silent_since(sight.guards[one.name], last_sign))
    return Life.STALLED if stalled_at is not None and sight.at > stalled_at else Life.HEALTHY


def _last_sign(one: SourceOverview, cadence: Cadence, last_run: datetime) -> datetime:
    """From when on its silence counts: since the last run began; of one that outlasts its interval, the last beat.

    So a freeze that takes hours lives as long as it tells of its batches, and leaves time for the run after it.
    """
    beat, interval = None if one.heartbeat is None else one.heartbeat.last_beat, cadence.interval_seconds
    if beat is None or beat <= last_run:
        return last_run
    lasts = one.progress is not None or interval is None or (beat - last_run).total_seconds() > interval
    return beat if lasts else last_run


def _silent_since(guarded: Guards, last_sign: datetime) -> datetime:
    """Its last sign; the end of the cool-down where its breaker has become half-open after that, as it may run again.

    Half-open comes by the clock alone, also for a service that is long dead.
    """
    breaker = guarded.breaker
    if breaker.state is not BreakerState.HALF_OPEN or breaker.opened_at is None:
        return last_sign
    return max(last_sign, breaker.opened_at + timedelta(seconds=guarded.policy.reset_after_seconds))


def _waits(one: SourceOverview, sight: Sight) -> bool:
    """Whether it waits until a known time: a running session by its heartbeat, one that was put off by its record."""
    running = one.heartbeat.waiting_until if one.progress is not None and one.heartbeat is not None else None
    put_off = one.last_run.retry_at if one.state is State.DEFERRED and one.last_run is not None else None
    return any(until is not None and until > sight.at for until in (running, put_off))


def _tokens(uses: Sequence[BudgetUse], *, short: bool) -> dict[str, Tokens]:
    return {
        (use.name.partition(":")[2] if short else use.name): Tokens(tokens=use.tokens, capacity=use.capacity)
        for use in uses
    }
