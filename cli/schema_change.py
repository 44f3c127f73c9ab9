"""What `syncline db` does, in words."""

from cli import console, registry
from cli.instance import opened, unchecked
from syncline.store import schema

__all__ = ["revise", "upgrade"]


def upgrade() -> None:
    """Upgrade the schema and say what was done."""
    registry.every()
    with unchecked() as instance:
        before, after, made = schema.upgrade(instance.store)
    if before != after:
        console.line(f"the database is at {after} now (before: {before or 'empty'})")
    elif not made:
        console.line(f"nothing to do: the database is at {after}")
    if made:
        console.line(f"tables made: {', '.join(made)}")


def revise(message: str) -> None:
    """Write a migration and say where it is."""
    registry.every()
    with opened() as instance:
        path = schema.revise(instance.store, message)
    if path is None:
        console.line("nothing to write: the tables are as the sources declare them")
    else:
        console.line(f"written: {path}; look it over, then run `syncline db upgrade`")
