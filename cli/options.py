"""Arguments and options that several commands share."""

from typing import Annotated, TypeAlias

import typer

__all__ = ["EVERY", "AsJson", "MaybeSource", "OneOrAll", "OneSource"]

EVERY = "all"
"""What stands for all sources on the command line."""

OneSource: TypeAlias = Annotated[str, typer.Argument(metavar="SOURCE", help="The source's name.", show_default=False)]
MaybeSource: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[SOURCE]", help="Only this source.", show_default=False)
]
OneOrAll: TypeAlias = Annotated[
    str, typer.Argument(metavar="SOURCE|all", help="The source's name, or `all`.", show_default=False)
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, with exact times in UTC.")]
