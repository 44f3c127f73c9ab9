"""Where it is measured: a database with Syncline's tables, and the connection over which Syncline decides."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncline.model.budgets import BudgetKey, SlidingWindow, TokenBucket
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

__all__ = ["LIMIT", "Ground", "Shape", "open_ground"]

LIMIT = 60
"""Of the window, and of the bucket that is spent."""
_DAY_SECONDS = 86_400
_WIDE = 10**6
_ROW = "benchmark:raw"

Shape = SlidingWindow | TokenBucket

WIDE: dict[str, Shape] = {
    "bucket": TokenBucket(capacity=_WIDE, refill_per_second=_WIDE),
    "ring": SlidingWindow(limit=LIMIT, period_seconds=0.0001, margin=0),
}
"""What admits whatever a process can ask for: the ring of 60 forgets within a tenth of a millisecond."""
SPENT: dict[str, Shape] = {
    "bucket": TokenBucket(capacity=LIMIT, refill_per_second=LIMIT / _DAY_SECONDS / 100),
    "ring": SlidingWindow(limit=LIMIT, period_seconds=_DAY_SECONDS),
}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One process's access.

    Attributes:
        kind: sqlite or postgresql.
        store: Syncline's.
        folder: for files of others, shared by all processes.
    """

    kind: str
    store: Store
    folder: Path

    @property
    def driver(self) -> Any:  # noqa: ANN401 - sqlite3's or psycopg's
        """A connection as the driver gives it.

        On PostgreSQL it is the very one over which Syncline decides: another server process may sit on a farther
        processor. On SQLite it is another, because Syncline waits for locks on its own in a way of its own.
        """
        if self.kind == "sqlite":
            pooled = self.store.engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()
            return connection
        return self.store.direct.call(lambda wire: wire._connection)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - raw is as raw does

    @property
    def mark(self) -> str:
        """How the driver writes a parameter."""
        return "?" if self.kind == "sqlite" else "%s"

    @property
    def row(self) -> str:
        """The key of the row that raw statements read and write; a budget like the others."""
        return _ROW


@contextmanager
def open_ground(url: str, folder: Path) -> Generator[Ground]:
    """Open the database at `url`."""
    store = Store(url)
    ground = Ground(kind="sqlite" if store.is_sqlite else "postgresql", store=store, folder=folder)
    Budgets(store).acquire([BudgetKey(name=_ROW, policy=WIDE["bucket"])])
    try:
        yield ground
    finally:
        store.close()
