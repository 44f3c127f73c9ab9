"""When sources run next, asked of Prefect's API directly: loading Prefect's own client takes a second of work.

Three requests for all sources: their deployments, the next run of each flow. A pile of late runs of one source hides
the next run of no other one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from deployments.trust import trusted
from syncline.errors import PrefectRefusesError, PrefectUnavailableError
from syncline.settings import Settings
from syncline.words import interval

if TYPE_CHECKING:  # a command that finds no server does without
    import httpx

__all__ = ["ScheduleInfo", "scheduled"]

_FLOW_PREFIX = "sync-"
_AUTH = "PREFECT_API_AUTH_STRING"
_AT_ONCE = 200
"""So many deployments or flows Prefect's API takes in one request."""
_ANSWER_SECONDS, _CONNECT_SECONDS = 3, 1
_PORTS = {"http": 80, "https": 443}
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True)
class ScheduleInfo:
    """When a source runs.

    Attributes:
        active: whether its schedule is on.
        text: the schedule in a few words, such as `every 30 min`; several are joined by commas.
        next_run_at: the next run that Prefect has planned, also one that is overdue; None where there is none.
    """

    active: bool
    text: str
    next_run_at: datetime | None


async def scheduled(settings: Settings, sources: Iterable[str]) -> dict[str, ScheduleInfo]:
    """The schedule of each of `sources` that Prefect knows.

    Raises:
        PrefectUnavailableError: its server cannot be reached, is too slow, or answers with an error.
        PrefectRefusesError: it does not accept our credentials.
    """
    await _require_listener(settings.prefect_api)
    import httpx  # noqa: PLC0415 - see there

    auth = _auth(settings)
    user, _, password = (auth or "").partition(":")
    basic = None if auth is None else httpx.BasicAuth(user, password)
    try:
        async with httpx.AsyncClient(
            base_url=settings.prefect_api,
            auth=basic,
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=False,
            verify=trusted(settings.prefect_api),
        ) as client:
            deployments = await _deployments(client, set(sources))
            upcoming = await _next_runs(client, [str(one["flow_id"]) for one in deployments])
            return _infos(deployments, upcoming)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status in _REFUSED:
            raise PrefectRefusesError(settings.prefect_api, status) from None
        raise PrefectUnavailableError(settings.prefect_api, f"HTTP {status}") from None
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
        raise PrefectUnavailableError(settings.prefect_api, type(error).__name__) from error


async def _require_listener(api: str) -> None:
    """Find out whether the port is open before httpx is imported, which takes a command 0.15 CPU s.

    Raises:
        PrefectUnavailableError: it is not, and httpx is not imported.
    """
    address = _address(api)
    if "httpx" in sys.modules or address is None:
        return
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(*address), _CONNECT_SECONDS)
    except TimeoutError as error:
        raise PrefectUnavailableError(api, "ConnectTimeout") from error
    except OSError as error:
        raise PrefectUnavailableError(api, "ConnectError") from error
    writer.close()


def _address(api: str) -> tuple[str, int] | None:
    """Host and port; None where the URL is none, which is for httpx to tell."""
    try:
        parts = urlsplit(api)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    return None if parts.hostname is None else (parts.hostname, port)


def _auth(settings: Settings) -> str | None:
    """`USER:PASSWORD` by the settings; else by Prefect's own variable, from which a worker may know its server."""
    return settings.prefect_auth or os.environ.get(_AUTH) or None


async def _deployments(client: httpx.AsyncClient, sources: set[str]) -> list[Mapping[str, Any]]:
    """The deployments of the sources' flows, those without a schedule left out."""
    wanted = {"any_": [f"{_FLOW_PREFIX}{name}" for name in sorted(sources)]}
    found: list[Mapping[str, Any]] = []
    while True:
        body = {"flows": {"name": wanted}, "limit": _AT_ONCE, "offset": len(found), "sort": "NAME_ASC"}
        page = cast("list[Mapping[str, Any]]", await _ask(client, "/deployments/filter", body))
        found += page
        if len(page) < _AT_ONCE:
            return [one for one in found if one["name"] in sources and one["schedules"]]


async def _next_runs(client: httpx.AsyncClient, flows: Sequence[str]) -> Mapping[str, datetime]:
    """When the next run of each flow is due; those that have none are left out."""
    found: dict[str, datetime] = {}
    for start in range(0, len(flows), _AT_ONCE):
        body = {"flow_ids": list(flows[start : start + _AT_ONCE])}
        told = cast("Mapping[str, Any]", await _ask(client, "/ui/flows/next-runs", body))
        due = {flow: run["next_scheduled_start_time"] for flow, run in told.items() if run is not None}
        found |= {flow: datetime.fromisoformat(instant).astimezone(UTC) for flow, instant in due.items()}
    return found


async def _ask(client: httpx.AsyncClient, path: str, body: object) -> object:
    answer = await client.post(path, json=body)
    return answer.raise_for_status().json()


def _infos(deployments: Iterable[Mapping[str, Any]], upcoming: Mapping[str, datetime]) -> dict[str, ScheduleInfo]:
    return {one["name"]: _info(one, upcoming.get(one["flow_id"])) for one in deployments}


def _info(deployment: Mapping[str, Any], next_run_at: datetime | None) -> ScheduleInfo:
    schedules: list[Mapping[str, Any]] = deployment["schedules"]
    running = [schedule for schedule in schedules if schedule["active"]]
    text = ", ".join(_text(schedule["schedule"]) for schedule in running or schedules)
    return ScheduleInfo(active=bool(running) and not deployment["paused"], text=text, next_run_at=next_run_at)


def _text(schedule: Mapping[str, Any]) -> str:
    """`every 30 min`, or the cron or rrule expression."""
    if "interval" in schedule:
        return f"every {interval(float(schedule['interval']))}"
    return str(schedule.get("cron") or schedule.get("rrule") or "never")
