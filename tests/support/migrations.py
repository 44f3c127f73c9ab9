"""Migrations that a test may write to."""

from pathlib import Path

from syncline.store import schema

__all__ = ["copied"]


def copied(folder: Path) -> Path:
    """The migrations as they are shipped, copied below `folder`."""
    copy = folder / "migrations"
    (copy / "versions").mkdir(parents=True, exist_ok=True)
    for file in [*schema.MIGRATIONS.glob("*.*"), *schema.MIGRATIONS.glob("versions/*.py")]:
        (copy / file.relative_to(schema.MIGRATIONS)).write_bytes(file.read_bytes())
    return copy
