"""Results: subscribe to sessions that end in this process, or follow all that end in any process.

Subscribers are called in the process that ends a session (the flow's, the runner's, the reconciler's), once, after the
transaction that ended it. If the process dies in between, they are not called; `follow` misses no session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from syncline.model.session import SyncSession
from syncline.model.source import Source
from syncline.store import results, sessions
from syncline.store.engine import Store

__all__ = ["Callback", "Result", "follow", "newest", "notify", "on_result", "register_callbacks"]

Callback: TypeAlias = "Callable[[SyncSession], None]"

_log = logging.getLogger(__name__)
_subscribers: dict[object, Callback] = {}
_source_callbacks: dict[str, tuple[Callback, ...]] = {}
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Result:
    """A session that has ended, and its number: pass it to `follow` to continue after it."""

    number: int
    session: SyncSession


def on_result(callback: Callback) -> Callable[[], None]:
    """Call `callback` with each session that this process ends from now on; an exception that it raises is only logged.

    Returns:
        What ends the subscription.
    """
    token = object()
    _subscribers[token] = callback

    def unsubscribe() -> None:
        _subscribers.pop(token, None)

    return unsubscribe


def register_callbacks(source: Source) -> None:
    """Call the `on_result` of `source` in this process; `sync_flow` registers it when the source is loaded."""
    _source_callbacks[source.name] = source.on_result


def notify(store: Store, session_ids: Iterable[str]) -> None:
    """Call the subscribers for sessions that this process has ended; call it once their transaction is committed."""
    if not _subscribers and not any(_source_callbacks.values()):
        return
    for session_id in session_ids:
        try:
            with store.read() as connection:
                session = sessions.find(connection, session_id)
        except Exception:  # noqa: BLE001 - the session has ended; its run must not fail because it cannot be read
            _log.exception("the subscribers were not told of session %s", session_id)
            continue
        if session is not None:
            _call((*_source_callbacks.get(session.source, ()), *_subscribers.values()), session)


def _call(callbacks: tuple[Callback, ...], session: SyncSession) -> None:
    for callback in callbacks:
        try:
            callback(session)
        except Exception:  # noqa: BLE001 - a subscriber's fault must fail neither the run nor other subscribers
            name = getattr(callback, "__qualname__", type(callback).__name__)  # a repr may hold secrets
            _log.exception("%s failed on the result of session %s", name, session.id)


def follow(store: Store, *, since: int = 0) -> Iterator[Result]:
    """The sessions that ended after the one numbered `since`, in the order of their numbers, up to now.

    Each comes once, whichever process ended it, and even if its record was made late. Store the number of the last one,
    best in the transaction that handles it, and continue after it later.
    """
    while True:
        _number(store)
        with store.read() as connection:
            found = results.after(connection, since, limit=_AT_ONCE)
        for session in found:
            since = session.result_no or since
            yield Result(number=since, session=session)
        if len(found) < _AT_ONCE:
            return


def newest(store: Store) -> int:
    """The number of the last session that has ended; `follow` from here leaves out all earlier ones."""
    _number(store)
    with store.read() as connection:
        return results.newest(connection)


def _number(store: Store) -> None:
    """Number sessions that have ended since; if there are none, nothing is written."""
    while True:
        with store.read() as connection:
            if not results.has_new(connection):
                return
        store.transact(lambda connection: results.number(connection, limit=_AT_ONCE))
