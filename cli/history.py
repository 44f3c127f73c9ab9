from typing import Annotated

import typer

from cli.options import AsJson, sources_like

__all__ = ["history"]


def history(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE|show]",
            help="Only this source; or `show` and a session.",
            show_default=False,
            autocompletion=sources_like,
        ),
    ] = None,
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="With `show`: its id.", show_default=False)
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="Only those that ended so, such as failed.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the last sessions, each with its status and the reason; `syncline history show SESSION` tells all of one."""
    if source == "show" or session is not None:
        _show_one(source, session, as_json=as_json)
        return

    from cli import history_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    history_table.show(source, limit=limit, status=status, as_json=as_json)


def _show_one(word: str | None, session: str | None, *, as_json: bool) -> None:
    if word != "show" or session is None:
        raise typer.BadParameter("write `syncline history show SESSION`, with an id that `syncline history` lists")
    from cli import session_text  # noqa: PLC0415 - the same

    session_text.show(session, as_json=as_json)
