from datetime import timedelta
from typing import Annotated, Literal

import typer

from cli import console, durations
from cli.instance import actor
from syncline.settings import load_settings
from web.tokens import Role, issue

__all__ = ["token"]


def token(
    *,
    user: Annotated[str | None, typer.Option(help="Whose token; you, unless named.", show_default=False)] = None,
    role: Annotated[
        Literal["operator", "user"], typer.Option(help="operator: all of the instance; user: their own.")
    ] = "operator",
    lasting: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long it is good.")] = "1h",
) -> None:
    """Print a token for the API, as in: curl -H "Authorization: Bearer $(syncline token)" URL."""
    seconds = durations.seconds(lasting, option="--for")
    made = issue(load_settings(), user or actor(), timedelta(seconds=seconds), role=Role(role))
    console.line(made)
