"""`syncline new`: writing a new source, and telling what was guessed, what was written, and what comes next."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console, durations, registry
from deployments.new_source.credentials import Given
from syncline.errors import ConfigurationError
from syncline.settings import load_settings

if TYPE_CHECKING:
    from deployments.new_source.writing import Plan, Project

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
    credentials = _given(token=token, token_env=token_env, header=header, user=user, password=password)
    _make(name, credentials, url=url, key=key, table=table, every_seconds=every_seconds, dry_run=dry_run)


def _given(
    *, token: str | None, token_env: str | None, header: str | None, user: str | None, password: str | None
) -> Given:
    """The credentials, wherever they are taken from.

    Raises:
        ConfigurationError: they are not there.
    """
    if token_env is not None:
        if token is not None:
            raise ConfigurationError("give either --token or --token-env, not both")
        token = os.environ.get(token_env)
        if not token:
            raise ConfigurationError(f"--token-env: the environment has no {token_env}")
    if user is not None and password is None and sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, err=True)
    return Given(token=token, header=header, user=user, password=password)


def _make(
    name: str,
    credentials: Given,
    *,
    url: str | None,
    key: str | None,
    table: str | None,
    every_seconds: int,
    dry_run: bool,
) -> None:
    """Look, write, and tell; with `dry_run` show what would be written."""
    registry.every()
    from deployments.new_source import writing  # noqa: PLC0415 - loads Prefect, for which `registry` made ready

    project = writing.Project.here()
    wanted = writing.Wanted(name=name, given=credentials, url=url, key=key, table=table, every_seconds=every_seconds)
    made = writing.plan(wanted, project, load_settings())
    for sentence in made.said:
        console.line(f"  {sentence}")
    for sentence in made.doubts:
        console.line(f"  not proved: {sentence}")
    if dry_run:
        _show(made)
        return
    made.write()
    _tell(made, project, every_seconds)


def _show(made: Plan) -> None:
    """What would be written; of the settings only the names."""
    console.line(f"\n--- flows/{made.file.name}\n{made.module}")
    console.line(f"--- prefect.yaml, at the end\n{made.entry}")
    if made.added:
        console.line(f"--- .env, at the end\n{chr(10).join(f'{name}=…' for name in made.added)}\n")
    console.line("nothing was written")


def _tell(made: Plan, project: Project, every_seconds: int) -> None:
    name = made.draft.names.source
    if made.said:
        console.line("")
    console.line(f"written   flows/{name}.py")
    console.line(f"added to  {project.prefect_yaml.name}: {name}, every {durations.compact(every_seconds)}")
    if made.added:
        console.line(f"added to  {project.env}, which its owner alone can read: {', '.join(made.added)}")
    if made.shared is not None:
        console.line(f"shares    the upstream {made.shared}: its address, its credentials, its limits")
    console.line("")
    if made.unset:
        console.line(f"next      describe the source in flows/{name}.py, set {made.unset[0]} in .env,")
        console.line(f"          then run `syncline sync {name}`; its table is made by that")
    else:
        console.line(f"next      run `syncline sync {name}`; flows/{name}.py is yours to edit (docs/add-a-source.md)")
    console.line("          `syncline up` runs it by its schedule, once it is started anew")
