"""What an error of the database means, told by its code: a server may speak any language.

PostgreSQL's codes are the SQLSTATEs of its manual's appendix A, of which the first two characters name a class;
SQLite's are the primary ones of sqlite.org/rescode.html. Whatever is not named here is a mistake in a statement.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:  # a tenth of a second of each command, where the database is SQLite
    import psycopg

__all__ = ["advice", "cause", "driver_errors", "is_busy", "is_disconnect", "is_passing"]

_PRIMARY_CODE = 0xFF
"""The higher bits of SQLite's codes say more closely what it is."""
_DEADLOCK, _SERIALIZATION, _STOOD_STILL = "40P01", "40001", "25P03"
_ADDRESS = "check SYNCLINE_DATABASE_URL"
_FILE = "check SYNCLINE_HOME and SYNCLINE_DATABASE_URL"
_ANSWERS = (
    "see whether the server runs and has a connection to spare, "
    "and check the address, the user and the password in SYNCLINE_DATABASE_URL"
)
_DAMAGED = "it is damaged: put a backup in its place, or move it away and run `syncline db upgrade` for a new one"
_DISK = "see whether its disk is well"

_POSTGRESQL: Mapping[str, str] = {
    _SERIALIZATION: "others change the same rows all the time: run fewer at once",
    _DEADLOCK: "others change the same rows all the time: run fewer at once",
    "08": _ANSWERS,
    "25006": "it takes no writes: name the primary server in SYNCLINE_DATABASE_URL",
    _STOOD_STILL: "the program stood still in a transaction: see what kept it, or raise SYNCLINE_DATABASE_IDLE_SECONDS",
    "28": "check the user and the password in SYNCLINE_DATABASE_URL",
    "3D000": _ADDRESS,
    "53100": "its disk is full: make room on the server; nothing was half-written",
    "53200": "the server has no memory left: give it more, or run fewer at once",
    "53300": "the server has no connection to spare: raise its max_connections, or run fewer processes",
    "53": "the server has too little of something: see its log",
    "55P03": "another transaction holds a lock: see pg_stat_activity, or raise SYNCLINE_DATABASE_LOCK_SECONDS",
    "57014": "a statement took too long or was cancelled: raise SYNCLINE_DATABASE_STATEMENT_SECONDS if it must",
    "57P03": "the server is starting or stopping: try again in a moment",
    "57P": _ANSWERS,
    "58": f"{_DISK}; the server's log says more",
    "XX001": "it is damaged: see the server's log, and restore a backup",
    "XX002": "an index is damaged: see the server's log, and run REINDEX",
}
"""The way out, by the code or its beginning; the longest that fits counts."""
_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "another program holds it: see which one has the file open",
    sqlite3.SQLITE_LOCKED: "another program holds it: see which one has the file open",
    sqlite3.SQLITE_PERM: "see who may read and write the file and its folder",
    sqlite3.SQLITE_READONLY: "see who may read and write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: f"{_FILE}, and who may read and write the folder",
    sqlite3.SQLITE_NOMEM: "the machine has no memory left",
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_FULL: "its disk is full: make room for it; nothing was half-written",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: f"{_FILE}: the file is something else, or {_DAMAGED}",
    sqlite3.SQLITE_PROTOCOL: "another program holds it: see which one has the file open",
}


def driver_errors() -> tuple[type[Exception], ...]:
    """What the drivers raise that this process uses; psycopg takes 0.1 CPU s to import."""
    postgresql = sys.modules.get("psycopg")
    return (sqlite3.Error,) if postgresql is None else (sqlite3.Error, postgresql.Error)


def advice(error: BaseException) -> str | None:
    """The way out where the database is away, locked, full or damaged; None where the statement is to blame."""
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(_sqlite_code(error))
    if not _is_postgresql(error):
        return None
    if error.sqlstate is None:
        return _ANSWERS if _is_cut_off(error) else None
    known = [error.sqlstate[:length] for length in (5, 3, 2)]
    return next((_POSTGRESQL[code] for code in known if code in _POSTGRESQL), None)


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction, begun anew, may well succeed: others came between, and the database chose it."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY_SNAPSHOT
    return _is_postgresql(error) and error.sqlstate in {_DEADLOCK, _SERIALIZATION}


def is_disconnect(error: BaseException) -> bool:
    """Whether a server is gone, or has ended the connection; a new one may find it."""
    if not _is_postgresql(error):
        return False
    if error.sqlstate is None:
        return _is_cut_off(error)
    return error.sqlstate.startswith(("08", "57P", _STOOD_STILL))


def is_busy(error: BaseException) -> bool:
    """Whether another process holds SQLite's lock."""
    return isinstance(error, sqlite3.Error) and _sqlite_code(error) == sqlite3.SQLITE_BUSY


def cause(error: BaseException) -> str:
    """What the driver says, on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _is_postgresql(error: BaseException) -> TypeGuard[psycopg.Error]:
    return isinstance(error, driver_errors()) and not isinstance(error, sqlite3.Error)


def _is_cut_off(error: psycopg.Error) -> bool:
    """Whether an error without a code means that libpq itself has no answer, or that the connection is closed."""
    import psycopg  # noqa: PLC0415 - loaded, since it raised the error

    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _sqlite_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
