"""Connections to the database: how they are opened, and how long what they do may take.

Nobody waits for ever for a machine that has vanished. On PostgreSQL a transaction that does nothing is ended by the
server, one that waits for a lock or works too long is refused, and both sides ask a silent connection whether it lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from syncline.errors import ConfigurationError
from syncline.kernel_settings import KernelSettings
from syncline.store.compiled import COMPILED

__all__ = ["BEGIN", "Limits", "engine_of", "limits_of", "parsed_url", "shown_url", "without_limits"]

BEGIN = "begin"
"""The execution option that says how SQLite begins a transaction."""
_SECRET_PARAMETERS = ("password", "sslpassword")
"""What libpq takes in a URL's query as well."""
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
"""`cache_size` stays at SQLite's 2 MB: the system caches the file already, and with more of our own a load was no
quicker, but took as much more memory."""
_ASK_AFTER_SECONDS, _ASK_EVERY_SECONDS, _ASK_TIMES = 10, 5, 3
"""A connection that has been silent so long is asked for a sign of life, and given up after 25 seconds."""
_GIVE_UP_SECONDS = _ASK_AFTER_SECONDS + _ASK_EVERY_SECONDS * _ASK_TIMES
_KEEPALIVES: Mapping[str, int] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": _ASK_AFTER_SECONDS,
    "keepalives_interval": _ASK_EVERY_SECONDS,
    "keepalives_count": _ASK_TIMES,
    "tcp_user_timeout": _GIVE_UP_SECONDS * 1000,
}
"""Our end of a connection (libpq's parameters, in seconds and milliseconds); what the URL says goes before."""
_SERVER_KEEPALIVES: Mapping[str, int] = {
    "tcp_keepalives_idle": _ASK_AFTER_SECONDS,
    "tcp_keepalives_interval": _ASK_EVERY_SECONDS,
    "tcp_keepalives_count": _ASK_TIMES,
    "tcp_user_timeout": _GIVE_UP_SECONDS * 1000,
}
"""The server's end: a machine that lost its power is noticed, and what it held is free."""
_CHECK = ("client_connection_check_interval", 10_000, 140_000)
"""Long statements end with the client that asked for them; from PostgreSQL 14 on."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a transaction may take; on SQLite, where one process writes at a time, the first alone counts.

    Attributes:
        lock_seconds: it waits so long for a lock of somebody else's.
        statement_seconds: one of its statements works so long; migrations may take longer.
        idle_seconds: it stands still so long between two statements, as the transaction of a machine does that has
            vanished. Shorter than `lock_seconds`, so that a transaction that waits for such a machine is served.
    """

    lock_seconds: float = 30
    statement_seconds: float = 300
    idle_seconds: float = 25


def limits_of(settings: KernelSettings) -> Limits:
    """The limits that the settings give."""
    return Limits(
        lock_seconds=settings.database_lock_seconds,
        statement_seconds=settings.database_statement_seconds,
        idle_seconds=settings.database_idle_seconds,
    )


def parsed_url(url: str) -> URL:
    """The URL of a database that can be used.

    Raises:
        ConfigurationError: it names another kind of database, or is none.
    """
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


def shown_url(url: URL) -> str:
    """The URL without its secrets."""
    return url.difference_update_query(_SECRET_PARAMETERS).render_as_string(hide_password=True)


def engine_of(url: URL, limits: Limits) -> Engine:
    """The engine for the database at `url`; it opens nothing yet."""
    engine = _sqlite(url, limits) if url.get_backend_name() == "sqlite" else _postgresql(url, limits)
    return engine.execution_options(compiled_cache=COMPILED)


def without_limits(connection: Connection) -> None:
    """Let the transaction under way take as long as it needs: a migration of a big table does."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true), "
            "set_config('idle_in_transaction_session_timeout', '0', true)"
        )


def _sqlite(url: URL, limits: Limits) -> Engine:
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        with suppress(OSError):  # SQLite then says that it cannot open the file
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    connect_args = {"check_same_thread": False, "timeout": limits.lock_seconds}
    engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True, connect_args=connect_args)
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
    connection.exec_driver_sql(connection.get_execution_options().get(BEGIN, "BEGIN"))


def _postgresql(url: URL, limits: Limits) -> Engine:
    ours = {name: value for name, value in _KEEPALIVES.items() if name not in url.query}
    plain = url.set(drivername="postgresql+psycopg")
    engine = create_engine(plain, hide_parameters=True, pool_pre_ping=True, connect_args=ours)

    def prepare(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event protocol
        del record
        _limit(connection, limits)

    event.listen(engine, "connect", prepare)
    return engine


def _limit(connection: Any, limits: Limits) -> None:  # noqa: ANN401 - psycopg's, behind SQLAlchemy's protocol
    """Set the limits for the connection's life, in one request.

    Not by libpq's `options`: a connection pooler in between refuses those.
    """
    values: dict[str, int] = {
        "lock_timeout": _milliseconds(limits.lock_seconds),
        "statement_timeout": _milliseconds(limits.statement_seconds),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_seconds),
        **_SERVER_KEEPALIVES,
    }
    name, interval_ms, since_version = _CHECK
    if connection.info.server_version >= since_version:
        values[name] = interval_ms
    set_all = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in values.items())
    connection.autocommit = True
    connection.execute(f"SELECT {set_all}")
    connection.autocommit = False


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
