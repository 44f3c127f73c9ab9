"""The page at `/`: what each source does, and how the last sessions ended. It needs no script and no other server."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from syncline.contests.overview import RoundOverview, newest
from syncline.model.session import SyncSession
from syncline.settings import Settings
from syncline.status.history import history
from syncline.status.protection import breaker_words, budget_words
from syncline.words import ago, counted, lasted, until
from web.context import Context, Here
from web.redaction import redacted, without_userinfo
from web.snapshot import take

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SESSIONS = 20
_ROUNDS = 5
_REFRESH_SECONDS = 5
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/", response_class=HTMLResponse)
async def show(here: Here) -> HTMLResponse:
    """The page, as things are now."""
    report, (sessions, rounds) = await asyncio.gather(take(here), asyncio.to_thread(_newest, here))
    html = _template().render(
        report=report,
        sessions=sessions,
        rounds=rounds,
        now=report.at,
        refresh_seconds=_REFRESH_SECONDS,
        prefect=_prefect_ui(here.settings),
    )
    return HTMLResponse(redacted(html, here.settings), headers=_HEADERS)


def _newest(here: Context) -> tuple[Sequence[SyncSession], Sequence[RoundOverview]]:
    """The newest sessions of all sources, and the newest rounds of the contest."""
    with here.store.read() as connection:
        return history(connection, limit=_SESSIONS), newest(connection, limit=_ROUNDS)


def _prefect_ui(settings: Settings) -> str:
    """The address of Prefect's pages, from the settings: the request's header Host could name another server."""
    return without_userinfo(settings.prefect_api).rstrip("/").removesuffix("/api")


def number(value: float) -> str:
    """With commas: 12,345."""
    return f"{value:,.0f}"


def exact(instant: datetime) -> str:
    """To the second, in UTC."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


@cache
def _template() -> Template:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = environment.filters
    for word in (ago, breaker_words, budget_words, counted, exact, lasted, number, until):
        filters[word.__name__] = word
    return environment.get_template("dashboard.html")
