from typing import Annotated

import typer

from cli import console, instance, registry

__all__ = ["deploy"]


def deploy(
    *,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be deployed.")] = False,
) -> None:
    """Give the deployments of prefect.yaml to workers, with pool, limits and intervals, without what is not set up."""
    with instance.opened() as opened:
        registry.every()  # loads Prefect with the environment of this instance

        from deployments import deploying  # noqa: PLC0415 - loads Prefect, for which `registry` made ready

        if not plan:
            deploying.deploy(opened.settings, opened.store, say=console.line)
            return
        wanted = deploying.plan(opened.settings)
        console.line(f"work pools: {', '.join(wanted.pools)}")
        console.line(f"would deploy {', '.join(one.name for one in wanted.deployed)}")
        for one in wanted.left_out:
            console.line(f"would leave out {one.name}, which is not set up")
