"""What Prefect shows of a flow run whose session says how it ended."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Crashed, Failed

from syncline.model.session import Status, SyncSession

__all__ = ["state_of"]

_MESSAGE = "Its process ended without a word; the next run goes on at its checkpoint."


def state_of(session: SyncSession) -> State[None]:
    """What Prefect would show of the run, had it come to tell how its session ended."""
    match session.status:
        case Status.CRASHED:
            return Crashed(message=_MESSAGE)
        case Status.FAILED:
            said = f"{session.error_type}: {session.error_message}"
            return Failed(message=session.reason if session.error_type is None else said)
        case Status.CANCELLED:
            return Cancelled(message=session.reason)
        case status:
            return Completed(name=status.capitalize(), message=session.reason)
