"""A manual run here and now, in this process: against Prefect's server if it answers, else with one of its own.

Prefect reads the environment when it is imported, so it is imported only once the environment stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Coroutine, Mapping
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import httpx

from deployments.environment import prefect_env, server_env, settings_env
from deployments.trust import trusted
from syncline.errors import ConfigurationError, StoreError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.settings import Settings
from syncline.store import leases, schema, sessions
from syncline.store.engine import Store, open_store

if TYPE_CHECKING:  # Prefect reads the environment when it is imported, and that is set below
    from prefect.client.schemas.objects import State

__all__ = ["run_once", "session_of"]

_HEALTH_TIMEOUT_SECONDS = 2
_LOOK_EVERY_SECONDS = 0.1
_TELL_SECONDS = 5
_CANCELLED = "the command was ended; the next run goes on at the checkpoint"
"""By Ctrl-C, or by a signal that asks to end."""
_START_SECONDS = 120
"""On a new database a server takes 20 seconds to start, which is all that Prefect would give it, and longer if busy."""


def run_once(
    settings: Settings,
    source_name: str,
    *,
    mode: Mode,
    force: bool = False,
    account_id: str = "",
    parameters: Mapping[str, object] | None = None,
    cancelled: threading.Event | None = None,
) -> SyncSession:
    """Run the flow of a source to its end and return its session.

    Args:
        settings: the instance.
        source_name: the source.
        mode: how much is read.
        force: also delete more than the source's `max_fraction`.
        account_id: the account; only sources that have accounts take one.
        parameters: what the flow is called with beyond that.
        cancelled: set it from another thread to end the run; its session is then `cancelled`.

    Raises:
        UnknownSourceError, ConfigurationError: there is nothing to run.
        StoreError: the database cannot be used.
    """
    _set_environment(settings)
    # these import Prefect, which reads the environment
    from deployments.preflight import check_upstream  # noqa: PLC0415
    from flows.registry import find, flow_of  # noqa: PLC0415

    source = find(source_name)
    check_upstream(settings, source)
    if account_id:
        raise ConfigurationError(f"source {source_name!r} has no accounts: leave the account out")
    with closing(open_store(settings)) as store:
        schema.upgrade(store)  # makes the tables of all sources, which are loaded by now
        schema.require_columns(store, [source.required_dataset.table] if source.dataset is not None else [])
        given = source.parameters(mode, force=force) | dict(parameters or {})
        run = flow_of(source.name)(**given, return_state=True)
        began = store.clock.now()
        state = _to_its_end(_unless(cancelled or threading.Event(), run, store, source.name))
        return session_of(store, source.name, state, began=began)


def _set_environment(settings: Settings) -> None:
    env = settings_env(settings) | _server(settings)
    os.environ.update(env | {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"})
    if "PREFECT_API_URL" not in env:
        os.environ.pop("PREFECT_API_URL", None)


def _server(settings: Settings) -> dict[str, str]:
    """The running server's, or those of a server that lives as long as this process, on the same database."""
    if _answers(settings):
        return prefect_env(settings)
    own = server_env(settings)
    del own["PREFECT_API_URL"]
    return own | {
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(_START_SECONDS),
    }


def _answers(settings: Settings) -> bool:
    url = f"{settings.prefect_api}/health"
    try:
        return httpx.get(url, timeout=_HEALTH_TIMEOUT_SECONDS, trust_env=False, verify=trusted(url)).is_success
    except httpx.HTTPError:
        return False


def _to_its_end(run: Coroutine[object, object, State | None]) -> State | None:
    """The final state; None where it was cancelled, or SIGTERM came before `_unless` could take it from Prefect."""
    from prefect.exceptions import TerminationSignal  # noqa: PLC0415 - it imports Prefect, which reads the environment

    try:
        return asyncio.run(run)
    except TerminationSignal:
        return None


async def _unless(
    cancelled: threading.Event, run: Coroutine[object, object, State], store: Store, source: str
) -> State | None:
    """The final state of `run`; None where it was cancelled, which its session then says."""
    task, ask_to_end = asyncio.ensure_future(run), signal.getsignal(signal.SIGTERM)
    while not task.done():
        if cancelled.is_set():
            flow_run_id = _close_own(store, source)
            task.cancel()
            await asyncio.wait([task], timeout=10)
            await _tell_cancelled(flow_run_id)
            return None
        if signal.getsignal(signal.SIGTERM) is not ask_to_end:  # Prefect would tear the event loop down
            signal.signal(signal.SIGTERM, ask_to_end)
        await asyncio.wait([task], timeout=_LOOK_EVERY_SECONDS)
    return await task


def _close_own(store: Store, source: str) -> str | None:
    """Give the session that this process works on its outcome, before the cancellation can be taken for a crash.

    Returns:
        The id of its flow run; None where there is no such session.
    """
    with store.read() as connection:
        lease = leases.holder(connection, Target(source))
    if lease is None or not leases.is_of(lease, leases.Process.current()):
        return None
    close(store, lease.owner, Status.CANCELLED, reason=_CANCELLED)
    with store.read() as connection:
        session = sessions.find(connection, lease.owner)
    return None if session is None else session.flow_run_id


async def _tell_cancelled(flow_run_id: str | None) -> None:
    """Let Prefect say what the session says; its engine takes a cancelled task for a crash."""
    if flow_run_id is None:
        return
    from prefect import get_client  # noqa: PLC0415 - it imports Prefect, which reads the environment
    from prefect.states import Cancelled  # noqa: PLC0415 - the same

    with contextlib.suppress(Exception):  # the record says it anyway
        async with asyncio.timeout(_TELL_SECONDS), get_client() as client:
            await client.set_flow_run_state(UUID(flow_run_id), Cancelled(message=_CANCELLED), force=True)


def session_of(store: Store, source: str, state: State | None, *, began: datetime) -> SyncSession:
    """The session of the run that began at `began`; without a `state` it was cancelled, perhaps before it had one."""
    with store.read() as connection:
        if state is None:
            newest = sessions.latest_started(connection, Target(source))
            found = newest if newest is not None and newest.started_at >= began else None
        else:
            found = sessions.by_flow_run(connection, str(state.state_details.flow_run_id))
    if found is None:
        message = state.message if state is not None else "it was cancelled before it began"
        raise StoreError(f"the run left no session on record: {message}")
    return found
