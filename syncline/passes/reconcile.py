"""Reconciling: closes the sessions whose end nobody could write down (SIGKILL, power loss)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from syncline.model.session import Status
from syncline.passes.admission import lease_name
from syncline.passes.ending import conclusion, end
from syncline.store import leases, sessions

if TYPE_CHECKING:
    from syncline.model.session import SyncSession
    from syncline.store.engine import Store

__all__ = ["reconcile"]


def reconcile(store: Store, fate_of: Callable[[str], Status | None]) -> list[str]:
    """Close the open sessions that nobody works on any more; returns their ids.

    Args:
        store: the database.
        fate_of: what the orchestrator knows of a flow run: its fate, or None where it runs, or nothing is known.
    """
    now = store.clock.now()
    with store.read() as connection:
        found = sessions.running(connection)
        held = {session.id: leases.holder(connection, _lease(session)) for session in found}
    closed: list[str] = []
    for session in found:
        lost = leases.is_lost(held[session.id], session.id, now=now)
        fate = None if session.flow_run_id is None else fate_of(session.flow_run_id)
        if (lost or fate is not None) and _close(store, session, fate):
            closed.append(session.id)
    return closed


def _close(store: Store, session: SyncSession, fate: Status | None) -> bool:
    if fate is Status.COMPLETED:
        status, reason = conclusion(store, session.id)
        return end(store, session.id, status, reason=reason)
    reason = "its process ended without a word; the next run goes on at its checkpoint"
    return end(store, session.id, fate or Status.CRASHED, reason=reason)


def _lease(session: SyncSession) -> str:
    return lease_name(session.source, session.account_id)
