"""Sessions put on record directly, where a test needs no run."""

from datetime import datetime

from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.store import sessions
from syncline.store.engine import Store

__all__ = ["open_session"]


def open_session(
    store: Store,
    session_id: str = "s1",
    *,
    source: str = "products",
    account_id: str = "",
    status: Status = Status.RUNNING,
    started_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> str:
    """Put a session on record, open unless a `status` is given; returns its id."""
    begun = started_at or store.clock.now()
    made = SyncSession(
        id=session_id,
        source=source,
        account_id=account_id,
        trigger=Trigger.MANUAL,
        mode=Mode.FULL,
        status=status,
        started_at=begun,
        completed_at=None if status is Status.RUNNING else begun,
        flow_run_id=flow_run_id,
    )
    with store.write() as connection:
        sessions.insert_session(connection, made)
    return session_id
