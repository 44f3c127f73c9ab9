"""What the web app asks of `deployments.controls`; a test gives it controls of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.settings import Settings
from syncline.status.schedules import Cadence, Schedule
from syncline.store.engine import Store

__all__ = ["Cadence", "Controls", "Schedule"]


class Controls(Protocol):
    """Starts and stops what Prefect schedules.

    Each method raises PrefectUnavailableError where Prefect's server does not answer.
    """

    async def start(
        self, settings: Settings, store: Store, source: str, *, every_seconds: float | None, actor: str
    ) -> float | None:
        """Run `source` every so many seconds from now on (None: as it was); `actor` stands in the audit log.

        Returns the seconds between two runs; None if a cron decides.
        """
        ...

    async def stop(self, settings: Settings, store: Store, source: str, *, actor: str) -> object:
        """Schedule no more runs of `source`."""
        ...

    async def run_now(self, settings: Settings, source: str, *, mode: Mode, trigger: Trigger) -> str:
        """Start a run of `source`; returns the id of the flow run."""
        ...

    async def resume_deferred(self, settings: Settings, store: Store, source: str) -> object:
        """Start what a hold on `source` had deferred."""
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
