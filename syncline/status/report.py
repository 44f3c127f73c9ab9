"""The one report on an instance: the state, the problems and the next run of each source, from which all faces print.

`syncline.status.judgement` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncline.status.overview import SourceOverview
from syncline.status.problems import Problem
from syncline.status.protection import Protection
from syncline.status.schedules import Cadence

__all__ = ["NextRun", "Report", "SourceReport", "State"]


class State(StrEnum):
    """A source in one word."""

    RUNNING = "running"
    WAITING = "waiting"
    """A session is open, and waits for a hold, a budget or its turn."""
    NOT_SET_UP = "not set up"
    """Its upstream has no address, so that it does not run."""
    PAUSED = "paused"
    """A hold is in force, or its breaker is held open."""
    STOPPED = "stopped"
    """Its schedule is switched off, or it has none."""
    STALLED = "stalled"
    """It has not run, or an open session has given no sign of life, for longer than its schedule explains."""
    LATE = "late"
    """A run that is due has not begun."""
    UNKNOWN = "unknown"
    """Prefect did not tell whether its silence is meant, or its record is of a newer version."""
    NEW = "new"
    """It never ran."""
    FAILING = "failing"
    """Its last run failed or crashed."""
    DEGRADED = "degraded"
    """It runs, but stores little or nothing of what it is sent, or is partial again and again."""
    PARTIAL = "partial"
    """Its last run left something out, which is on record."""
    DEFERRED = "deferred"
    """Its last run was deferred; it goes on at `last_run.retry_at`."""
    CANCELLED = "cancelled"
    """Its last run was cancelled."""
    UP_TO_DATE = "up to date"
    """Its last run stored all that there was."""


@dataclass(frozen=True, kw_only=True)
class NextRun:
    """When a source runs next by itself.

    Attributes:
        at: when, never before the report; None: it is not known, or there is none.
        why: why there is no instant, such as `stopped`; None if there is one.
        due_since: since when a run is due that has not begun; None if none is.
        schedule: the schedule in words; None if Prefect tells none.
        active: whether the schedule is on; None if Prefect tells none.
    """

    at: datetime | None = None
    why: str | None = None
    due_since: datetime | None = None
    schedule: str | None = None
    active: bool | None = None


@dataclass(frozen=True, kw_only=True)
class SourceReport:
    """One source, now.

    Attributes:
        state: the source in one word.
        problems: what is wrong with it; empty: it is healthy.
        next_run: when it runs next.
        missing: the setting that says where its upstream is, if that is not set.
        cadence: how often it is expected to run; None if it has no schedule.
        seen: what the database has of it.
        protection: its breaker and its budgets.
    """

    state: State
    problems: tuple[Problem, ...]
    next_run: NextRun
    missing: str | None
    cadence: Cadence | None
    seen: SourceOverview
    protection: Protection

    @property
    def name(self) -> str:
        """The source."""
        return self.seen.name

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems


@dataclass(frozen=True, kw_only=True)
class Report:
    """The instance, now.

    Attributes:
        at: when it was read.
        sources: each source, in the order of the declarations.
        problems: what is wrong with no single source.
    """

    at: datetime
    sources: tuple[SourceReport, ...]
    problems: tuple[Problem, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong, here or with a source."""
        return not self.problems and all(one.is_healthy for one in self.sources)

    def of(self, name: str) -> SourceReport:
        """The source with this name, which must be one of them."""
        return next(one for one in self.sources if one.name == name)
