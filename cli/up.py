import os
from typing import Annotated

import typer

from cli import console
from cli.options import Preset
from deployments.local.up import up as run
from syncline.settings import load_settings

__all__ = ["up"]


def up(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Simulated upstreams in place of your own.")] = False,
    preset: Preset = None,
) -> None:
    """Start everything on this machine: database, Prefect, all deployments, web app. Ctrl-C ends it all."""
    if preset is not None:
        os.environ["PERIODIC_SYNC_PRESET"] = preset  # for the children too
    raise typer.Exit(run(load_settings(), demo=demo, say=console.line))
