"""Whether this instance is well: for load balancers and the curious, without a token."""

import asyncio
from typing import Literal

import httpx
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deployments.trust import trusted
from syncline.errors import StoreError
from syncline.settings import Settings
from syncline.store.engine import Store
from web.context import Here

__all__ = ["router"]

router = APIRouter(tags=["health"])

_PATIENCE_SECONDS = 2.0


class Health(BaseModel):
    """How this instance is."""

    status: Literal["ok", "degraded"] = Field(description="ok: all parts answer")
    database: Literal["ok", "unavailable"]
    prefect: Literal["ok", "unavailable"] = Field(description="Prefect's server: without it nothing is scheduled")
    uptime_seconds: int = Field(description="since the web app was started")


@router.get("/health", responses={503: {"model": Health, "description": "the database does not answer"}})
async def read_health(here: Here, response: Response) -> Health:
    """Whether database and Prefect answer; 503 where the database does not."""
    database, prefect = await asyncio.gather(_database_answers(here.store), _prefect_answers(here.settings))
    response.status_code = 200 if database else 503
    response.headers["Cache-Control"] = "no-store"
    return Health(
        status="ok" if database and prefect else "degraded",
        database="ok" if database else "unavailable",
        prefect="ok" if prefect else "unavailable",
        uptime_seconds=max(round((here.store.clock.now() - here.began_at).total_seconds()), 0),
    )


async def _database_answers(store: Store) -> bool:
    def ask() -> None:
        with store.read() as connection:
            connection.execute(text("SELECT 1 FROM sync_sessions LIMIT 1"))

    try:
        await asyncio.to_thread(ask)
    except (StoreError, SQLAlchemyError):
        return False
    return True


async def _prefect_answers(settings: Settings) -> bool:
    try:
        trust = trusted(settings.prefect_api)
        async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False, verify=trust) as client:
            return (await client.get(f"{settings.prefect_api}/health")).is_success
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False
