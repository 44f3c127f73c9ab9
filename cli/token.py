from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from cli import console, durations

__all__ = ["token"]


class _Role(StrEnum):
    """As `web.tokens.Role`, which takes long to load."""

    OPERATOR = "operator"
    USER = "user"


def token(
    *,
    user: Annotated[str | None, typer.Option(help="Whose token; you, unless named.", show_default=False)] = None,
    role: Annotated[_Role, typer.Option(help="operator: all of the instance; user: their own.")] = _Role.OPERATOR,
    lasting: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long it is good.")] = "1h",
) -> None:
    """Print a token for the API, as in: curl -H "Authorization: Bearer $(syncline token)" URL."""
    seconds = durations.seconds(lasting, option="--for")

    from cli.instance import actor  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly
    from syncline.settings import load_settings  # noqa: PLC0415 - the same
    from web import tokens  # noqa: PLC0415 - the same

    made = tokens.issue(load_settings(), user or actor(), timedelta(seconds=seconds), role=tokens.Role(role.value))
    console.line(made)
