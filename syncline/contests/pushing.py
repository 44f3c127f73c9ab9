"""Pushing: each snapshot is sent to the address that the settings name, until it is accepted or too old to matter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update
from sqlmodel import Session, col

from syncline.contests import snapshots
from syncline.contests.settings import SNAPSHOT_SECRET, SNAPSHOT_URL, ContestSettings
from syncline.contests.snapshots import webhook_body, webhook_id
from syncline.contests.tables import Round, RoundStatus
from syncline.errors import MissingSettingError, WebhookError
from syncline.model.policies import Backoff
from syncline.store import sessions
from syncline.store.engine import Store
from syncline.upstreams.webhooks import Endpoint, send

__all__ = ["accepted", "ask_again", "due", "endpoint_of", "push_due", "refused"]

_ERROR_LIMIT = 500
_UNSENT = col(Round.status) == RoundStatus.FROZEN, col(Round.pushed_at).is_(None)
_WAITS = Backoff(attempts=12, initial=5 * 60, maximum=6 * 3600, jitter=0)
"""About a day and a half in all."""


def ask_again(store: Store, number: int) -> None:
    """Send the snapshot of a round with the next run, if it was not accepted yet."""
    again = update(Round).where(col(Round.number) == number, *_UNSENT).values(push_retry_at=store.clock.now())
    with store.write() as connection:
        connection.execute(again)


def endpoint_of(settings: ContestSettings) -> Endpoint | None:
    """Where snapshots go; None if that is not set.

    Raises:
        MissingSettingError: there is a URL, but nothing to sign with.
        ConfigurationError: the URL or the secret cannot be used.
    """
    if settings.snapshot_url is None:
        return None
    if settings.snapshot_secret is None:
        raise MissingSettingError(SNAPSHOT_SECRET, f"what goes to {SNAPSHOT_URL} is signed with it")
    return Endpoint(
        url=settings.snapshot_url,
        secret=settings.snapshot_secret,
        url_setting=SNAPSHOT_URL,
        secret_setting=SNAPSHOT_SECRET,
    )


async def push_due(
    store: Store, endpoint: Endpoint, session_id: str, *, for_holds: Callable[[], Awaitable[None]]
) -> int:
    """Send each snapshot whose time has come, once; returns how many were accepted.

    `for_holds` is called before each of them: it waits while a hold is in force, or raises `DeferredError`.

    One that is not accepted is sent again later, after waits that double from five minutes to six hours, twelve times
    in all; the session says so. The rows of `rounds` say how each stands.
    """
    with store.read() as connection:
        waiting = due(connection, store.clock.now())
    sent = 0
    for one in waiting:
        await for_holds()
        sent += await _push(store, endpoint, session_id, one)
    return sent


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
            refused(connection, one.number, error=str(error), retry_at=retry_at)
            sessions.note_reason(connection, session_id, reason)
        return False
    with store.write() as connection:
        accepted(connection, one.number, now=store.clock.now())
    return True


def _retry_at(one: Round, error: WebhookError, now: datetime) -> datetime | None:
    """When to send it again; None if that is of no use any more."""
    attempt = one.push_attempts + 1
    if error.final or attempt >= _WAITS.attempts:
        return None
    return now + timedelta(seconds=_WAITS.grown_seconds(attempt))


def due(connection: Connection, now: datetime) -> Sequence[Round]:
    """The frozen rounds whose snapshot is to be sent now, in order."""
    is_due = col(Round.push_retry_at) <= now
    return Session(connection).scalars(select(Round).where(*_UNSENT, is_due).order_by(col(Round.number))).all()


def accepted(connection: Connection, number: int, *, now: datetime) -> None:
    """Note that the snapshot of a round was accepted."""
    attempts = col(Round.push_attempts) + 1
    values = {"pushed_at": now, "push_attempts": attempts, "push_retry_at": None, "push_error": None}
    connection.execute(update(Round).where(col(Round.number) == number).values(values))


def refused(connection: Connection, number: int, *, error: str, retry_at: datetime | None) -> None:
    """Note that it was not accepted; it is sent again at `retry_at`, or, if None, only on request."""
    attempts = col(Round.push_attempts) + 1
    values = {"push_attempts": attempts, "push_retry_at": retry_at, "push_error": error[:_ERROR_LIMIT]}
    connection.execute(update(Round).where(col(Round.number) == number).values(values))
