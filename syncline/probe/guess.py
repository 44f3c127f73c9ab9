"""What a look at an unknown API found out: enough to write a source for it."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from syncline.upstreams.paging import OnePage, Paging
from syncline.upstreams.rest import RestPages

__all__ = ["ColumnGuess", "ColumnType", "Guess"]

ColumnType: TypeAlias = Literal["bool", "int", "float", "Decimal", "str", "datetime", "date", "Any"]
"""The Python type by its name; `Any` is a nested part, or one whose type differs, kept as JSON."""


@dataclass(frozen=True, kw_only=True)
class ColumnGuess:
    """One field of the items.

    Attributes:
        name: a Python identifier that a table may use.
        alias: the field's name in the JSON, where it is another; else None.
        type: its type, by name.
        nullable: whether it was null or missing in any item.
        places: digits after the point, for `Decimal`.
        large: whether an `int` needs 64 bits; 32 are not safe for keys and counters either.
        long: whether a `str` holds numbers that no column of numbers holds exactly; they are kept digit for digit.
        doubled: whether it was seen null, missing, or the same in two items: then it cannot be the key.
    """

    name: str
    type: ColumnType
    alias: str | None = None
    nullable: bool = False
    places: int = 0
    large: bool = False
    long: bool = False
    doubled: bool = False

    @property
    def field(self) -> str:
        """Its name in the JSON, which may be empty."""
        return self.name if self.alias is None else self.alias


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What one look told.

    Attributes:
        path: what was looked at, without its query.
        params: the query's parameters that are not paging, in their order: each request repeats them.
        items: dotted path of the list.
        names_at: dotted path of the column names, where the items are lists of values.
        columns: the fields, in the order in which they were seen.
        key: name of the column that tells items apart; None if no field does.
        paging: how further pages are asked for.
        total: dotted path or header of the number of items.
        updated_field: name of the column that says when an item changed.
        updated_since: the parameter that asks for changes, where one was found to work.
        seen: how many items were looked at.
        total_items: how many there are in all, where the API says so.
        is_whole: whether the list was read to an end that is one: then `seen` is all there are.
        sample: items as they came, to try a table with.
        said: the same in sentences, for people.
        doubts: what could not be proved, in sentences, for people.
    """

    path: str
    items: str
    columns: tuple[ColumnGuess, ...]
    names_at: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    key: str | None = None
    paging: Paging = field(default_factory=OnePage)
    total: str | None = None
    updated_field: str | None = None
    updated_since: str | None = None
    seen: int = 0
    total_items: int | None = None
    is_whole: bool = False
    sample: tuple[bytes, ...] = field(default=(), repr=False)
    said: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def pages(self) -> RestPages:
        """The connector that reads it so."""
        return RestPages(
            path=self.path,
            items=self.items,
            columns=self.names_at,
            paging=self.paging,
            updated_since=self.updated_since,
            total=self.total,
            params=self.params,
        )

    def column(self, name: str) -> ColumnGuess:
        """The column of this name."""
        return next(column for column in self.columns if column.name == name)
