"""`syncline checkpoint`: the checkpoint of a source, shown and reset."""

from datetime import datetime
from typing import cast

import typer
from sqlalchemy import Connection

from cli import console, registry
from cli.instance import actor, opened
from cli.lazy_group import group
from cli.options import AsJson, OneSource
from syncline.errors import ConfigurationError
from syncline.model.tables import CheckpointRow
from syncline.model.target import Target
from syncline.passes.prune import loaded_refusal
from syncline.passes.state import PassState, loaded
from syncline.store import audit, checkpoints, leases, sessions
from syncline.store.pass_keys import PassKeys
from syncline.words import iso_instant

__all__ = ["app", "forget"]


def app() -> typer.Typer:
    """Look at up to where a source was read, or have it read from the beginning."""
    return group({"show": show, "reset": reset})


def show(source: OneSource, *, as_json: AsJson = False) -> None:
    """Say up to where it was read, how far an unfinished pass has come, and what was refused."""
    with opened() as instance:
        name = registry.find(source).name
        with instance.store.read() as connection:
            row = checkpoints.read(connection, Target(name))
    told = _told(name, row)
    if as_json:
        console.write_json(told)
        return
    for label, value in told.items():
        console.line(f"{label.replace('_', ' ')}: {_text(value)}")


def reset(source: OneSource) -> None:
    """Forget all of it: the next run reads everything; rows stay as they are."""
    with opened() as instance:
        name, now = registry.find(source).name, instance.now()
        existed = instance.store.transact(lambda connection: forget(connection, name, who=actor(), now=now))
    said = "forgotten; the next run reads everything" if existed else "there was none; the next run reads everything"
    console.line(f"checkpoint of {name}: {said}")


def forget(connection: Connection, name: str, *, who: str, now: datetime) -> bool:
    """Forget the checkpoint of the source `name`, and what an unfinished pass has seen; whether there was one.

    Its lease is locked meanwhile, so that no session begins to go on with the one while the other is deleted: it would
    take the rows that it saw before for gone.

    Raises:
        ConfigurationError: a session is at work on it.
    """
    leases.holder(connection, Target(name), locked=True)
    running = sessions.running(connection, name)
    if running:
        raise ConfigurationError(f"{name} is at work (session {running[0].id}): wait for its end, then reset")
    PassKeys(Target(name)).clear(connection)
    existed = checkpoints.forget(connection, Target(name))
    audit.record(connection, actor=who, action="checkpoint.reset", target=name, now=now)
    return existed


def _told(name: str, row: CheckpointRow | None) -> dict[str, object]:
    told: dict[str, object] = {"source": name}
    if row is None:
        return told | {"read": "never: the next run reads everything"}
    refusal, unfinished = loaded_refusal(row.refusal), loaded(row.pass_state)
    return told | {
        "changes_stored_to": _instant(row.cursor),
        "last_full_pass": row.full_pass_at,
        "last_pass": row.read_to,
        "updated_at": row.updated_at,
        "unfinished_pass": None if unfinished is None else _pass(unfinished),
        "refused_deletions": None if refusal is None else f"in {refusal.passes} full passes in a row",
    }


def _instant(cursor: str | None) -> datetime | str | None:
    """The cursor as an instant; a sync token, which is none, as it is."""
    try:
        instant = None if cursor is None else datetime.fromisoformat(cursor)
    except ValueError:
        return cursor
    return cursor if instant is None or instant.tzinfo is None else instant


def _pass(state: PassState) -> dict[str, object]:
    return {
        "mode": state.mode,
        "began_at": state.started_at,
        "walk": state.walk,
        "pages": state.pages,
        "items": state.items,
        "total": state.total,
    }


def _text(value: object) -> str:
    if isinstance(value, dict):
        parts = cast("dict[str, object]", value)
        return ", ".join(f"{label.replace('_', ' ')} {_text(part)}" for label, part in parts.items())
    if isinstance(value, datetime):
        return iso_instant(value)
    return "none" if value is None else str(value)
