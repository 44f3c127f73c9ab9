from typing import Annotated

import typer

from cli import manual_run
from cli.account_sync import is_queued, sync_account
from cli.options import AsJson, MaybeAccount, OneSource
from syncline.model.policies import Mode

__all__ = ["sync"]


def sync(
    source: OneSource,
    *,
    mode: Annotated[Mode, typer.Option(help="Everything, or what changed since the last time.")] = Mode.INCREMENTAL,
    force: Annotated[
        bool, typer.Option("--force", help="Accept what is gone: rows, however many, and whole columns.")
    ] = False,
    account: MaybeAccount = None,
    as_json: AsJson = False,
) -> None:
    """Bring a source up to date here and now; an account is queued before others and followed to its end.

    Exits with 0 when it is done (also where single items were rejected), 1 when it failed, and 75 when it was not done
    now: skipped, because another run or a hold stands in the way, or deferred.
    """
    if account is not None and is_queued(account):
        raise typer.Exit(sync_account(account, mode=mode, as_json=as_json))
    request = manual_run.RunRequest(source=source, mode=mode, force=force, account_id=account or "")
    raise typer.Exit(manual_run.manual_run(request, as_json=as_json))
