"""PostgreSQL databases for tests: emptied and given to the next test, which is far quicker than to make each anew."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

__all__ = ["Databases", "ending_with_this_process", "named", "set_for_tests"]

_SHAPE = text(
    """
    SELECT md5(string_agg(part, E'\\n' ORDER BY part)) FROM (
        SELECT concat('column ', attrelid::regclass, attname, atttypid::regtype, atttypmod, attnotnull, attisdropped,
            pg_get_expr(adbin, adrelid)) AS part
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0
        UNION ALL SELECT concat('class ', relname, relkind, reloptions) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat(conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT concat(proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat('statistics ', starelid::regclass, staattnum) FROM pg_statistic
        JOIN pg_class ON pg_class.oid = starelid WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat('setting ', setconfig) FROM pg_db_role_setting
        JOIN pg_database ON pg_database.oid = setdatabase WHERE datname = current_database()
        UNION ALL SELECT concat('schema ', nspname) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
        UNION ALL SELECT concat('version ', version_num) FROM alembic_version
    ) AS parts(part)
    """
)
"""All of a database but its rows, as one text."""
_SIZES = text(
    "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_USED_SEQUENCES = text("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL")
_KEPT = "alembic_version"
_FEW_BYTES = 80 * 1024
"""Rows of a table that is no larger are deleted; TRUNCATE makes files anew, which takes five times as long.

The planner takes a table of up to 10 pages as an empty one, so no test sees what another has left.
"""
_END = """
import contextlib, os, signal, sys
sys.stdin.read()
with contextlib.suppress(ProcessLookupError):
    os.kill(int(sys.argv[1]), signal.SIGQUIT)
"""
"""SIGQUIT is PostgreSQL's immediate shutdown."""


@dataclass(kw_only=True)
class Databases:
    """Migrated databases, all copied from one.

    Attributes:
        url: of the server's maintenance database.
        template: the name of the database that they are copied from.
    """

    url: str
    template: str
    _free: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._admin = _engine(self.url)
        name = self._made()
        with self._connected(name) as connection:
            self._shape = connection.execute(_SHAPE).scalar_one()
        self._free.append(name)

    def take(self) -> str:
        """The name of a database without rows; it belongs to the caller until it is given back."""
        return self._free.pop() if self._free else self._made()

    def give_back(self, name: str) -> None:
        """Empty the database for the next test, or drop it, where more than its rows was changed."""
        with self._connected(name) as connection:
            connection.execute(_OTHERS)
            is_as_made = self._is_as_made(connection)
            if is_as_made:
                self._empty(connection)
        if is_as_made:
            self._free.append(name)
        else:
            self._drop(name)

    def close(self) -> None:
        """Drop all that are not taken."""
        for name in self._free:
            self._drop(name)

    def _is_as_made(self, connection: Connection) -> bool:
        try:
            return connection.execute(_SHAPE).scalar_one() == self._shape
        except ProgrammingError:  # it has no table of versions any more
            return False

    def _empty(self, connection: Connection) -> None:
        sizes = {str(table): int(size) for table, size in connection.execute(_SIZES) if table != _KEPT and size}
        large = ", ".join(f'"{table}"' for table, size in sizes.items() if size > _FEW_BYTES)
        statements = [
            "SET session_replication_role = replica",  # snapshots refuse to be deleted
            *(f'DELETE FROM "{table}"' for table, size in sizes.items() if size <= _FEW_BYTES),  # noqa: S608
            *([f"TRUNCATE {large} CASCADE"] if large else []),
            *(f"SELECT setval('\"{one}\"', 1, false)" for one in connection.execute(_USED_SEQUENCES).scalars()),
            "RESET session_replication_role",
        ]
        connection.exec_driver_sql("; ".join(statements))

    def _made(self) -> str:
        name = f"test_{uuid4().hex}"
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {self.template}"))
        return name

    def _drop(self, name: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    def _connected(self, name: str) -> Connection:
        return _engine(named(self.url, name)).connect()


def _engine(url: str) -> Engine:
    """Keeps no connection open: tests look at who is connected, and cut connections off."""
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)


@contextmanager
def ending_with_this_process(folder: Path) -> Generator[None]:
    """Have the server of this folder end as this process does, also if that is killed: no fixture is torn down then.

    A process that waits for the end of its input, which only this one can write to, ends the server.
    """
    postmaster = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
    watching = [sys.executable, "-I", "-S", "-c", _END, postmaster]
    with subprocess.Popen(watching, stdin=subprocess.PIPE, start_new_session=True) as watcher:
        yield
        watcher.kill()


def set_for_tests(url: str) -> None:
    """Have the server not wait for its disk: what a power cut would lose goes with the tests anyway.

    And no vacuum: it would come between, and show the planner what other tests have left.
    """
    with _engine(url).connect() as connection:
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))


def named(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)
