"""The database: SQLite in WAL mode or PostgreSQL, opened once a process, used through short transactions.

Its errors do not repeat the values of a statement: they end up in logs and in Prefect, and rows are nobody's business.

**The order of locks.** Every transaction that changes rows of several tables takes them in this order, so that no two
wait for each other on PostgreSQL (SQLite has one writer at a time):

1. the lease of the source; 2. its queue (`queued_runs`); 3. what a session works on: rounds, entries, items, keys that
a pass has seen, rejects; 4. sessions; 5. the checkpoint; 6. holds, breakers, overrides; 7. totals; 8. heartbeats;
9. the audit log.

The session comes behind its items, and tells there whether it is still open: were it taken first, a page that waits for
a row of somebody's open transaction would keep the session from being closed, and its source with it. Rows of one table
are taken in the order of their keys. A deadlock that comes about all the same is no error: `transact` begins anew.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from syncline.clock import Clock, ManualClock, SystemClock
from syncline.errors import DatabaseUnavailableError
from syncline.kernel_settings import KernelSettings
from syncline.store import failures
from syncline.store.connections import BEGIN, Limits, engine_of, limits_of, parsed_url, shown_url
from syncline.store.direct import RawConnection
from syncline.store.server_clock import ServerClock

__all__ = ["Store", "open_store"]

T = TypeVar("T")

_TRIES = 10
"""A transaction that others get in the way of is begun so often at most."""
_PAUSE_SECONDS = 0.005


class Store:
    """A database and the clock by which its rows are dated.

    It is opened at the first use, so it can be made anywhere and carried over a fork only before that.
    """

    def __init__(self, url: str, *, clock: Clock | None = None, limits: Limits | None = None) -> None:
        """Use the database at `url`, an SQLAlchemy URL of SQLite or PostgreSQL (psycopg).

        `clock` is this machine's; a test's own (`ManualClock`) is the time on both databases. `limits` say how long a
        transaction may take.

        Raises:
            ConfigurationError: the URL names another database, or is none.
        """
        self.url = parsed_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.limits = limits or Limits()
        machine = clock or SystemClock()
        self._server_tells_time = not self.is_sqlite and not isinstance(machine, ManualClock)
        self.clock: Clock = ServerClock(self._ask_server, machine) if self._server_tells_time else machine
        """PostgreSQL's clock, which all machines share; with SQLite all processes are on this machine and share its."""
        self._engine: Engine | None = None
        self.direct = RawConnection(
            self.connect_beside,
            self.clock,
            is_sqlite=self.is_sqlite,
            server_tells_time=self._server_tells_time,
            name=shown_url(self.url),
            patience_seconds=self.limits.lock_seconds,
        )
        """A connection beside the pool, for what each request reads and writes."""

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, made at the first use."""
        if self._engine is None:
            self._engine = engine_of(self.url, self.limits)
        return self._engine

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A transaction that only reads.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
        """
        with self._spoken(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A transaction that writes: committed at its end, rolled back when anything is raised.

        On SQLite it takes the writer's lock at its start, so what it reads stays true until it commits. For a change of
        one row; what changes several uses `transact`, which a deadlock does not end.

        Raises:
            DatabaseUnavailableError: the database cannot be reached, or stayed locked for `limits.lock_seconds`.
        """
        with self._spoken(), self._writing() as connection:
            yield connection

    def transact(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Do `work` in a transaction that writes, and once more from its beginning where others came in between.

        Args:
            work: changes nothing but the database, for it may be done several times; the last one counts.
            durable: whether it outlives a power loss of PostgreSQL's server; else nobody waits for its disk.

        Raises:
            DatabaseUnavailableError: as of `write`, or others came in between again and again.
        """
        with self._spoken():
            for left in reversed(range(_TRIES)):
                try:
                    with self._writing() as connection:
                        if not (durable or self.is_sqlite):
                            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                        return work(connection)
                except DBAPIError as error:
                    if not left or error.orig is None or not failures.is_passing(error.orig):
                        raise
                time.sleep(_PAUSE_SECONDS * random.random())  # noqa: S311 - that they differ is enough
        raise AssertionError  # the last try has returned or raised

    def now(self, connection: Connection) -> datetime:
        """The present instant on the clock that all processes share, read in this transaction.

        It is later than all that the transaction has waited for.
        """
        if not self._server_tells_time:
            return self.clock.now()
        return _utc(connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one())

    def close(self) -> None:
        """Give all connections back."""
        self.direct.close()
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def _writing(self) -> Generator[Connection]:
        engine = self.engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
        with engine.connect() as connection, connection.begin():
            yield connection

    def _ask_server(self) -> datetime:
        with self.read() as connection:  # the one beside the pool may be in the hands of a thread that hangs
            return self.now(connection)

    def connect_beside(self) -> object:
        """A connection of the driver that the pool does not know any more; its user closes it."""
        with self._spoken():
            pooled = self.engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        return connection

    @contextmanager
    def _spoken(self) -> Generator[None]:
        """Turn a driver's complaint that the database is away, locked, full or damaged into one line."""
        try:
            yield
        except DBAPIError as error:
            way_out = None if error.orig is None else failures.advice(error.orig)
            if error.orig is None or way_out is None:
                raise
            said = failures.cause(error.orig)
            message = f"the database {shown_url(self.url)} is not available ({said}); {way_out}"
            raise DatabaseUnavailableError(message) from error


def open_store(settings: KernelSettings) -> Store:
    """The store that the settings name."""
    return Store(settings.database, limits=limits_of(settings))


def _utc(instant: datetime) -> datetime:
    """The instant as we keep it: the driver tells it in the time zone of the server's settings."""
    return instant.astimezone(UTC)
