from typing import Annotated

import typer

from cli import console

__all__ = ["app"]


def app() -> typer.Typer:
    """The commands below `syncline db`."""
    made = typer.Typer(help="Make, upgrade and change the database's schema.")
    made.callback(invoke_without_command=True)(_help)
    made.command("upgrade")(upgrade)
    made.command("revision")(revision)
    return made


def upgrade() -> None:
    """Bring the database to this program's schema; make the tables of your own sources."""
    from cli import schema_change  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    schema_change.upgrade()


def revision(
    message: Annotated[str, typer.Option("--message", "-m", help="What the migration does.", show_default=False)],
) -> None:
    """Write a migration for what changed in the tables."""
    from cli import schema_change  # noqa: PLC0415 - the same

    schema_change.revise(message)


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
