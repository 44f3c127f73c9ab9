"""Metrics of a source's syncs, read from the totals that are counted as sessions close."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import Connection

from syncline.clock import milliseconds
from syncline.model.session import SessionTotal, Status
from syncline.status.history import NEVER_RAN, newest_that_ran
from syncline.store import sessions, totals

__all__ = ["Metrics", "metrics"]

_SUCCESSFUL = frozenset({Status.COMPLETED})
_FAILED = frozenset({Status.FAILED})


class Metrics(BaseModel):
    """How a source's syncs fared since the first; in JSON with the names that dashboards know.

    The numbers are those of the seed's `getSyncMetrics`: every session that ran counts, also one that is running, was
    deferred, cancelled or crashed; successful are those that completed, failed those that failed. What was skipped or
    missed never ran, and does not count.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, frozen=True)

    total_syncs: int = Field(description="sessions that ran, or still do")
    successful_syncs: int = Field(description="those that completed")
    failed_syncs: int = Field(description="those that failed")
    success_rate: float = Field(description="successfulSyncs in 100 totalSyncs; 0 before the first", ge=0, le=100)
    avg_duration_ms: float = Field(description="how long those that ended took on average; 0 before the first", ge=0)
    last_sync_at: int | None = Field(description="when the newest sync began, in ms since 1970; it may be running")
    last_sync_status: Status | None = Field(description="what became of it")


def metrics(connection: Connection, source: str) -> Metrics:
    """The metrics of `source`, all of its accounts included; as quick with a million sessions as with ten."""
    ended = [total for total in totals.of_source(connection, source) if total.status not in NEVER_RAN]
    closed, successful = _sessions(ended), _sessions(one for one in ended if one.status in _SUCCESSFUL)
    syncs = closed + len(sessions.running(connection, source))
    last = newest_that_ran(connection, source)
    return Metrics(
        total_syncs=syncs,
        successful_syncs=successful,
        failed_syncs=_sessions(total for total in ended if total.status in _FAILED),
        success_rate=100 * successful / syncs if syncs else 0,
        avg_duration_ms=sum(total.duration_ms for total in ended) / closed if closed else 0,
        last_sync_at=None if last is None else milliseconds(last.started_at),
        last_sync_status=None if last is None else last.status,
    )


def _sessions(some: Iterable[SessionTotal]) -> int:
    return sum(total.sessions for total in some)
