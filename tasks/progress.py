"""A run's progress as Prefect artifacts: a bar while it pulls, a table when it ended."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, acreate_table_artifact, aupdate_progress_artifact
from prefect.logging import get_logger

from syncline.clock import Clock
from syncline.model.session import SyncSession
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import current_flow_run

__all__ = ["ProgressArtifact", "Shown", "artifact_key", "show_summary"]

SHOW_EVERY = timedelta(seconds=1)
"""An update costs 50 to 100 ms on the server: more often, and showing would slow what it shows."""
SHOW_WITHIN_SECONDS = 3
"""What takes longer is not shown: a server that hangs must not hold the work."""


def artifact_key(source: str, what: str) -> str:
    """The key of a source's artifact: lower case and dashes, all that Prefect allows."""
    return f"{source.replace('_', '-')}-{what}"


class Shown(Protocol):
    """How far work is."""

    @property
    def percent(self) -> float:
        """From 0 to 100."""
        ...

    @property
    def sentence(self) -> str:
        """The same in words."""
        ...


class ProgressArtifact:
    """The progress bar of one attempt; updated at most once a second, beside the work, and never in its way."""

    def __init__(self, source: str, clock: Clock) -> None:
        """Show the progress of `source`; nothing is made before the first page."""
        self._source = source
        self._clock = clock
        self._shown_at: datetime | None = None
        self._artifact: UUID | None = None
        self._update: asyncio.Task[None] | None = None
        self._unshown: Shown | None = None

    async def show(self, progress: Shown) -> None:
        """Something was stored."""
        self._unshown = progress
        now = self._clock.now()
        too_soon = self._shown_at is not None and now - self._shown_at < SHOW_EVERY
        if too_soon or (self._update is not None and not self._update.done()):
            return
        self._shown_at, self._unshown = now, None
        self._update = asyncio.create_task(self._write(progress))

    async def close(self) -> None:
        """Show where it ended."""
        if self._update is not None:
            await self._update
        if self._unshown is not None:
            progress, self._unshown = self._unshown, None
            await self._write(progress)

    async def _write(self, progress: Shown) -> None:
        if current_flow_run() is None:
            return
        percent, sentence = progress.percent, progress.sentence
        try:
            async with asyncio.timeout(SHOW_WITHIN_SECONDS):
                if self._artifact is None:
                    key = artifact_key(self._source, "progress")
                    self._artifact = await acreate_progress_artifact(percent, key=key, description=sentence)
                else:
                    await aupdate_progress_artifact(self._artifact, percent, description=sentence)
        except Exception:  # noqa: BLE001 - a bar that cannot be drawn must not end the work
            get_logger("syncline").debug("the progress artifact was not updated", exc_info=True)


async def show_summary(store: Store, session_id: str) -> bool:
    """Show the session's record as a table in Prefect's UI; outside of a flow run nothing is shown.

    Returns:
        Whether Prefect's server has taken it.
    """
    if current_flow_run() is None:
        return False
    with store.read() as connection:
        session = sessions.find(connection, session_id)
    if session is None:
        return False
    try:
        async with asyncio.timeout(SHOW_WITHIN_SECONDS):
            key = artifact_key(session.source, "session")
            await acreate_table_artifact(_rows(session), key=key, description=session.id)
    except Exception:  # noqa: BLE001 - the record itself is in the database
        get_logger("syncline").debug("the summary artifact was not made", exc_info=True)
        return False
    return True


def _rows(session: SyncSession) -> list[dict[str, str]]:
    """A line for each field that is known, in the order in which the record declares them."""
    shown = session.model_dump(mode="json", exclude_none=True)
    if not session.account_id:
        del shown["account_id"]
    known = [name for name in type(session).model_fields if name in shown]
    return [{"field": name, "value": str(shown[name])} for name in known]
