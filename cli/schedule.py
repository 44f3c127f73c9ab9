"""`syncline start`, `stop` and `apply-intervals`: the schedules in Prefect."""

import asyncio
from typing import Annotated

import typer

from cli import console, durations, registry
from cli.instance import actor, opened
from cli.options import OneSource

__all__ = ["apply_intervals", "start", "stop"]


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
    with opened() as instance:
        name = registry.find(source).name

        from deployments import controls  # noqa: PLC0415 - loads Prefect, for which `registry` made ready

        where = (instance.settings, instance.store, name)
        made = (
            controls.start_default(*where, actor=actor())
            if default
            else controls.start(*where, every_seconds=seconds, actor=actor())
        )
        interval = asyncio.run(made)
    rhythm = "by its schedule" if interval is None else f"every {durations.compact(round(interval))}"
    console.line(f"{name} runs {rhythm}, the first time within 5 seconds")


def stop(source: OneSource) -> None:
    """Stop a source's schedule until `syncline start`; what runs now runs on."""
    with opened() as instance:
        name = registry.find(source).name

        from deployments import controls  # noqa: PLC0415 - the same

        asyncio.run(controls.stop(instance.settings, instance.store, name, actor=actor()))
    console.line(f"{name} is stopped until `syncline start {name}`")


def apply_intervals() -> None:
    """After `prefect deploy`: give the deployments the intervals of the environment and of `start --every` again."""
    with opened() as instance:
        registry.every()  # loads Prefect with the environment of this instance

        from deployments.schedules import apply  # noqa: PLC0415 - the same

        applied = asyncio.run(apply.apply_intervals(instance.settings, instance.store))
    for name, every_seconds in applied.items():
        console.line(f"{name} runs every {every_seconds:g} s, unless it is stopped")
    if not applied:
        console.line("Nothing to apply: prefect.yaml says all intervals")
