"""A whole instance under test: its settings, its store, its upstream, and what runs of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, col, select

import sandbox
from deployments.child import Child
from deployments.household import Household
from syncline.model.session import SyncSession
from syncline.settings import Settings
from syncline.store.engine import Store

__all__ = ["Instance", "eventually"]

DEADLINE_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Instance:
    """What runs, and how to look at it."""

    settings: Settings
    store: Store
    box: sandbox.Box
    house: Household
    env: dict[str, str]
    runners: list[Child]

    def start_runner(self) -> Child:
        """Serve all deployments."""
        return self.house.start("runner", ["deployments"], env=self.env)

    def restart_runner(self) -> None:
        """End the runner and serve all deployments anew; returns when their first runs are over."""
        before = len(self.sessions("products"))
        while self.runners:
            self.runners.pop().stop()
        self.runners.append(self.start_runner())
        eventually(lambda: self._ended_after(before), "first run after the restart")

    def _ended_after(self, before: int) -> SyncSession | None:
        found = self.sessions("products")
        return found[0] if len(found) > before and found[0].completed_at else None

    def sessions(self, source: str) -> list[SyncSession]:
        """All sessions of a source, the newest first."""
        newest = (
            select(SyncSession).where(col(SyncSession.source) == source).order_by(col(SyncSession.started_at).desc())
        )
        with self.store.read() as connection:
            return list(Session(connection).exec(newest).all())

    def session_of(self, flow_run_id: str, *statuses: str) -> SyncSession:
        """The session of a flow run, once it has one of these statuses."""

        def look() -> SyncSession | None:
            found = [one for one in self.sessions("products") if one.flow_run_id == flow_run_id]
            return next((one for one in found if one.status in statuses), None)

        return eventually(look, f"a session of {flow_run_id} that is {' or '.join(statuses)}")


def eventually(look: Callable[[], SyncSession | None], what: str) -> SyncSession:
    """What `look` finds in the end; other processes make it, so there is nothing to wait on but time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"there was no {what} within {DEADLINE_SECONDS} s")
