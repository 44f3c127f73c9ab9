from typing import Annotated

import typer

from cli import durations

__all__ = ["new"]


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower case, such as widgets.", show_default=False)],
    *,
    url: Annotated[
        str | None, typer.Option(help="The list, at a JSON API; else a source to describe.", show_default=False)
    ] = None,
    token: Annotated[str | None, typer.Option(help="Who we are, to the API.", show_default=False)] = None,
    token_env: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="Take the token from there.", show_default=False)
    ] = None,
    header: Annotated[
        str | None, typer.Option(metavar="HEADER", help="The token goes there as it is.", show_default=False)
    ] = None,
    user: Annotated[str | None, typer.Option(help="For Basic authentication.", show_default=False)] = None,
    password: Annotated[
        str | None, typer.Option(help="With --user; asked for if left out.", show_default=False)
    ] = None,
    every: Annotated[str, typer.Option(metavar="DURATION", help="How often it is to run.")] = "30m",
    key: Annotated[
        str | None, typer.Option(metavar="FIELD", help="What tells the items apart.", show_default=False)
    ] = None,
    table: Annotated[str | None, typer.Option(help="The table, if not NAME.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show everything, write nothing.")] = False,
) -> None:
    """Write a source of your own: its file in flows/, and its schedule in prefect.yaml.

    With --url it looks at the API, and guesses the key, the columns and how further pages are asked for. The address
    and the credentials go to .env, which its owner alone can read.
    """
    every_seconds = durations.seconds(every, option="--every", least=10)

    from cli import new_source  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    given = new_source.given(token=token, token_env=token_env, header=header, user=user, password=password)
    new_source.make(name, given, url=url, key=key, table=table, every_seconds=every_seconds, dry_run=dry_run)
