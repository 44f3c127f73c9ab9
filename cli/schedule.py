"""Starting and stopping a source's schedule, in Prefect."""

import asyncio

from cli import console, durations, registry
from cli.instance import actor, opened

__all__ = ["apply_intervals", "start", "stop"]


def start(source: str, *, every_seconds: int | None, default: bool) -> None:
    """Switch the schedule on: with another interval where one is given, by `default` with that of prefect.yaml."""
    with opened() as instance:
        name = registry.find(source).name

        from deployments import controls  # noqa: PLC0415 - loads Prefect, for which the catalog made ready

        where = (instance.settings, instance.store, name)
        made = (
            controls.start_default(*where, actor=actor())
            if default
            else controls.start(*where, every_seconds=every_seconds, actor=actor())
        )
        interval = asyncio.run(made)
    rhythm = "by its schedule" if interval is None else f"every {durations.compact(round(interval))}"
    console.line(f"{name} runs {rhythm}, the first time within 5 seconds")


def stop(source: str) -> None:
    """Switch the schedule off."""
    with opened() as instance:
        name = registry.find(source).name

        from deployments import controls  # noqa: PLC0415 - the same

        asyncio.run(controls.stop(instance.settings, instance.store, name, actor=actor()))
    console.line(f"{name} rests until `syncline start {name}`")


def apply_intervals() -> None:
    """Set in Prefect what the environment and operators say of intervals."""
    with opened() as instance:
        registry.every()  # loads Prefect with the environment of this instance

        from deployments.registered import apply_intervals  # noqa: PLC0415 - the same

        applied = asyncio.run(apply_intervals(instance.settings, instance.store))
    for name, every_seconds in applied.items():
        console.line(f"{name} runs every {every_seconds:g} s, unless it is stopped")
    if not applied:
        console.line("Nothing to apply: prefect.yaml says all intervals")
