"""What Prefect's automations hear of a session that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.events import emit_event

if TYPE_CHECKING:
    from syncline.model.session import SyncSession

__all__ = ["FAILED_EVENT", "tell_failure"]

FAILED_EVENT = "syncline.sync.failed"


def tell_failure(session: SyncSession) -> None:
    """Emit the event of a final failure."""
    payload = {
        "source": session.source,
        "attempts": session.retry_count + 1,
        "error": f"{session.error_type}: {session.error_message}",
        "session": session.id,
    }
    resource = {"prefect.resource.id": f"syncline.source.{session.source}", "prefect.resource.name": session.source}
    emit_event(event=FAILED_EVENT, resource=resource, payload=payload)
