"""Rejected items as a table or as JSON."""

from sqlalchemy import Connection

from cli import catalog, console
from cli.instance import opened
from cli.records import as_object
from cli.tables import Column, print_table
from syncline.model.session import SyncSession
from syncline.status import history
from syncline.store import rejects, sessions

__all__ = ["newest_with_rejects", "show"]

_LOOK_BACK = 1_000
"""How many sessions of a source are looked through for one with rejects."""
_COLUMNS = (
    Column(title="Item"),
    Column(title="Why", least=60),
    Column(title="As it came", least=20, rank=1),
)


def show(of: str, *, limit: int, as_json: bool) -> None:
    """Print what a session, or a source's newest session with any, rejected."""
    with opened() as instance:
        with instance.store.read() as connection:
            session = sessions.find(connection, of) or newest_with_rejects(connection, of)
            found = () if session is None else rejects.of_session(connection, session.id)
        if session is None:
            catalog.find(of)
        if as_json:
            console.write_json([as_object(reject) for reject in found])
            return
        if session is None or not found:
            console.line(f"{of} has no rejected items")
            return
        first = f", the first {limit:,}" if len(found) > limit else ""
        console.line(f"{len(found):,} rejected in {session.id}{first}:")
        print_table(_COLUMNS, [(reject.item_key or "-", reject.reason, reject.raw) for reject in found[:limit]])


def newest_with_rejects(connection: Connection, source: str) -> SyncSession | None:
    """The source's newest session that rejected an item."""
    recent = history.history(connection, source, limit=_LOOK_BACK)
    return next((session for session in recent if session.items_rejected), None)
