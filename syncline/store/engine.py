"""The database: SQLite in WAL mode or PostgreSQL, opened once a process, used through short transactions.

Its errors do not repeat the values of a statement: they end up in logs and in Prefect, and rows are nobody's business.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from syncline.clock import Clock, SystemClock
from syncline.errors import ConfigurationError, DatabaseUnavailableError
from syncline.store.direct import Direct

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["LOCK_TIMEOUT_SECONDS", "Store"]

LOCK_TIMEOUT_SECONDS = 30
"""How long a transaction waits for a database that another process holds."""

_SECRET_PARAMETERS = ("password", "sslpassword")
"""What libpq takes in a URL's query as well."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    f"busy_timeout={LOCK_TIMEOUT_SECONDS * 1000}",
)
"""`cache_size` stays at SQLite's 2 MB: the system caches the file already, and with more of our own a load was no
quicker, but took as much more memory."""


class Store:
    """A database and the clock by which its rows are dated.

    It is opened at the first use, so it can be made anywhere and carried over a fork only before that.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        """Use the database at `url`, an SQLAlchemy URL of SQLite or PostgreSQL (psycopg).

        Raises:
            ConfigurationError: the URL names another database, or is none.
        """
        self.clock: Clock = clock or SystemClock()
        self.url = _parsed(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine: Engine | None = None
        where = self.url.render_as_string(hide_password=True)
        self.direct = Direct(
            self._connect,
            self.clock,
            is_sqlite=self.is_sqlite,
            name=where,
            patience_seconds=LOCK_TIMEOUT_SECONDS,
        )
        """A connection beside the pool, for what each request reads and writes."""

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, made at the first use."""
        if self._engine is None:
            self._engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)
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

        On SQLite it takes the writer's lock at its start, so what it reads stays true until it commits.

        Raises:
            DatabaseUnavailableError: the database cannot be reached, or stayed locked for `LOCK_TIMEOUT_SECONDS`.
        """
        engine = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        with self._spoken(), engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.direct.close()
        if self._engine is not None:
            self._engine.dispose()

    def _connect(self) -> object:
        """A connection of the driver, which the pool does not know any more."""
        with self._spoken():
            pooled = self.engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        return connection

    @contextmanager
    def _spoken(self) -> Generator[None]:
        """Turn a driver's complaint that the database is gone or locked into one line."""
        try:
            yield
        except DBAPIError as error:
            if not _is_unavailable(error):
                raise
            where = self.url.difference_update_query(_SECRET_PARAMETERS).render_as_string(hide_password=True)
            cause = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
            message = f"the database {where} is not available ({cause}); check SYNCLINE_DATABASE_URL"
            raise DatabaseUnavailableError(message) from error


def _is_unavailable(error: DBAPIError) -> bool:
    text = str(error.orig).lower()
    gone = ("unable to open", "locked", "connection", "disk i/o", "readonly", "timeout expired", "shutting down")
    return (
        error.connection_invalidated
        or "file is not a database" in text
        or (
            type(error.orig).__name__ in {"OperationalError", "ConnectionTimeout", "AdminShutdown"}
            and any(word in text for word in gone)
        )
    )


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() in {"sqlite", "postgresql"}:
            return parsed
    except (ArgumentError, NoSuchModuleError, ValueError):  # a port that is no number is a ValueError
        pass
    scheme = url.partition(":")[0][:20]
    wanted = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    message = f"SYNCLINE_DATABASE_URL must be {wanted}, but begins with {scheme!r}"
    raise ConfigurationError(message)


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        with suppress(OSError):  # SQLite then says that it cannot open the file
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    plain = url.set(drivername="sqlite")
    connect_args = {"check_same_thread": False, "timeout": LOCK_TIMEOUT_SECONDS}
    engine = create_engine(plain, hide_parameters=True, connect_args=connect_args)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event protocol
    """Set the pragmas, and leave the beginning of transactions to us."""
    del record
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Begin as the transaction was announced: reading unless it will write."""
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _postgresql(url: URL) -> Engine:
    plain = url.set(drivername="postgresql+psycopg")
    return create_engine(plain, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": 10})
