"""`syncline history`: the sessions of the past as a table or as JSON, or one of them in full."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from cli import accounts_table, console, registry, session_text
from cli.instance import opened
from cli.options import AsJson, MaybeAccount, sources_like
from cli.outcomes import outcome, why
from cli.records import as_object
from cli.tables import Column, number, print_table
from syncline.errors import ConfigurationError
from syncline.model.session import Status, SyncSession
from syncline.status.history import NEVER_RAN
from syncline.status.history import history as sessions_of
from syncline.words import ago, lasted

__all__ = ["COLUMNS", "history", "parsed_status", "row"]

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


def history(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE|show]",
            help="Only this source; or `show` and a session.",
            show_default=False,
            autocompletion=sources_like,
        ),
    ] = None,
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="With `show`: its id.", show_default=False)
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="Only those that ended so, such as failed.", show_default=False)
    ] = None,
    account: MaybeAccount = None,
    as_json: AsJson = False,
) -> None:
    """Show the last sessions, each with its status and the reason; `syncline history show SESSION` tells all of one."""
    if source == "show" or session is not None:
        _show_one(source, session, as_json=as_json)
    else:
        _show_newest(source, account, limit=limit, status=status, as_json=as_json)


def _show_one(word: str | None, session: str | None, *, as_json: bool) -> None:
    if word != "show" or session is None:
        raise typer.BadParameter("write `syncline history show SESSION`, with an id that `syncline history` lists")
    session_text.show(session, as_json=as_json)


def _show_newest(source: str | None, account: str | None, *, limit: int, status: str | None, as_json: bool) -> None:
    wanted = parsed_status(status)
    with opened() as instance:
        if account is not None:
            source = accounts_table.found(instance, account).source
        with instance.store.read() as connection:
            found = sessions_of(connection, source, limit=limit, status=wanted, account_id=account)
            if not found and source is not None and account is None:
                found = sessions_of(connection, registry.find(source).name, limit=limit, status=wanted)
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
        *(_NOTHING if session.status in NEVER_RAN else _counts(session)),
        why(session),
        session.id,
    ]


def _counts(session: SyncSession) -> list[str]:
    return [
        number(session.pages_processed),
        number(session.items_processed),
        _changes(session),
        lasted(session.started_at, session.completed_at),
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
