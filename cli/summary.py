"""The last line of `syncline sync`: what became of the session."""

from rich.text import Text

from cli.fates import fate, why
from cli.tables import number
from cli.times import lasted
from syncline.model.session import Status, SyncSession

__all__ = ["hint", "summary"]


def summary(session: SyncSession) -> Text:
    """One line: source, mode, fate, pages, counts, duration, and the reason or error where there is one."""
    counts = [
        f"{number(session.items_created)} created",
        f"{number(session.items_updated)} updated",
        f"{number(session.items_unchanged)} unchanged",
        f"{number(session.items_deleted)} deleted",
    ]
    if session.items_rejected:
        counts.append(f"{number(session.items_rejected)} rejected")
    parts = [f"{number(session.pages_processed)} pages", ", ".join(counts), lasted(session)]
    if session.status is not Status.PARTIAL and why(session):
        parts.append(why(session))
    head = Text.assemble(f"{session.source} ({session.mode.value}) ", fate(session.status))
    return Text(" · ").join([head, *map(Text, parts)])


def hint(session: SyncSession) -> str | None:
    """What was left out, and how to see it; None where nothing was."""
    if session.status is Status.PARTIAL and why(session):
        return why(session)
    if not session.items_rejected:
        return None
    items = "1 item was" if session.items_rejected == 1 else f"{number(session.items_rejected)} items were"
    return f"{items} rejected; see why: syncline rejects {session.id}"
