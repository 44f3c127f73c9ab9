"""Rejected items as a table or as JSON."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from cli import console, registry
from cli.instance import opened
from cli.records import as_object
from cli.tables import Column, print_table
from cli.times import ago
from syncline.model.records import Reject
from syncline.store import rejects, sessions

__all__ = ["show"]

_COLUMNS = (
    Column(title="Item"),
    Column(title="Why", least=60),
    Column(title="Times", rank=2),
    Column(title="First", rank=3),
    Column(title="Last", rank=2),
    Column(title="As it came", least=20, rank=1),
)


def show(of: str, *, limit: int, as_json: bool) -> None:
    """Print what a session rejected, or what of a source is rejected now."""
    with opened() as instance:
        with instance.store.read() as connection:
            found, whose = _found(connection, of)
        if as_json:
            console.write_json([as_object(reject, without=("item",)) for reject in found])
            return
        if not found:
            console.line(f"{whose.removeprefix('of ').removeprefix('in ')} has no rejected items")
            return
        first = f", the first {limit:,}" if len(found) > limit else ""
        console.line(f"{len(found):,} rejected {whose}{first}:")
        now = instance.store.clock.now()
        print_table(_COLUMNS, [_row(reject, now) for reject in found[:limit]])


def _found(connection: Connection, of: str) -> tuple[Sequence[Reject], str]:
    """The rejects of a session or source, and whose they are."""
    session = sessions.find(connection, of)
    if session is not None:
        return rejects.of_session(connection, session.id), f"in {session.id}"
    found = rejects.of_source(connection, of)
    if not found:
        of = registry.find(of).name
        found = rejects.of_source(connection, of)
    return found, f"of {of}"


def _row(reject: Reject, now: datetime) -> tuple[str, ...]:
    seen = ago(reject.first_seen, now), ago(reject.last_seen, now)
    return (reject.item_key or "-", reject.reason, f"{reject.times:,}", *seen, reject.raw)
