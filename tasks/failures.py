"""What Prefect's automations hear of a session that failed, and of a source whose credentials were refused."""

from __future__ import annotations

from prefect.events import Event, emit_event

from syncline.model.session import SyncSession
from syncline.model.tables import Hold

__all__ = ["FAILED_EVENT", "REFUSED_EVENT", "refusal_event", "tell_failure", "tell_refusal"]

FAILED_EVENT = "syncline.sync.failed"
REFUSED_EVENT = "syncline.credentials.refused"


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


def refusal_event(hold: Hold, upstream: str) -> Event:
    """What Prefect hears of credentials that were refused: once, because the source is held from then on."""
    resource = {"prefect.resource.id": f"syncline.source.{hold.source}", "prefect.resource.name": hold.source}
    payload = {"source": hold.source, "upstream": upstream, "reason": hold.reason, "hold": hold.id}
    told = {"occurred": hold.created_at, "event": REFUSED_EVENT, "resource": resource, "payload": payload}
    return Event.model_validate(told)  # which makes of the instant what Prefect has on this Python


def tell_refusal(hold: Hold, upstream: str) -> None:
    """Emit the event of refused credentials."""
    told = refusal_event(hold, upstream)
    emit_event(told.event, dict(told.resource), occurred=told.occurred, payload=told.payload)
