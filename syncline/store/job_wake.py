"""Waking drains: word that jobs were queued reaches them at once, from any process.

PostgreSQL notifies (4 ms); with SQLite a counter is read that rises with each commit of another connection (3 us).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Connection

from syncline.store.engine import Store
from syncline.store.native import execute, is_postgresql

__all__ = ["CHANNEL", "Bell", "bell_of", "ring"]

CHANNEL = "syncline_jobs"
_LOOK_SECONDS = 0.1
"""How often SQLite's counter is read."""


def ring(connection: Connection) -> None:
    """Tell drains, when this transaction commits, that jobs were queued."""
    if is_postgresql(connection):
        execute(connection, f"SELECT pg_notify('{CHANNEL}', '')")


class Bell(Protocol):
    """What a drain waits at; an async context manager."""

    async def wait(self, seconds: float) -> bool:
        """Wait until it rings, for so many seconds at most; returns whether it rang, perhaps for something else."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def bell_of(store: Store) -> Bell:
    """The bell of the store's database."""
    return _Counter(store) if store.is_sqlite else _Notifications(store)


class _Connected:
    """A connection beside the pool, opened anew after it was lost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            with suppress(Exception):  # it is being given up
                self._open.close()
            self._open = None


class _Counter(_Connected):
    """SQLite's `data_version`."""

    _seen: int | None = None

    async def wait(self, seconds: float) -> bool:
        """As of `Bell`; it rings at first, for something may have been missed before the first look."""
        ends = asyncio.get_running_loop().time() + seconds
        try:
            while not self._has_risen():
                left = ends - asyncio.get_running_loop().time()
                if left <= 0:
                    return False
                await asyncio.sleep(min(_LOOK_SECONDS, left))
        except Exception:  # noqa: BLE001 - the database is away: what comes next says so
            self._close()
            await asyncio.sleep(min(1.0, seconds))
        return True

    def _has_risen(self) -> bool:
        if self._open is None:
            self._open = self._store.connect_beside()
        before, self._seen = self._seen, int(self._open.execute("PRAGMA data_version").fetchone()[0])
        return before != self._seen


class _Notifications(_Connected):
    """PostgreSQL's LISTEN."""

    _opening: asyncio.Future[object] | None = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opening is not None:  # a wait was ended while its thread connected
            with suppress(Exception):
                self._open = await self._opening
        await super().__aexit__(kind, error, trace)

    async def wait(self, seconds: float) -> bool:
        """As of `Bell`; a connection that was lost rings, for something may have been missed."""
        try:
            if self._open is None:
                self._opening = self._opening or asyncio.ensure_future(asyncio.to_thread(self._listen))
                try:
                    self._open = await asyncio.shield(self._opening)
                finally:
                    if self._opening.done():
                        self._opening = None
                return True
            return await self._heard(seconds)
        except Exception:  # noqa: BLE001 - the database is away: what comes next says so
            self._close()
            await asyncio.sleep(min(1.0, seconds))
            return True

    def _listen(self) -> object:
        connection: Any = self._store.connect_beside()
        connection.autocommit = True
        connection.execute("SELECT set_config('statement_timeout', '0', false)")
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    async def _heard(self, seconds: float) -> bool:
        """Wait for the socket without a thread: a drain does nothing else for most of its life."""
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        number = self._open.fileno()
        loop.add_reader(number, lambda: readable.done() or readable.set_result(None))
        try:
            await asyncio.wait_for(readable, seconds)
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(number)
        return bool(list(self._open.notifies(timeout=0)))
