"""`syncline rejects`: rejected items as a table or as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from cli import console, registry
from cli.instance import opened
from cli.options import AsJson, sources_like
from cli.records import as_object
from cli.tables import Column, print_table
from syncline.model.tables import Reject
from syncline.store import rejects as kept
from syncline.store import sessions
from syncline.words import ago

__all__ = ["rejects"]

_COLUMNS = (
    Column(title="Item"),
    Column(title="Why", least=60),
    Column(title="Times", rank=2),
    Column(title="First", rank=3),
    Column(title="Last", rank=2),
    Column(title="As it came", least=20, rank=1),
)


def rejects(
    of: Annotated[
        str,
        typer.Argument(metavar="SOURCE|SESSION", help="A source, or one session's id.", autocompletion=sources_like),
    ],
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many lines at most; JSON has all.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the items of a source that cannot be stored now, or those that a session could not store, and why."""
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
        return kept.of_session(connection, session.id), f"in {session.id}"
    found = kept.of_source(connection, of)
    if not found:
        of = registry.find(of).name
        found = kept.of_source(connection, of)
    return found, f"of {of}"


def _row(reject: Reject, now: datetime) -> tuple[str, ...]:
    seen = ago(reject.first_seen, now), ago(reject.last_seen, now)
    return (reject.item_key or "-", reject.reason, f"{reject.times:,}", *seen, reject.raw)
