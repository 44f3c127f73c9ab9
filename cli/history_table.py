"""The sessions of the past as a table, or as JSON."""

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from cli import console, registry
from cli.instance import opened
from cli.outcomes import outcome, why
from cli.records import as_object
from cli.tables import Column, number, print_table
from cli.times import ago, lasted
from syncline.errors import ConfigurationError
from syncline.model.session import Status, SyncSession
from syncline.status import history

__all__ = ["COLUMNS", "parsed_status", "row", "show"]

COLUMNS = (
    Column(title="Started", right=True),
    Column(title="Source"),
    Column(title="Status"),
    Column(title="Mode", rank=5),
    Column(title="Trigger", rank=6),
    Column(title="Pages", right=True, rank=7),
    Column(title="Items", right=True, rank=2),
    Column(title="Changes", right=True, rank=3),
    Column(title="Took", right=True, rank=4),
    Column(title="Why", least=24, rank=1),
    Column(title="Session", rank=8),
)


_NOTHING = ("-", "-", "-", "-")
"""Pages, items, changes and duration of a session that never ran."""


def show(source: str | None, *, limit: int, status: str | None, as_json: bool) -> None:
    """Print the newest sessions of one source or of all."""
    wanted = parsed_status(status)
    with opened() as instance:
        with instance.store.read() as connection:
            found = history.history(connection, source, limit=limit, status=wanted)
            if not found and source is not None:
                found = history.history(connection, registry.find(source).name, limit=limit, status=wanted)
        if as_json:
            console.write_json([as_object(session) for session in found])
        else:
            _print(found, instance.now(), everything=source is None and wanted is None)


def parsed_status(text: str | None) -> Status | None:
    """The status with this name.

    Raises:
        ConfigurationError: there is no such status.
    """
    try:
        return None if text is None else Status(text.lower())
    except ValueError:
        raise ConfigurationError(f"--status {text!r} is no status; there are: {', '.join(Status)}") from None


def row(session: SyncSession, now: datetime) -> list[str | Text]:
    """A session's cells."""
    return [
        ago(session.started_at, now),
        session.source,
        outcome(session.status),
        session.mode.value,
        session.trigger.value,
        *(_NOTHING if session.status in history.NEVER_RAN else _counts(session)),
        why(session),
        session.id,
    ]


def _counts(session: SyncSession) -> list[str]:
    return [
        number(session.pages_processed),
        number(session.items_processed),
        _changes(session),
        lasted(session),
    ]


def _changes(session: SyncSession) -> str:
    """Created, updated and deleted rows, as `+12 ~8 -0`."""
    counts = {"+": session.items_created, "~": session.items_updated, "-": session.items_deleted}
    return " ".join(f"{sign}{number(count)}" for sign, count in counts.items())


def _print(found: Sequence[SyncSession], now: datetime, *, everything: bool) -> None:
    if not found:
        console.line("no session is on record yet" if everything else "no such session is on record yet")
        return
    print_table(COLUMNS, [row(session, now) for session in found])
