from typing import Annotated

import typer

from cli.options import AsJson

__all__ = ["app"]


def app() -> typer.Typer:
    """The commands below `syncline alerts`."""
    made = typer.Typer(help="See which alerts fire, and try whether they reach somebody.")
    made.callback(invoke_without_command=True)(_help)
    made.command("list")(list_)
    made.command("test")(test)
    return made


def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, those that fire first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the alerts that fire and those that are over, with whether their message arrived."""
    from cli import alerts_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    alerts_table.show(limit=limit, as_json=as_json)


def test() -> int:
    """Have Prefect send a test message to SYNCLINE_ALERT_URLS, and say whether it arrived; 1 if it did not."""
    from cli import alerts_test  # noqa: PLC0415 - the same

    return alerts_test.send()


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from cli import console  # noqa: PLC0415 - the same

        console.line(context.get_help())
        raise typer.Exit
