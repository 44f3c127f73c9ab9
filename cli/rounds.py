from typing import Annotated, TypeAlias

import typer

from cli import console
from cli.options import AsJson

__all__ = ["app"]

Number: TypeAlias = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, help="The round's number.", show_default=False)
]


def app() -> typer.Typer:
    """The commands below `syncline rounds`."""
    made = typer.Typer(help="Look at the rounds of the contest, say when one ends, and freeze it.")
    made.callback(invoke_without_command=True)(_help)
    made.command("list")(list_)
    made.command("show", no_args_is_help=True)(show)
    made.command("end", no_args_is_help=True)(end)
    made.command("freeze", no_args_is_help=True)(freeze)
    return made


def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the rounds, the newest first: their entries, their snapshots, and how these were sent."""
    from cli import rounds_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    rounds_table.listed(limit=limit, as_json=as_json)


def show(number: Number, *, as_json: AsJson = False) -> None:
    """Show all that is known of a round; with --json also its snapshot, and all entries that a freeze has not checked.

    Exits with 1 where the snapshot's hash does not fit its content.
    """
    from cli import rounds_table  # noqa: PLC0415 - the same

    raise typer.Exit(rounds_table.show(number, as_json=as_json))


def end(
    number: Number,
    *,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="INSTANT", help="Such as 2026-03-01T18:00:00+01:00.", show_default=False),
    ] = None,
    after: Annotated[
        str | None, typer.Option("--in", metavar="DURATION", help="From now, such as 2h.", show_default=False)
    ] = None,
) -> None:
    """Say when the open round ends; it is frozen then, and the next one begins."""
    from cli import rounds_end  # noqa: PLC0415 - the same

    rounds_end.end(number, at=at, after=after)


def freeze(number: Number, *, as_json: AsJson = False) -> None:
    """End a round and freeze it here and now: all entries are checked once more, then its snapshot is made and sent.

    Goes on where an earlier run ended. Of a round that is frozen already the snapshot stays, and is sent again where
    nobody has accepted it. Exits with 0 where the round is frozen; 1 where it failed, or entries could not be checked,
    which are then named; 75 not now.
    """
    from cli import rounds_freeze  # noqa: PLC0415 - the same

    raise typer.Exit(rounds_freeze.freeze(number, as_json=as_json))


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
