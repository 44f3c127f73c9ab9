from typing import Annotated

import typer

from cli.options import AsJson

__all__ = ["doctor"]


def doctor(
    *,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only whether the schedules fit the upstreams' budgets.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Check files, settings, database, Prefect and budgets; say what is wrong and how to mend it. 1 if anything is."""
    from cli import diagnosis  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    return diagnosis.show(plan=plan, as_json=as_json)
