"""Sessions that were under way when Syncline was ended on this machine: each is given its outcome before it is left."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from uuid import UUID

from syncline.model.session import Status
from syncline.passes import closing
from syncline.passes.reconcile import reconcile
from syncline.store import sessions
from syncline.store.engine import Store
from tasks.due import flow_run_id_of

__all__ = ["ENDED", "close_ended"]

ENDED = "Syncline was ended on this machine; the next run goes on at its checkpoint"
"""Why the runs under way are cancelled when the runner ends."""


def close_ended(store: Store, flow_run_ids: AbstractSet[UUID] = frozenset()) -> list[str]:
    """Close the open sessions of these flow runs, which were cancelled, and of processes of this machine that are dead.

    A flow run's own hook closes its session. This is for those that it could not run for: Prefect's server was away,
    or the runner was killed.

    Returns:
        The ids of the sessions that were closed.
    """
    ended = {str(flow_run_id) for flow_run_id in flow_run_ids}
    with store.read() as connection:
        under_way = sessions.running(connection)
    cut_off = [one.id for one in under_way if one.flow_run_id and flow_run_id_of(one.flow_run_id) in ended]
    closed = [one for one in cut_off if closing.close(store, one, Status.CANCELLED, reason=ENDED)]
    return closed + reconcile(store, lambda _flow_run: None)
