"""A connection of the driver's own, for the small statements that go with each request.

It spares what SQLAlchemy and a pool add to each of them, several times what the statement itself takes. On PostgreSQL
it does not wait for the disk: after a power loss a budget may have forgotten its last requests, never a page its rows.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

from syncline.clock import Clock, Steady, SteadyClock, SystemClock, microseconds
from syncline.errors import DatabaseUnavailableError
from syncline.store import failures

__all__ = ["RawConnection", "RawStatements", "retry_while_locked"]

T = TypeVar("T")

SQLITE_NOW = "syncline_now_us"
"""SQLite asks this process, while it holds the lock that the statement has waited for."""
_TRIES = 3
_DRIFT = 1000
"""Two clocks drift apart by less than a thousandth of what passes."""
_SERVER_NOW = "CAST(date_part('epoch', clock_timestamp()) * 1000000 AS bigint)"
"""In floating point, which holds microseconds until the year 2255; `extract` counts in decimals, ten times as long."""

_SHORTEST_PAUSE_SECONDS = 0.0001
_LONGEST_PAUSE_SECONDS = 0.01


class _Cursor(Protocol):
    rowcount: int

    def fetchall(self) -> list[tuple[Any, ...]]: ...


class _Connection(Protocol):
    """What sqlite3 and psycopg have in common."""

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> _Cursor: ...

    def close(self) -> None: ...


class RawStatements:
    """Statements over an open connection; parameters stand as `?` on both databases."""

    def __init__(
        self,
        connection: _Connection,
        clock: Clock,
        *,
        is_sqlite: bool,
        server_tells_time: bool,
        patience_seconds: float,
    ) -> None:
        """Speak over `connection`, which commits by itself; wait so long for a lock of SQLite's."""
        self.is_sqlite = is_sqlite
        self._connection = connection
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._server_tells_time = server_tells_time
        self._statements: dict[str, str] = {}
        self._server_ahead: tuple[int, int] | None = None
        self._steady_clock = clock if isinstance(clock, SteadyClock) else SystemClock()

    @property
    def now_sql(self) -> tuple[str, tuple[int, ...]]:
        """An expression for the instant at which it is evaluated, and its parameters.

        PostgreSQL's own clock is the one that all machines share; a clock that a test moves takes its place.
        """
        if self.is_sqlite:
            return f"{SQLITE_NOW}()", ()
        return (_SERVER_NOW, ()) if self._server_tells_time else ("CAST(? AS bigint)", (self.now(),))

    def now(self) -> int:
        """The store's clock, in microseconds since 1970."""
        return microseconds(self._clock.now())

    @property
    def steady(self) -> Steady:
        """This machine's clock that nobody sets, by which the database's is judged."""
        return self._steady_clock.steady()

    @property
    def database_now(self) -> int | None:
        """The instant that the database's clock surely has reached, without asking it; None: it must be asked.

        A server's clock was read before its answer came: it is at least as far ahead of ours as it seemed then.
        """
        if not self._server_tells_time:
            return self.now()
        if self._server_ahead is None:
            return None
        ahead, since = self._server_ahead
        now = self.steady.us
        return now + ahead - (now - since) // _DRIFT

    def heard(self, told: int) -> int:
        """Heed that the database's clock has just shown `told`, which is returned."""
        if self._server_tells_time:
            now, known = self.steady.us, self.database_now
            self._server_ahead = (max(told, known or 0) - now, now)
        return told

    def mistrust(self) -> None:
        """Forget what the database's clock has shown: one of the clocks may have been set."""
        self._server_ahead = None

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What `statement` returns."""
        return self._execute(statement, parameters).fetchall()

    def changed(self, statement: str, parameters: Sequence[object]) -> bool:
        """Whether `statement` changed a row."""
        return self._execute(statement, parameters).rowcount > 0

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Several statements that hold or fail together; SQLite takes the writer's lock at once."""
        self._execute("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN", ())
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK", ())
            raise
        self._execute("COMMIT", ())

    def close(self) -> None:
        """Close the connection."""
        with suppress(*failures.driver_errors()):
            self._connection.close()

    def _execute(self, statement: str, parameters: Sequence[object]) -> _Cursor:
        if self.is_sqlite:
            return retry_while_locked(
                lambda: self._connection.execute(statement, parameters), patience_seconds=self._patience_seconds
            )
        native = self._statements.get(statement)
        if native is None:
            native = self._statements.setdefault(statement, statement.replace("?", "%s"))
        return self._connection.execute(native, parameters)


