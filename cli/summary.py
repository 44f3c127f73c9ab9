"""The last line of `syncline sync`: what became of the session."""

from rich.text import Text

from cli.outcomes import outcome, why
from cli.tables import number
from syncline.model.session import Status, SyncSession
from syncline.status.history import NEVER_RAN
from syncline.words import counted, lasted

__all__ = ["hint", "summary"]


def summary(session: SyncSession) -> Text:
    """One line: source, mode, outcome, pages, counts, duration, and the reason or error where there is one."""
    head = Text.assemble(f"{session.source} ({session.mode.value}) ", outcome(session.status))
    parts = [] if session.status in NEVER_RAN else _counted(session)
    if session.status is not Status.PARTIAL and why(session):
        parts.append(why(session))
    return Text(" · ").join([head, *map(Text, parts)])


def _counted(session: SyncSession) -> list[str]:
    counts = [
        f"{number(session.items_created)} created",
        f"{number(session.items_updated)} updated",
        f"{number(session.items_unchanged)} unchanged",
        f"{number(session.items_deleted)} deleted",
    ]
    if session.items_rejected:
        counts.append(f"{number(session.items_rejected)} rejected")
    return [
        counted(session.pages_processed, "page"),
        ", ".join(counts),
        lasted(session.started_at, session.completed_at),
    ]


def hint(session: SyncSession) -> str | None:
    """What was left out, and how to see it; None where nothing was."""
    if session.status is Status.PARTIAL and why(session):
        return why(session)
    if not session.items_rejected:
        return None
    items = counted(session.items_rejected, "item")
    return f"rejected: {items}; see why with `syncline rejects {session.id}`"
