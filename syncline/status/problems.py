"""What is wrong with a source or an instance, each with a sentence that says it to a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncline.words import age

__all__ = ["OF_INSTANCE", "Problem", "ProblemKind", "unattended"]


class ProblemKind(StrEnum):
    """What kind of thing is wrong."""

    BREAKER = "breaker"
    """Its breaker is not closed."""
    FAILED = "failed"
    """Its last run failed or crashed."""
    REJECTED = "rejected"
    """Its last run could store nothing, or less than half, of what it was sent."""
    PARTIAL_AGAIN = "partial_again"
    """Its last runs, one after the other, left something out."""
    DELETION_REFUSED = "deletion_refused"
    """Its last full pass would have deleted more rows than may go at once."""
    CREDENTIALS_REFUSED = "credentials_refused"
    """The upstream refused the credentials, so it, or an account of it, is held."""
    PROCESS_DIED = "process_died"
    """The process of its open session has ended without closing it; the reconciler, or the next run, does."""
    STALLED = "stalled"
    """It has been silent for longer than its schedule explains."""
    LATE = "late"
    """A run that is due has not begun."""
    NOT_DEPLOYED = "not_deployed"
    """Prefect does not know its deployment, so that it never runs by itself."""
    UNKNOWN = "unknown"
    """How it is cannot be told."""
    PREFECT = "prefect"
    """Prefect did not tell the schedules; this is of the instance, not of one source, as is the next."""
    SETTINGS = "settings"
    """prefect.yaml cannot be used, so that it is not known how often sources should run."""
    NOBODY_DRAINS = "nobody_drains"
    """Jobs of accounts are due, and no drain works on them; this is of the instance too."""


OF_INSTANCE = frozenset({ProblemKind.PREFECT, ProblemKind.SETTINGS, ProblemKind.NOBODY_DRAINS})
"""What is wrong with no single source."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: what kind of thing, for programs.
        sentence: what is wrong, for people.
    """

    kind: ProblemKind
    sentence: str


def unattended(seconds: float) -> str:
    """That jobs have been due for so long and nobody drains, and what to start."""
    return (
        f"jobs of accounts have been due for {age(seconds)}, and no drain works on them: start `syncline up`, or a "
        "worker that runs the drain_jobs deployments"
    )
