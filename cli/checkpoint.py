import typer

from cli import console
from cli.options import AsJson, OneSource

__all__ = ["app"]


def app() -> typer.Typer:
    """The commands below `syncline checkpoint`."""
    made = typer.Typer(help="Look at up to where a source was read, or have it read from the beginning.")
    made.callback(invoke_without_command=True)(_help)
    made.command("show")(show)
    made.command("reset")(reset)
    return made


def show(source: OneSource, *, as_json: AsJson = False) -> None:
    """Say up to where it was read, how far an unfinished pass has come, and what was refused."""
    from cli import checkpoint_text  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    checkpoint_text.show(source, as_json=as_json)


def reset(source: OneSource) -> None:
    """Forget all of it: the next run reads everything; rows stay as they are."""
    from cli import checkpoint_text  # noqa: PLC0415 - the same

    checkpoint_text.reset(source)


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
