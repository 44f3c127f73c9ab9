"""A source's present state in words: one for what it does, a few for why."""

from datetime import datetime

from rich.text import Text

from cli.fates import why
from cli.tables import counted, number
from cli.times import ago
from syncline.model.records import Hold
from syncline.status.overview import Progress, SourceOverview, State
from syncline.store.holds import EVERY_SOURCE

__all__ = ["held", "note", "progress", "state", "waiting"]

_STYLES = {
    State.RUNNING: "cyan",
    State.WAITING: "blue",
    State.PAUSED: "yellow",
    State.FAILING: "bold red",
    State.DEFERRED: "blue",
    State.IN_STEP: "green",
    State.NEW: "bright_black",
}


def state(one: SourceOverview) -> Text:
    """The state's word in its colour."""
    return Text(one.state.value, style=_STYLES[one.state])


def note(one: SourceOverview, now: datetime) -> str:
    """What is most worth knowing of a source: what it waits for, how far it is, who holds it, or why it ended so."""
    waits = waiting(one, now)
    parts = [f"waits: {waits}" if waits else "", *(held(hold, now) for hold in one.holds)]
    if one.progress is not None:
        parts.insert(0, progress(one.progress))
    elif one.last_run is not None and not one.holds:
        parts.append(why(one.last_run))
    return "; ".join(part for part in parts if part)


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
    account = "" if hold.account_id is None else f" (account {hold.account_id})"
    until = "until resumed" if hold.expires_at is None else f"ends {ago(hold.expires_at, now)}"
    return f"{scope}{account}: {hold.reason}, {until}"
