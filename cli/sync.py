from typing import Annotated

import typer

from cli import manual_run
from cli.options import AsJson, OneSource
from syncline.model.policies import Mode

__all__ = ["sync"]


def sync(
    source: OneSource,
    *,
    mode: Annotated[Mode, typer.Option(help="Everything, or what changed since the last time.")] = Mode.INCREMENTAL,
    force: Annotated[
        bool, typer.Option("--force", help="Accept what is gone: rows, however many, and whole columns.")
    ] = False,
    account: Annotated[str | None, typer.Option(metavar="ID", help="Only this account.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a source up to date here and now.

    Exits with 0 when it is done (also where single items were rejected), 1 when it failed, and 75 when it was not done
    now: skipped, because another run or a hold stands in the way, or deferred.
    """
    request = manual_run.RunRequest(source=source, mode=mode, force=force, account_id=account or "")
    raise typer.Exit(manual_run.manual_run(request, as_json=as_json))
