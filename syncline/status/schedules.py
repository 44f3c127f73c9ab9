"""What is known of when sources run: what Prefect has planned, and how often each is expected to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from syncline.errors import PrefectRefusesError, PrefectUnavailableError

__all__ = ["Cadence", "Schedule", "Schedules", "unknown_because"]

_AWAY = frozenset({"ConnectError", "InvalidURL", "UnsupportedProtocol"})
"""The names of errors that say that nothing listens there."""


class Schedule(Protocol):
    """When a source runs, as Prefect has it."""

    @property
    def active(self) -> bool:
        """Whether it runs by itself."""
        ...

    @property
    def text(self) -> str:
        """How often, such as `every 30 min`, or a cron line."""
        ...

    @property
    def next_run_at(self) -> datetime | None:
        """When it runs next; it may lie in the past. None if nothing is planned."""
        ...


class Cadence(Protocol):
    """How often a source is expected to run."""

    @property
    def interval_seconds(self) -> float | None:
        """The time between two runs; None if a cron decides."""
        ...

    def stalled_at(self, last_run: datetime, now: datetime) -> datetime | None:
        """From when on a source that has not run since `last_run` had stalled; None if it has not until `now`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Schedules:
    """The schedules of all sources.

    Attributes:
        by_source: those that Prefect knows.
        unknown: why they are not known, in one sentence; None if Prefect told them.
        cadences: how often each source is expected to run, of those that have a schedule in prefect.yaml.
        unreadable: why the cadences are not known, in one sentence; None if they are.
    """

    by_source: Mapping[str, Schedule] = field(default_factory=dict[str, Schedule])
    unknown: str | None = None
    cadences: Mapping[str, Cadence] = field(default_factory=dict[str, Cadence])
    unreadable: str | None = None


def unknown_because(error: PrefectUnavailableError | TimeoutError) -> str:
    """Why Prefect did not tell the schedules, in one sentence; slow, refusing and away are different things."""
    if isinstance(error, PrefectRefusesError):
        mend = "set SYNCLINE_PREFECT_API_AUTH to those of its server"
        return f"Prefect refuses our credentials ({error.cause}), so when sources run next is not known: {mend}"
    if isinstance(error, TimeoutError) or "Timeout" in error.cause:
        return "Prefect did not answer in time, so when sources run next is not known"
    if error.cause in _AWAY:
        return "Prefect does not answer, so nothing runs by itself: `syncline up` starts it, and again where it hangs"
    return f"Prefect's answer cannot be used ({error.cause}), so when sources run next is not known"
