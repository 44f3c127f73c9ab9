from typing import Annotated

import typer

from cli import console

__all__ = ["up"]


def up(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Simulated upstreams in place of your own.")] = False,
) -> None:
    """Start everything on this machine: database, Prefect, all deployments, web app. Ctrl-C ends it all."""
    from deployments import machine  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly
    from syncline.settings import load_settings  # noqa: PLC0415 - the same

    raise typer.Exit(machine.up(load_settings(), demo=demo, say=console.line))
