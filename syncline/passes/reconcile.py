"""Reconciling: closes the sessions whose process died before it could close them (SIGKILL, power loss)."""

from __future__ import annotations

from collections.abc import Callable

from syncline.admission.due_run import lease_name
from syncline.model.session import Status, SyncSession
from syncline.passes.closing import close, final_status
from syncline.store import leases, sessions
from syncline.store.engine import Store

__all__ = ["reconcile"]

_REASONS = {
    Status.CRASHED: "its process ended without a word",
    Status.CANCELLED: "its run was cancelled in Prefect",
    Status.FAILED: "its run failed in Prefect, whose log says why",
}


def reconcile(
    store: Store, outcome_of: Callable[[str], Status | None], *, is_ending: Callable[[str], bool] | None = None
) -> list[str]:
    """Close the open sessions whose run has ended; returns their ids.

    Args:
        store: the database.
        outcome_of: what the orchestrator knows of a flow run: its outcome, or None if it runs, or nothing is known.
        is_ending: whether a flow run is being ended just now: its hooks know more, and have until its lease runs out.
    """
    with store.read() as connection:
        now = store.now(connection)  # before the leases are read: one that is renewed meanwhile has not run out
        found = sessions.running(connection)
        held = {session.id: leases.holder(connection, _lease(session)) for session in found}
    closed: list[str] = []
    for session in found:
        run, lease = session.flow_run_id, held[session.id]
        outcome = None if run is None else outcome_of(run)
        if run is not None and is_ending is not None and is_ending(run):
            done = leases.has_run_out(lease, session.id, now=now)
        else:
            done = outcome is not None or leases.is_lost(lease, session.id, now=now)
        if done and _close(store, session, outcome):
            closed.append(session.id)
    return closed


def _close(store: Store, session: SyncSession, outcome: Status | None) -> bool:
    if outcome is Status.COMPLETED:
        status, reason = final_status(store, session.id)
        return close(store, session.id, status, reason=reason)
    status = outcome or Status.CRASHED
    return close(store, session.id, status, reason=f"{_REASONS[status]}; the next run goes on at its checkpoint")


def _lease(session: SyncSession) -> str:
    return lease_name(session.source, session.account_id)
