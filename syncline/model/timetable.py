"""Timetables: which schedules of a deployment were in force when, and up to when each of their ticks has an outcome."""

from __future__ import annotations

import json
from datetime import datetime

from sqlmodel import Field

from syncline.model.row import Row

__all__ = ["Timetable"]


class Timetable(Row, table=True):
    """What is known of one deployment's ticks."""

    __tablename__ = "timetables"

    deployment: str = Field(primary_key=True)
    """The name by which Prefect finds it: `FLOW/NAME`."""
    source: str
    spans: str
    """Which schedules were in force from when on, as JSON (`syncline.passes.accounting.Span`); the last still are."""
    gaps: str = "[]"
    """When nothing looked after the schedule, and why, as JSON (`syncline.passes.accounting.Gap`)."""
    accounted_to: datetime
    """Each tick up to this instant has an outcome."""
    seen_at: datetime
    """When Prefect was last asked for the schedules."""
    away_since: datetime | None = None
    """Since when Prefect's server does not answer; None where it did the last time."""

    @property
    def is_off(self) -> bool:
        """Whether no schedule was in force when Prefect was last asked."""
        return not json.loads(self.spans)[-1]["schedules"]
