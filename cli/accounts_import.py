"""`syncline accounts import`: many accounts from a file, with how far it has come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cli import console, registry
from cli.errors import FAILED
from cli.instance import Instance, actor, opened
from syncline.errors import ConfigurationError
from syncline.jobs.importing import BadLine, Import, parsed, store_all
from syncline.jobs.registration import Imported
from syncline.model.source import Source
from syncline.words import counted

__all__ = ["import_file", "import_lines"]

_CSV = {".csv", ".txt", ""}
_JSON = {".jsonl", ".ndjson", ".json"}


def import_file(file: str, *, source: str | None, user: str | None, kind: str | None) -> int:
    """Import a file, or stdin; returns the exit code."""
    is_csv = _is_csv(file, kind)
    sources = tuple(one for one in registry.every() if one.accounts is not None and one.accounts.can_be_added)
    named = None if source is None else registry.find(source).name
    with opened() as instance, _opened(file) as lines:
        return import_lines(instance, lines, sources, source=named, user=user, is_csv=is_csv)


def import_lines(
    instance: Instance,
    lines: BinaryIO,
    sources: tuple[Source, ...],
    *,
    source: str | None,
    user: str | None,
    is_csv: bool,
) -> int:
    """Import these lines and say what came of them; returns the exit code."""
    limits = instance.settings.accounts
    how = Import(sources=sources, limits=limits, source=source, user_id=user, is_csv=is_csv)
    with _progress() as told:
        done, bad = store_all(instance.store, parsed(lines, how), actor=actor(), complain=_complain, told=told)
    console.line(f"{counted(done.added, 'account')} added, {done.found:,} there already, {counted(bad, 'bad line')}")
    return FAILED if bad else 0


def _complain(bad: BadLine) -> None:
    console.complain(f"line {bad.number}: {bad.reason}")


@contextmanager
def _progress() -> Generator[Callable[[Imported, int], None]]:
    """What says how far it has come, in one line of a terminal; elsewhere nothing is said."""
    with console.errors().status("reading") as status:

        def told(done: Imported, bad: int) -> None:
            status.update(f"{done.added:,} added, {done.found:,} there already, {bad:,} bad")

        yield told


@contextmanager
def _opened(file: str) -> Generator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None


def _is_csv(file: str, kind: str | None) -> bool:
    if kind is not None:
        return kind == "csv"
    suffix = "" if file == "-" else Path(file).suffix.lower()
    if suffix not in _CSV | _JSON:
        raise ConfigurationError(f"{file}: say with --format csv or --format jsonl what it is")
    return suffix in _CSV
