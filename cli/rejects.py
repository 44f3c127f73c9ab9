from typing import Annotated

import typer

from cli.options import AsJson, sources_like

__all__ = ["rejects"]


def rejects(
    of: Annotated[
        str,
        typer.Argument(metavar="SOURCE|SESSION", help="A source, or one session's id.", autocompletion=sources_like),
    ],
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many lines at most; JSON has all.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the items of a source that cannot be stored now, or those that a session could not store, and why."""
    from cli import rejects_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    rejects_table.show(of, limit=limit, as_json=as_json)
