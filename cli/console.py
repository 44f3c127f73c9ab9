"""Where the command writes: answers to stdout, the rest to stderr, each line whole.

Consoles are made when they are needed, so that redirected streams and a changed width are seen.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from syncline.words import iso_instant

__all__ = ["answers", "complain", "errors", "line", "show", "warn", "write_json"]

_ANY_WIDTH = 10_000


def answers() -> Console:
    """The console on stdout."""
    return Console(highlight=False, width=_width(sys.stdout))


def errors() -> Console:
    """The console on stderr."""
    return Console(stderr=True, highlight=False, width=_width(sys.stderr))


def _width(stream: TextIO) -> int | None:
    """How wide a line may be: as the terminal, or as COLUMNS says; what goes elsewhere is never cut or broken."""
    return None if stream.isatty() or os.environ.get("COLUMNS", "").isdigit() else _ANY_WIDTH


def show(what: RenderableType) -> None:
    """Print a table or picture that minds the terminal's width; elsewhere each line ends where its text does."""
    console = answers()
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as captured:
        console.print(what)
    sys.stdout.write("".join(f"{text.rstrip(' ')}\n" for text in captured.get().splitlines()))


def line(text: str | Text) -> None:
    """Print one line, which is never broken."""
    answers().print(text, markup=False, soft_wrap=True)


def complain(text: str) -> None:
    """Say in one red line what went wrong."""
    errors().print(Text(f"syncline: {text}", style="red"), soft_wrap=True)


def warn(text: str) -> None:
    """Say in one yellow line what needs attention."""
    errors().print(Text(text, style="yellow"), soft_wrap=True)


def write_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Print `value` as JSON; instants as ISO 8601 in UTC."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> object:
    return iso_instant(value) if isinstance(value, datetime) else str(value)
