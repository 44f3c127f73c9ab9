"""`syncline prune-history`: deleting old history."""

from typing import Annotated

import typer

from cli import console, registry
from cli.instance import opened
from syncline.store import retention
from syncline.words import counted

__all__ = ["prune_history"]

_NOUNS = {
    "sessions": "session",
    "rejects": "reject",
    "holds": "hold",
    "queued runs": "queued run",
    "audit entries": "audit record",
    "results": "result",
}


def prune_history(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False
) -> None:
    """Delete history that is older than SYNCLINE_KEEP__… says, here and now."""
    registry.every()
    from tasks.forget import delete_old_files, results_folder  # noqa: PLC0415 - loads Prefect, by the instance's settings

    with opened() as instance:
        keep, storage = instance.settings.keep, results_folder(instance.settings.home)
        found = retention.prune_history(instance.store, keep, dry_run=dry_run)
        found["results"] = delete_old_files(storage, keep.results_days, dry_run=dry_run)
    said = [counted(number, _NOUNS[name]) for name, number in found.items() if number]
    done = "would be deleted" if dry_run else "deleted"
    console.line(f"{done}: {', '.join(said)}" if said else "nothing is old enough to be deleted")
