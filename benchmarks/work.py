"""The works that are measured, and what a right result of each is."""

from enum import StrEnum

import msgspec

from benchmarks.dataset import CHANGED_EVERY, GONE_EVERY, Dataset

__all__ = ["LATENCY_SECONDS", "Counted", "Task", "Work"]

LATENCY_SECONDS = 0.02


class Work(StrEnum):
    """What is done with the table."""

    FULL = "full"
    """The first load."""
    NOOP = "noop"
    """A full pass where nothing changed."""
    INCR = "incr"
    """A full pass where 1 % changed and 0.1 % is gone."""
    DELTA = "delta"
    """Only what changed since: 1 %."""
    LATENCY = "latency"
    """The first load from an upstream that takes 20 ms to answer."""

    @property
    def dataset(self) -> Dataset:
        """What the upstream serves meanwhile."""
        return {Work.INCR: Dataset.CHANGED, Work.DELTA: Dataset.AGAIN}.get(self, Dataset.BASE)

    @property
    def latency_seconds(self) -> float:
        """How long the upstream waits before each answer."""
        return LATENCY_SECONDS if self is Work.LATENCY else 0

    @property
    def loads(self) -> bool:
        """Whether it begins with an empty table."""
        return self in {Work.FULL, Work.LATENCY}


class Counted(msgspec.Struct, kw_only=True):
    """What a contender says that it did."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    @classmethod
    def right(cls, work: Work, items: int) -> "Counted":
        """What is right of a dataset that began with so many items."""
        changed, gone = items // CHANGED_EVERY, items // GONE_EVERY
        match work:
            case Work.FULL | Work.LATENCY:
                return cls(created=items)
            case Work.NOOP:
                return cls(unchanged=items)
            case Work.INCR:
                return cls(updated=changed, deleted=gone, unchanged=items - changed - gone)
            case Work.DELTA:
                return cls(updated=changed, unchanged=1)  # the newest of before is read again


class Task(msgspec.Struct, kw_only=True):
    """What a contender's process is told, as JSON in its only argument.

    Attributes:
        upstream: base URL.
        database: SQLAlchemy URL.
        folder: where it may keep files of its own from one work to the next.
        since: in a delta, the newest change that the table has, as it is written in the items.
        prefect_api: where Prefect's server is, for those that want it.
    """

    work: Work
    upstream: str
    token: str
    database: str
    folder: str
    since: str = ""
    prefect_api: str = ""

    @property
    def sqlite_path(self) -> str | None:
        """The file; None for PostgreSQL."""
        return self.database.removeprefix("sqlite:///") if self.database.startswith("sqlite:") else None

    @property
    def postgresql_dsn(self) -> str:
        """As libpq takes it."""
        return self.database.replace("postgresql+psycopg://", "postgresql://")
