from typing import Annotated

import typer

from cli import durations
from cli.options import OneSource

__all__ = ["start"]


def start(
    source: OneSource,
    *,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="The time between runs, such as 15m, or `default` for that of prefect.yaml; else as it was.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a source by its schedule, from now on and after a restart."""
    most = 7 * durations.DAY
    default = every is not None and every.strip().lower() == "default"
    seconds = (
        None
        if every is None or default
        else durations.seconds(every, option="--every", least=durations.MINUTE, most=most)
    )

    from cli import schedule  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    schedule.start(source, every_seconds=seconds, default=default)
