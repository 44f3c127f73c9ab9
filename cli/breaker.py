import typer

from cli import console
from cli.options import OneSource

__all__ = ["app"]


def app() -> typer.Typer:
    """The commands below `syncline breaker`."""
    made = typer.Typer(help="Look at the breaker of a source, close it or hold it open.")
    made.callback(invoke_without_command=True)(_help)
    made.command("show")(show)
    made.command("reset")(reset)
    made.command("open")(hold_open)
    return made


def show(source: OneSource) -> None:
    """Say how the breaker stands: closed, open until when, half-open."""
    from cli import breaker_text  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    breaker_text.show(source)


def reset(source: OneSource) -> None:
    """Close the breaker: the next run goes."""
    from cli import breaker_text  # noqa: PLC0415 - the same

    breaker_text.reset(source)


def hold_open(source: OneSource) -> None:
    """Open the breaker until it is reset: no run goes."""
    from cli import breaker_text  # noqa: PLC0415 - the same

    breaker_text.hold_open(source)


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        console.line(context.get_help())
        raise typer.Exit
