"""Files of settings (`.env`, `secrets.env`, …): their faults by file and line, and names that no setting has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from syncline.errors import ConfigurationError

__all__ = ["check_file", "line_of", "names_in", "typos"]

_PREFIX = "SYNCLINE_"
_CUTOFF = 0.7
"""So much alike two names are where one is taken for a slip of the other (0 to 1)."""


def check_file(path: Path) -> None:
    """Do nothing where each line of the file at `path` can be read, or there is no file.

    Raises:
        ConfigurationError: one cannot; the message names the file and the line, and repeats no value.
    """
    for binding in _bindings(path):
        text, line = binding.original.string.strip(), _line(binding)
        if binding.error:
            problem = "a quote that is not closed" if text[:1] and any(q in text for q in "\"'") else "not NAME=VALUE"
            raise ConfigurationError(f"{path}, line {line}: {problem}")
        if binding.key is not None and binding.value is None:
            raise ConfigurationError(f"{path}, line {line}: {binding.key} has no `=`: write {binding.key}=VALUE")


def line_of(path: Path, name: str) -> int | None:
    """The line of the file at `path` that sets the variable `name` last; None where none does."""
    lines = [_line(one) for one in _bindings(path) if (one.key or "").upper() == name.upper()]
    return lines[-1] if lines else None


def names_in(path: Path) -> dict[str, int]:
    """The variables that the file at `path` sets, and the line of each."""
    return {one.key: _line(one) for one in _bindings(path) if one.key is not None}


def typos(
    known: Iterable[str], environment: Iterable[str], files: Mapping[Path, Mapping[str, int]]
) -> Iterator[tuple[str, str, str]]:
    """Each variable that looks like a setting and is none: its name, where it stands, and the nearest setting."""
    settings = {name.upper() for name in known}
    places = [(name, "the environment") for name in sorted(environment)]
    places += [(name, f"{path}, line {line}") for path, found in files.items() for name, line in found.items()]
    for name, where in places:
        upper = name.upper()
        if not upper.startswith(_PREFIX) or upper in settings:
            continue
        nearest = get_close_matches(upper, settings, n=1, cutoff=_CUTOFF)
        if nearest:
            yield name, where, nearest[0]


def _line(binding: Binding) -> int:
    """Where a statement begins: the parser counts the empty lines before it as its own."""
    whole = binding.original.string
    return binding.original.line + whole[: len(whole) - len(whole.lstrip())].count("\n")


def _bindings(path: Path) -> list[Binding]:
    """The statements of the file.

    Raises:
        ConfigurationError: it is no text in UTF-8, or cannot be read.
    """
    if not path.is_file():
        return []
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}, line {line}: not UTF-8") from None
    return list(parse_stream(StringIO(text)))
