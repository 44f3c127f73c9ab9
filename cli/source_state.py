"""Why a source is in its state, in a few words."""

from datetime import datetime

from cli.outcomes import why
from cli.tables import number
from syncline.model.tables import Hold
from syncline.status.overview import Progress, SourceOverview
from syncline.status.problems import ProblemKind
from syncline.status.report import NextRun, SourceReport
from syncline.store.holds import EVERY_SOURCE
from syncline.words import ago, counted

__all__ = ["held", "next_run", "note", "progress", "waiting"]


def note(one: SourceReport, now: datetime) -> str:
    """What is most worth knowing of a source: how far it is, what it waits for, who holds it, and what is wrong."""
    seen = one.seen
    waits = waiting(seen, now)
    parts = [progress(seen.progress) if seen.progress is not None else "", f"waits: {waits}" if waits else ""]
    parts += [held(hold, now) for hold in seen.holds]
    failed = any(problem.kind is ProblemKind.FAILED for problem in one.problems)
    if seen.last_run is not None and (failed or not (seen.progress or seen.holds or one.problems)):
        parts.append(why(seen.last_run))  # that it failed, and when, stands beside it
    parts += [problem.sentence for problem in one.problems if problem.kind is not ProblemKind.FAILED]
    return "; ".join(part for part in parts if part)


def next_run(one: NextRun, now: datetime) -> str:
    """When it runs next, or why that cannot be told."""
    return ago(one.at, now) if one.at is not None else (one.why or "-").partition(":")[0]


def progress(running: Progress) -> str:
    """How far a running session is, and how fast."""
    session = running.session
    pages = counted(session.pages_processed, "page")
    if session.total_pages:
        pages = f"{number(session.pages_processed)}/{counted(session.total_pages, 'page')}"
    return f"{pages}, {counted(session.items_processed, 'item')}, {number(round(running.items_per_second))}/s"


def waiting(one: SourceOverview, now: datetime) -> str:
    """What a running session waits for; empty where it does not."""
    beat = one.heartbeat
    if beat is None or beat.waiting_for is None:
        return ""
    until = f" ({ago(beat.waiting_until, now)})" if beat.waiting_until else ""
    return f"{beat.waiting_for}{until}"


def held(hold: Hold, now: datetime) -> str:
    """A hold in force: what it covers, why, and until when."""
    scope = "all sources held" if hold.source == EVERY_SOURCE else "held"
    account = "" if not hold.account_id else f" (account {hold.account_id})"
    until = "until resumed" if hold.expires_at is None else f"ends {ago(hold.expires_at, now)}"
    return f"{scope}{account}: {hold.reason}, {until}"
