"""The class that is to be written, tried on the very items that it was guessed from."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from types import ModuleType
from typing import Any

from sqlmodel import SQLModel

from deployments.new_source.draft import Draft
from deployments.new_source.module_text import table_text
from syncline.model.items import Item, table_of
from syncline.passes.codec import ItemCodec, Rejected
from syncline.probe.guess import ColumnGuess, ColumnType

__all__ = ["fitted"]

_WIDER: dict[ColumnType, tuple[ColumnType, bool]] = {
    "int": ("str", True),
    "float": ("str", True),
    "Decimal": ("str", True),
    "datetime": ("str", False),
    "date": ("str", False),
    "bool": ("Any", False),
    "str": ("Any", False),
}
"""What holds more than a type does, and whether that is text for numbers."""
_MISSING = re.compile(r"missing required field `(.*)`$")
_numbers = count()


def fitted(draft: Draft) -> Draft:
    """The draft with columns that hold every item that was seen; what none can hold is said among the doubts."""
    refused = _refused(draft)
    for _ in range(2 * len(draft.guess.columns)):
        wider = _widened(draft, refused)
        if wider is None:
            break
        draft = wider
        refused = _refused(draft)
    if not refused:
        return draft
    seen = len(draft.guess.sample)
    doubt = f"{len(refused)} of {seen} items cannot be stored as they are, and become rejects: {refused[0].reason}"
    return replace(draft, guess=replace(draft.guess, doubts=(*draft.guess.doubts, doubt)))


def _refused(draft: Draft) -> Sequence[Rejected]:
    """The items of the sample that the class does not take."""
    with _table(draft) as table:
        codec = ItemCodec(table)
        keyed, rejected = codec.keys(draft.guess.sample)
        decoded = [codec.decode(key, raw) for key, raw in keyed]
    return [*rejected, *(one for one in decoded if isinstance(one, Rejected))]


def _widened(draft: Draft, refused: Sequence[Rejected]) -> Draft | None:
    """The draft with a wider type for one column that refuses an item; None where there is none."""
    for one in refused:
        for column in draft.guess.columns:
            wider = None if column == draft.key else _wider(column, one.reason)
            if wider is not None:
                columns = tuple(wider if other == column else other for other in draft.guess.columns)
                return replace(draft, guess=replace(draft.guess, columns=columns))
    return None


def _wider(column: ColumnGuess, reason: str) -> ColumnGuess | None:
    missing = _MISSING.search(reason)
    if missing is not None and missing[1] == column.field:
        return None if column.nullable else replace(column, nullable=True)
    if not reason.endswith(f"`$.{column.field}`"):
        return None
    if "got `null`" in reason and not column.nullable:
        return replace(column, nullable=True)
    if column.type not in _WIDER:
        return None
    kind, long = _WIDER[column.type]
    return replace(column, type=kind, long=long)


@contextmanager
def _table(draft: Draft) -> Generator[type[Item]]:
    """The class as it stands in the file, for the length of the block."""
    module = ModuleType(f"rehearsal_{next(_numbers)}")
    sys.modules[module.__name__] = module  # where the names of its annotations are looked up
    made: Any = vars(module)
    try:
        exec(table_text(draft), made)  # noqa: S102 - the file that is to be run
        yield made[draft.names.row]
    finally:
        del sys.modules[module.__name__]
        if draft.names.row in made:
            SQLModel.metadata.remove(table_of(made[draft.names.row]))
