"""`syncline db`: the schema of the database."""

from typing import Annotated

import typer

from cli import console, registry
from cli.instance import opened, unchecked
from cli.lazy_group import group
from syncline.store import schema

__all__ = ["app"]


def app() -> typer.Typer:
    """Make, upgrade and change the database's schema."""
    return group({"upgrade": upgrade, "revision": revision})


def upgrade() -> None:
    """Bring the database to this program's schema; make the tables of your own sources."""
    registry.every()
    with unchecked() as instance:
        before, after, made = schema.upgrade(instance.store)
    if before != after:
        console.line(f"the database is at {after} now (before: {before or 'empty'})")
    elif not made:
        console.line(f"nothing to do: the database is at {after}")
    if made:
        console.line(f"tables made: {', '.join(made)}")


def revision(
    message: Annotated[str, typer.Option("--message", "-m", help="What the migration does.", show_default=False)],
) -> None:
    """Write a migration for what changed in the tables."""
    registry.every()
    with opened() as instance:
        path = schema.revise(instance.store, message)
    if path is None:
        console.line("nothing to write: the tables are as the sources declare them")
    else:
        console.line(f"written: {path}; look it over, then run `syncline db upgrade`")
