"""New databases for contenders, and whether they hold what they should afterwards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from syncline.store import schema
from syncline.store.engine import Store

__all__ = ["Database", "Databases", "Held"]


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a table holds."""

    items: int
    stock: int


@dataclass(frozen=True, kw_only=True)
class Database:
    """One contender's database.

    Attributes:
        url: SQLAlchemy URL.
        table: where its products are.
    """

    url: str
    table: str

    def held(self) -> Held:
        """What its products add up to."""
        items, stock = self._rows(f"SELECT count(*), sum(stock) FROM {self.table}")[0]
        return Held(items=items, stock=int(stock))

    def settle(self) -> None:
        """After a load, what a server does by itself in time: it must not fall into the next measurement."""
        if not self.url.startswith("sqlite"):
            self._rows("VACUUM ANALYZE")
            self._rows("CHECKPOINT")

    def log_position(self) -> int:
        """How many bytes PostgreSQL has written to its log; 0 on SQLite."""
        if self.url.startswith("sqlite"):
            return 0
        return int(self._rows("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")[0][0])

    def _rows(self, statement: str) -> list[Any]:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            result = connection.execute(text(statement))
            rows = list(result) if result.returns_rows else []
        engine.dispose()
        return rows


class Databases:
    """Makes databases, with Syncline's tables or empty."""

    def __init__(self, folder: Path, postgresql: str | None) -> None:
        """SQLite files go to `folder`; `postgresql` is the URL of the server's maintenance database."""
        self._folder = folder
        self._postgresql = postgresql
        self.kinds = ("sqlite",) if postgresql is None else ("sqlite", "postgresql")

    def new(self, kind: str, *, migrated: bool) -> tuple[Database, Path]:
        """A database, and a folder for files that belong to it."""
        name = f"bench_{uuid4().hex[:12]}"
        folder = self._folder / name
        folder.mkdir()
        url = f"sqlite:///{folder / 'products.db'}" if kind == "sqlite" else self._created(name)
        if migrated:
            store = Store(url)
            schema.upgrade(store)
            store.close()
        prefix = "" if migrated or kind == "sqlite" else "dlt."
        return Database(url=url, table=f"{prefix}products"), folder

    def drop(self, database: Database) -> None:
        """Give a PostgreSQL database's space back; files go with their folder."""
        if self._postgresql and not database.url.startswith("sqlite"):
            self._administer(f"DROP DATABASE {make_url(database.url).database} WITH (FORCE)")

    def _created(self, name: str) -> str:
        self._administer(f"CREATE DATABASE {name}")
        return make_url(self._postgresql or "").set(database=name).render_as_string(hide_password=False)

    def _administer(self, statement: str) -> None:
        engine = create_engine(self._postgresql or "", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()
