"""The audit log as a table or as JSON."""

import json
from typing import Annotated

import typer

from cli import console
from cli.instance import opened
from cli.options import AsJson
from cli.records import as_object
from cli.tables import Column, print_table
from syncline.model.tables import AuditEntry
from syncline.store import audit as log
from syncline.words import ago

__all__ = ["audit"]

_COLUMNS = (
    Column(title="When", right=True),
    Column(title="Who"),
    Column(title="What"),
    Column(title="Of"),
    Column(title="Detail", least=24, rank=1),
)


def audit(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show who changed what, and when."""
    with opened() as instance:
        with instance.store.read() as connection:
            entries = log.latest(connection, limit=limit)
        if as_json:
            console.write_json([_as_json(entry) for entry in entries])
        elif not entries:
            console.line("nothing was changed by hand yet")
        else:
            now = instance.now()
            print_table(_COLUMNS, [(ago(e.at, now), e.actor, e.action, e.target, e.detail or "") for e in entries])


def _as_json(entry: AuditEntry) -> dict[str, object]:
    detail: object = None if entry.detail is None else json.loads(entry.detail)
    return {**as_object(entry), "detail": detail}
