"""What the web app asks of `deployments.controls`; a test gives it controls of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.settings import Settings
from syncline.store.engine import Store

__all__ = ["Cadence", "Controls", "Schedule"]


class Schedule(Protocol):
    """When a source runs."""

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
        """When it runs next; None where nothing is scheduled."""
        ...


class Cadence(Protocol):
    """How often a source is expected to run."""

    @property
    def interval_seconds(self) -> float | None:
        """The time between two runs; None where a cron decides."""
        ...

    async def stalled_at(self, last_run: datetime) -> datetime | None:
        """From when on a source that has not run since `last_run` has stalled; None where it is due no more."""
        ...


class Controls(Protocol):
    """Starts and stops what Prefect schedules.

    Each method raises PrefectUnavailableError where Prefect's server does not answer.
    """

    async def start(
        self, settings: Settings, store: Store, source: str, *, every_seconds: float | None, actor: str
    ) -> float | None:
        """Run `source` every so many seconds from now on (None: as it was); `actor` stands in the audit log.

        Returns the seconds between two runs; None where a cron decides.
        """
        ...

    async def stop(self, settings: Settings, store: Store, source: str, *, actor: str) -> object:
        """Schedule no more runs of `source`."""
        ...

    async def run_now(self, settings: Settings, source: str, *, mode: Mode, trigger: Trigger) -> str:
        """Start a run of `source`; returns the id of the flow run."""
        ...

    async def resume_deferred(self, settings: Settings, store: Store, source: str) -> object:
        """Start what a hold on `source` had put off."""
        ...

    async def scheduled(self, settings: Settings) -> Mapping[str, Schedule]:
        """The schedule of each source."""
        ...

    async def reset_breaker(self, settings: Settings, store: Store, source: str, *, actor: str) -> object:
        """Close the breaker of `source`, also where Prefect's server does not answer."""
        ...

    async def cadences(self, settings: Settings, store: Store) -> Mapping[str, Cadence]:
        """The cadence of each source that has a schedule; asks Prefect nothing."""
        ...
