"""Metrics of a source's syncs, read from the totals that are counted as sessions close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import Connection

from syncline.clock import milliseconds
from syncline.model.session import SessionTotal, Status
from syncline.status.history import newest_that_ran
from syncline.store import totals

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FAILED", "SUCCESSFUL", "Metrics", "metrics"]

SUCCESSFUL = frozenset({Status.COMPLETED, Status.PARTIAL})
"""A partial sync stored all that could be stored; its rejects are on record."""
FAILED = frozenset({Status.FAILED, Status.CRASHED})
_ENDED = SUCCESSFUL | FAILED | {Status.CANCELLED}
"""What counts as a sync: it ran, and came to an end. Not what was skipped or missed (it never ran), nor what was
deferred (it goes on as a session of its own), nor what is still running."""


class Metrics(BaseModel):
    """How a source's syncs fared since the first; in JSON with the names that dashboards know."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, frozen=True)

    total_syncs: int = Field(description="syncs that ran to an end, good or bad")
    successful_syncs: int = Field(description="those that ended completed, or partial (some items were rejected)")
    failed_syncs: int = Field(description="those that failed or crashed")
    success_rate: float = Field(description="successfulSyncs in 100 totalSyncs; 0 before the first", ge=0, le=100)
    avg_duration_ms: int = Field(description="how long a sync took on average; 0 before the first", ge=0)
    last_sync_at: int | None = Field(description="when the newest sync began, in ms since 1970; it may be running")
    last_sync_status: Status | None = Field(description="what became of it")


def metrics(connection: Connection, source: str) -> Metrics:
    """The metrics of `source`, all of its accounts included; as quick with a million sessions as with ten."""
    ended = [total for total in totals.of_source(connection, source) if total.status in _ENDED]
    syncs = _sessions(ended)
    successful = _sessions(total for total in ended if total.status in SUCCESSFUL)
    last = newest_that_ran(connection, source)
    return Metrics(
        total_syncs=syncs,
        successful_syncs=successful,
        failed_syncs=_sessions(total for total in ended if total.status in FAILED),
        success_rate=100 * successful / syncs if syncs else 0,
        avg_duration_ms=round(sum(total.duration_ms for total in ended) / syncs) if syncs else 0,
        last_sync_at=None if last is None else milliseconds(last.started_at),
        last_sync_status=None if last is None else last.status,
    )


def _sessions(some: Iterable[SessionTotal]) -> int:
    return sum(total.sessions for total in some)
