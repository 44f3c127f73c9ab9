from typing import Annotated

import typer

from cli import durations
from cli.options import OneOrAll
from syncline.errors import ConfigurationError

__all__ = ["pause"]


def pause(
    source: OneOrAll,
    *,
    reason: Annotated[str, typer.Option(help="Why, as others will read it.", show_default=False)],
    lasting: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="How long, such as 10m; else until resumed.", show_default=False
        ),
    ] = None,
) -> None:
    """Hold a source: a running sync stops before its next request, and goes on there when the hold ends."""
    if not reason.strip():
        raise ConfigurationError("--reason must say why")
    most = 7 * durations.DAY
    seconds = None if lasting is None else durations.seconds(lasting, option="--for", most=most)

    from cli import holds  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    holds.pause(source, reason=reason, ttl_seconds=seconds)
