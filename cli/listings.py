from typing import Annotated, Literal, TypeAlias

import typer

from cli import console
from cli.options import AsJson, MaybeSource, OneSource

__all__ = ["app"]

Ids: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="EXTERNAL_ID…", help="What the feed calls them.", show_default=False)
]
OfSource: TypeAlias = Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="Only this feed's.")]
Status: TypeAlias = Literal["pending", "live", "rejected"]
Limit: TypeAlias = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


def app() -> typer.Typer:
    """The commands below `syncline listings`."""
    made = typer.Typer(help="Look at listings, and decide which are shown.")
    made.callback(invoke_without_command=True)(_help)
    made.command("pending")(pending)
    made.command("approve", no_args_is_help=True)(approve)
    made.command("reject", no_args_is_help=True)(reject)
    made.command("show", no_args_is_help=True)(show)
    made.command("list")(list_)
    return made


def pending(*, source: OfSource = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List what waits for a decision, with the command that makes it."""
    from cli import listings_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    listings_table.pending(source, limit=limit, as_json=as_json)


def approve(source: OneSource, external_ids: Ids) -> None:
    """Show these listings from now on, until they change.

    Exits with 1 where one of them is not there (any more); the others are approved all the same.
    """
    from cli import listings_decision  # noqa: PLC0415 - the same

    raise typer.Exit(listings_decision.approve(source, external_ids))


def reject(
    source: OneSource,
    external_ids: Ids,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; stands in the audit log.", show_default=False)],
) -> None:
    """Do not show these listings, until they change and are approved; exits as `approve` does."""
    from cli import listings_decision  # noqa: PLC0415 - the same

    raise typer.Exit(listings_decision.reject(source, external_ids, reason=reason))


def show(
    source: OneSource,
    external_id: Annotated[str, typer.Argument(metavar="EXTERNAL_ID", help="What the feed calls it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of one listing, also what its feed says and no column holds."""
    from cli import listings_table  # noqa: PLC0415 - the same

    listings_table.show(source, external_id, as_json=as_json)


def list_(
    source: MaybeSource = None,
    *,
    status: Annotated[Status | None, typer.Option(help="Only those of this status.", show_default=False)] = None,
    chain: Annotated[str | None, typer.Option(help="Only those of this chain.", show_default=False)] = None,
    project: Annotated[str | None, typer.Option(help="Only those of this project.", show_default=False)] = None,
    kind: Annotated[str | None, typer.Option(help="Only those of this kind.", show_default=False)] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the listings that are stored."""
    from cli import listings_table  # noqa: PLC0415 - the same
    from syncline.model.items import ItemStatus  # noqa: PLC0415 - the same
    from syncline.store.listings import Wanted  # noqa: PLC0415 - the same

    wanted = Wanted(
        status=None if status is None else ItemStatus(status), source=source, chain=chain, project=project, kind=kind
    )
    listings_table.listed(wanted, limit=limit, as_json=as_json)


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
