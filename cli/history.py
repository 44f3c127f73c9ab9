from typing import Annotated

import typer

from cli.options import AsJson, MaybeSource

__all__ = ["history"]


def history(
    source: MaybeSource = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    status: Annotated[
        str | None, typer.Option(metavar="FATE", help="Only those that ended so, such as failed.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the last sessions, each with its fate and the reason."""
    from cli import history_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    history_table.show(source, limit=limit, status=status, as_json=as_json)
