from typing import Annotated

import typer

from cli.options import AsJson

__all__ = ["audit"]


def audit(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show who changed what, and when."""
    from cli import audit_table  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly

    audit_table.show(limit=limit, as_json=as_json)
