"""When sources run next, as Prefect knows it; asked only where its server is there and answers quickly."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cli import catalog
from syncline.errors import SynclineError
from syncline.settings import Settings

__all__ = ["Timing", "is_listening", "not_set_up", "timetable"]

_CONNECT_SECONDS = 0.3
_ANSWER_SECONDS = 3


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A source's schedule.

    Attributes:
        active: whether it is switched on.
        words: what it says, such as `every 30m`.
        next_run_at: when it runs next, None where nothing is planned.
        is_set_up: whether its upstream has an address.
    """

    active: bool
    words: str
    next_run_at: datetime | None = None
    is_set_up: bool = True


def timetable(settings: Settings) -> Mapping[str, Timing]:
    """The schedules by source, also of those that are not set up; empty where Prefect is away or slow."""
    if not is_listening(settings.prefect_api):
        return {}
    from deployments import controls  # noqa: PLC0415 - loads Prefect, which is slow

    try:
        found = asyncio.run(asyncio.wait_for(controls.scheduled(settings), _ANSWER_SECONDS))
    except (SynclineError, TimeoutError):
        return {}
    known = {
        name: Timing(active=info.active, words=info.text, next_run_at=info.next_run_at) for name, info in found.items()
    }
    return {**known, **not_set_up(settings)}


def not_set_up(settings: Settings) -> Mapping[str, Timing]:
    """The sources whose upstream has no address: they are not scheduled, whatever Prefect knows of them."""
    asked = ((one.name, settings.missing(one.upstream.name)) for one in catalog.every())
    return {
        name: Timing(active=False, is_set_up=False, words=f"not set up: {setting} is not set")
        for name, setting in asked
        if setting is not None
    }


def is_listening(url: str) -> bool:
    """Whether anything takes connections at `url`."""
    parts = urlsplit(url)
    try:
        address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        with socket.create_connection(address, timeout=_CONNECT_SECONDS):
            return True
    except (OSError, ValueError):
        return False
