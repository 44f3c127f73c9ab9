from typing import Annotated

import typer

__all__ = ["prune_history"]


def prune_history(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False
) -> None:
    """Delete history that is older than SYNCLINE_KEEP__… says, here and now."""
    from cli import forgetting  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    forgetting.forget(dry_run=dry_run)
