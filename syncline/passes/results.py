"""Results: whoever wants to hear of sessions that end subscribes here, or follows them from another process.

Subscribers are called in the process that ends a session (the flow's, the runner's, the reconciler's), once, after the
transaction that ended it; a process that dies in between calls nobody. Whoever must not miss one follows.
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

__all__ = ["Callback", "Result", "declare", "follow", "newest", "on_result", "tell"]

Callback: TypeAlias = "Callable[[SyncSession], None]"

_log = logging.getLogger(__name__)
_everybody: dict[object, Callback] = {}
_of_sources: dict[str, tuple[Callback, ...]] = {}
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Result:
    """A session that has ended, and its number: the one to go on behind."""

    number: int
    session: SyncSession


def on_result(callback: Callback) -> Callable[[], None]:
    """Call `callback` with each session that this process ends from now on; what it raises is logged, no more.

    Returns:
        What ends the subscription.
    """
    token = object()
    _everybody[token] = callback

    def unsubscribe() -> None:
        _everybody.pop(token, None)

    return unsubscribe


def declare(source: Source) -> None:
    """Have the `on_result` of `source` called in this process; `sync_flow` does so wherever the source is loaded."""
    _of_sources[source.name] = source.on_result


def tell(store: Store, session_ids: Iterable[str]) -> None:
    """Tell of sessions that this process has ended; called by whoever did it, once their transaction is committed."""
    if not _everybody and not any(_of_sources.values()):
        return
    for session_id in session_ids:
        try:
            with store.read() as connection:
                session = sessions.find(connection, session_id)
        except Exception:  # noqa: BLE001 - the session has ended, and whoever ended it has nothing to mend
            _log.exception("nobody was told of session %s", session_id)
            continue
        if session is not None:
            _call((*_of_sources.get(session.source, ()), *_everybody.values()), session)


def _call(callbacks: tuple[Callback, ...], session: SyncSession) -> None:
    for callback in callbacks:
        try:
            callback(session)
        except Exception:  # noqa: BLE001 - whatever a subscriber does, it is neither the run's nor the others' business
            name = getattr(callback, "__qualname__", type(callback).__name__)  # a repr may hold secrets
            _log.exception("%s failed on the result of session %s", name, session.id)


def follow(store: Store, *, since: int = 0) -> Iterator[Result]:
    """The sessions that ended behind the one numbered `since`, in order, as far as there are any now.

    Each comes once, whoever ended it, however late its record was made. Keep the number of the last one, best in the
    transaction of what was done with it, and go on behind it later.
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
    """The number of the last session that has ended: whoever follows from there on hears of no earlier one."""
    _number(store)
    with store.read() as connection:
        return results.newest(connection)


def _number(store: Store) -> None:
    """Number what is new; while there is nothing, nothing is written."""
    while True:
        with store.read() as connection:
            if not results.has_new(connection):
                return
        store.transact(lambda connection: results.number(connection, limit=_AT_ONCE))
