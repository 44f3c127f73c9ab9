"""A whole instance under test: its settings, its store, its upstream, and what runs of it."""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlmodel import Session, col, select

import sandbox
from deployments.environment import prefect_env, server_env, settings_env
from deployments.local.child import Child
from deployments.local.supervisor import Supervisor
from syncline.model.session import OPEN_STATUSES, Status, SyncSession
from syncline.settings import Settings
from syncline.store import sessions
from syncline.store.engine import Store

__all__ = ["Instance", "child_env", "eventually", "free_port", "start_prefect"]

_PATIENCE_SECONDS = 90
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_LONGEST_REST_SECONDS = 4.0
"""After a look that took long; one that waited for a minute for a server that had just started costs no three more."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Instance:
    """What runs, and how to look at it."""

    settings: Settings
    store: Store
    box: sandbox.Box
    supervisor: Supervisor
    env: dict[str, str]
    runners: list[Child]

    def start_runner(self) -> Child:
        """Serve all deployments."""
        return self.supervisor.start("runner", ["deployments"], env=self.env)

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

    def beside(self, home: Path) -> dict[str, str]:
        """The settings of another instance, in the folder `home`, whose runs are seen by this one's Prefect server."""
        server = prefect_env(self.settings)
        return server | {
            "SYNCLINE_HOME": str(home),
            "SYNCLINE_PREFECT_API_AUTH": server["PREFECT_API_AUTH_STRING"],
            "SYNCLINE_PREFECT_API_URL": server["PREFECT_API_URL"],
            "PREFECT_HOME": str(home / "prefect"),
        }

    def sessions(self, source: str) -> list[SyncSession]:
        """All sessions of a source, the newest first."""
        newest = (
            select(SyncSession).where(col(SyncSession.source) == source).order_by(col(SyncSession.started_at).desc())
        )
        with self.store.read() as connection:
            return list(Session(connection).exec(newest).all())

    def session_of(self, flow_run_id: str, *statuses: str) -> SyncSession:
        """The session of a flow run, once it has one of these statuses; it fails as soon as it has ended otherwise."""

        def look() -> SyncSession | None:
            with self.store.read() as connection:
                found = sessions.by_flow_run(connection, flow_run_id)
            if found is None or found.status in statuses:
                return found
            assert found.status in (*OPEN_STATUSES, Status.DEFERRED), (
                f"{found.status} in place of {' or '.join(statuses)}: {found!r}"
            )
            return None

        return eventually(look, f"a session of {flow_run_id} that is {' or '.join(statuses)}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def start_prefect(supervisor: Supervisor, settings: Settings) -> None:
    """Start Prefect's server, whose scheduler looks every 5 s; returns when it answers."""
    soon = {"PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5"}
    env = os.environ | settings_env(settings) | server_env(settings) | soon
    supervisor.start("prefect", ["deployments.local.prefect_server"], env=env)
    supervisor.wait_for(f"{settings.prefect_api}/health", timeout_seconds=120)


def child_env(settings: Settings) -> dict[str, str]:
    """The environment of the other processes; the runner looks every second for what is due."""
    return os.environ | settings_env(settings) | prefect_env(settings) | {"PREFECT_RUNNER_POLL_FREQUENCY": "1"}


def eventually(look: Callable[[], T | None], what: str, *, within_seconds: float = _PATIENCE_SECONDS) -> T:
    """What `look` finds in the end: the first that is not empty, false or None.

    Other processes make it, so there is nothing to wait on but time: a second counts less where more processes want
    the cores than there are. It waits three times as long as the last look took, within limits, for the cores are
    needed elsewhere.
    """
    pause_seconds, waited_seconds = _FIRST_PAUSE_SECONDS, 0.0
    while waited_seconds < within_seconds:
        began = time.monotonic()
        found = look()
        if found:
            return found
        time.sleep(max(pause_seconds, min(3 * (time.monotonic() - began), _LONGEST_REST_SECONDS)))
        pause_seconds = min(1.3 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        waited_seconds += (time.monotonic() - began) / max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    raise AssertionError(f"there was no {what} within {within_seconds:g} s of a calm machine")
