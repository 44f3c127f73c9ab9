"""Arguments and options that several commands share."""

import json
from typing import Annotated, Any, Literal, TypeAlias

import typer

from cli.forked_look import said_home

__all__ = ["EVERY", "AsJson", "MaybeAccount", "MaybeSource", "OneOrAll", "OneSource", "Preset", "sources_like"]

EVERY = "all"
"""What stands for all sources on the command line."""


def sources_like(incomplete: str) -> list[str]:
    """The names of sources that begin so, for the shell's completion, which waits for it and can show no error.

    They are those that the last look has kept (`cli.declared`); none where it has kept nothing.
    """
    try:
        found: Any = json.loads((said_home() / "declared.json").read_text(encoding="utf-8"))
        names = [str(one["name"]) for one in found["sources"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def _or_all(incomplete: str) -> list[str]:
    return [name for name in (*sources_like(incomplete), EVERY) if name.startswith(incomplete)]


OneSource: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="The source's name.", show_default=False, autocompletion=sources_like),
]
MaybeSource: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="[SOURCE]", help="Only this source.", show_default=False, autocompletion=sources_like),
]
OneOrAll: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE|all", help="The source's name, or `all`.", show_default=False, autocompletion=_or_all
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, with exact times in UTC.")]
Preset: TypeAlias = Annotated[
    Literal["development", "production", "high-load"] | None,
    typer.Option(help="How often wallets are read, as PERIODIC_SYNC_PRESET; it wins over that.", show_default=False),
]
MaybeAccount: TypeAlias = Annotated[
    str | None, typer.Option("--account", metavar="ID", help="Only this account.", show_default=False)
]
