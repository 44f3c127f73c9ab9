"""Pushing: each snapshot is sent to whoever wants to know, until it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from syncline.contests import pushes, snapshots
from syncline.contests.snapshot import webhook_body, webhook_id
from syncline.contests.tables import Round
from syncline.errors import WebhookError
from syncline.store import sessions
from syncline.store.engine import Store
from syncline.upstreams.webhooks import Endpoint, send

__all__ = ["ask_again", "push_due"]

_ATTEMPTS = 12
"""With the waits below: for about a day and a half."""
_FIRST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=6)


def ask_again(store: Store, number: int) -> None:
    """Somebody wants the snapshot of a round sent now, if it was not accepted yet."""
    with store.write() as connection:
        pushes.ask_again(connection, number, now=store.clock.now())


async def push_due(
    store: Store, endpoint: Endpoint, session_id: str, *, for_holds: Callable[[], Awaitable[None]]
) -> int:
    """Send each snapshot whose time has come, once; returns how many were accepted.

    `for_holds` is called before each of them: it waits while a hold is in force, or raises `DeferredError`.

    One that is not accepted is sent again later, after waits that double from five minutes to six hours, twelve times
    in all; the session says so. The rows of `rounds` say how each stands.
    """
    with store.read() as connection:
        due = pushes.due(connection, store.clock.now())
    accepted = 0
    for one in due:
        await for_holds()
        accepted += await _push(store, endpoint, session_id, one)
    return accepted


async def _push(store: Store, endpoint: Endpoint, session_id: str, one: Round) -> bool:
    with store.read() as connection:
        snapshot = snapshots.find(connection, one.number)
    assert snapshot is not None, "made in the transaction in which the round was frozen"
    try:
        await send(endpoint, webhook_id=webhook_id(snapshot), body=webhook_body(snapshot), now=store.clock.now())
    except WebhookError as error:
        now = store.clock.now()
        retry_at = _retry_at(one, error, now)
        again = "it is not sent again by itself" if retry_at is None else f"it is sent again at {retry_at:%H:%M} UTC"
        reason = f"the snapshot of round {one.number} was not accepted: {error}; {again}"
        with store.write() as connection:
            pushes.refused(connection, one.number, error=str(error), retry_at=retry_at)
            sessions.note_reason(connection, session_id, reason)
        return False
    with store.write() as connection:
        pushes.accepted(connection, one.number, now=store.clock.now())
    return True


def _retry_at(one: Round, error: WebhookError, now: datetime) -> datetime | None:
    """When to send it again; None where that is of no use any more."""
    if error.final or one.push_attempts + 1 >= _ATTEMPTS:
        return None
    return now + min(_LONGEST_WAIT, _FIRST_WAIT * 2**one.push_attempts)
