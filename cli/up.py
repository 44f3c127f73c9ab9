from typing import Annotated

import typer

from cli import console
from deployments.local.up import up as run
from syncline.settings import load_settings

__all__ = ["up"]


def up(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Simulated upstreams in place of your own.")] = False,
) -> None:
    """Start everything on this machine: database, Prefect, all deployments, web app. Ctrl-C ends it all."""
    raise typer.Exit(run(load_settings(), demo=demo, say=console.line))