class RawConnection:
    """Opens the connection at the first use; threads take turns on it."""

    def __init__(
        self,
        connect: Callable[[], object],
        clock: Clock,
        *,
        is_sqlite: bool,
        server_tells_time: bool,
        name: str,
        patience_seconds: float,
    ) -> None:
        """`connect` opens a connection of the driver; errors call the database `name`."""
        self._connect = connect
        self._clock = clock
        self._is_sqlite = is_sqlite
        self._server_tells_time = server_tells_time
        self._name = name
        self._patience_seconds = patience_seconds
        self._raw: RawStatements | None = None
        self._turn = threading.RLock()

    def call(self, work: Callable[[RawStatements], T]) -> T:
        """Do `work`; again over a new connection where the old one is gone, and where others came in between.

        Raises:
            DatabaseUnavailableError: the database cannot be reached, stays locked, is full or damaged.
        """
        with self._turn:
            for left in reversed(range(_TRIES)):
                was_open = self._raw is not None
                try:
                    return work(self._opened())
                except failures.driver_errors() as error:
                    self.close()
                    again = failures.is_passing(error) or (was_open and failures.is_disconnect(error))
                    if left and again:
                        continue
                    way_out = failures.advice(error)
                    if way_out is None:
                        raise
                    raise self._unavailable(error, way_out) from error
        raise AssertionError  # the last try has returned or raised

    def call_if_free(self, work: Callable[[RawStatements], object]) -> bool:
        """Do `work` as `call` does, unless another thread uses the connection; returns whether it was done."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            self.call(work)
        finally:
            self._turn.release()
        return True

    def close(self) -> None:
        """Give the connection back."""
        with self._turn:
            if self._raw is not None:
                self._raw.close()
                self._raw = None

    def _opened(self) -> RawStatements:
        if self._raw is None:
            connection = cast("Any", self._connect())
            if self._is_sqlite:
                connection.execute("PRAGMA busy_timeout = 0")  # `retry_while_locked` waits instead
                connection.create_function(SQLITE_NOW, 0, lambda: microseconds(self._clock.now()))
            else:
                connection.autocommit = True
                connection.execute("SET synchronous_commit = off")
            self._raw = RawStatements(
                connection,
                self._clock,
                is_sqlite=self._is_sqlite,
                server_tells_time=self._server_tells_time,
                patience_seconds=self._patience_seconds,
            )
        return self._raw

    def _unavailable(self, error: Exception, way_out: str) -> DatabaseUnavailableError:
        message = f"the database {self._name} is not available ({failures.cause(error)}); {way_out}"
        return DatabaseUnavailableError(message)


def retry_while_locked(execute: Callable[[], T], *, patience_seconds: float) -> T:
    """Do `execute`; while another process holds SQLite's lock, again after a pause, for so long at most.

    The pauses fit how long small statements hold it, a twentieth of a millisecond. SQLite itself looks again after
    1 ms, 2, 5, 10, up to 100, and so takes longest when most are waiting.

    Raises:
        sqlite3.OperationalError: the database stays locked, or the statement fails for another reason.
    """
    pause_seconds, ends = _SHORTEST_PAUSE_SECONDS, time.monotonic() + patience_seconds
    while True:
        try:
            return execute()
        except failures.driver_errors() as error:
            if not failures.is_busy(error) or time.monotonic() > ends:
                raise
        time.sleep(pause_seconds * (0.5 + random.random()))  # noqa: S311 - that they differ is enough
        pause_seconds = min(_LONGEST_PAUSE_SECONDS, 1.5 * pause_seconds)
