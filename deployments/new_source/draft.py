"""What is to be written: a source as far as it is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployments.new_source.names import MODULE_NAMES, Names
from syncline.errors import ConfigurationError
from syncline.model.upstream import Upstream
from syncline.probe.guess import ColumnGuess, Guess
from syncline.upstreams.paging import PageNumber

__all__ = ["Draft", "Shared", "draft", "skeleton"]

_LONGEST_COLUMN = 60
_UNREADABLE = re.compile(r'["\\\x00-\x1f]')
"""What msgspec does not take in the name of a field."""
_POSTGRESQL_OWN = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})


@dataclass(frozen=True, kw_only=True)
class Shared:
    """An upstream that another file declares.

    Attributes:
        module: the file, dotted.
        constant: what it is called there; or a source of that file, where only the source names it.
        upstream: the declaration.
        by_source: whether `constant` is such a source.
    """

    module: str
    constant: str
    upstream: Upstream
    by_source: bool = False


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A source to be written.

    Attributes:
        names: what everything is called.
        upstream: a new one, or one that is there.
        guess: what is known of the API; its columns have the names that they get in the table.
        key: the key's column.
        place: host and path of the list, for people; None where nothing was looked at.
    """

    names: Names
    upstream: Upstream | Shared
    guess: Guess
    key: ColumnGuess
    place: str | None = None

    def is_nullable(self, column: ColumnGuess) -> bool:
        """Whether the column may be empty: only where all items were seen is it known that it never is."""
        if column.name == self.key.name:
            return False
        if column.name == self.guess.updated_field and self.guess.updated_since is not None:
            return False
        return column.nullable or not self.guess.is_whole


def draft(names: Names, upstream: Upstream | Shared, guess: Guess, *, key: str | None, place: str | None) -> Draft:
    """Put together what is known; `key` is the column or field that the user named.

    Raises:
        ConfigurationError: there is no key, or it cannot be one; the message lists those that can.
    """
    renamed = _renamed(_readable(guess))
    chosen = _key(renamed.columns, key or renamed.key)
    return Draft(names=names, upstream=upstream, guess=replace(renamed, key=chosen.name), key=chosen, place=place)


def skeleton(names: Names, upstream: Upstream) -> Draft:
    """A source of which nothing is known yet: valid, with an id and a name, and to be described by hand."""
    key = ColumnGuess(name="id", type="int")
    columns = (key, ColumnGuess(name="name", type="str", nullable=True))
    path = f"/{names.source.replace('_', '-')}"
    guess = Guess(path=path, items="data", columns=columns, key="id", paging=PageNumber())
    return Draft(names=names, upstream=upstream, guess=guess, key=key)


def _key(columns: Sequence[ColumnGuess], wanted: str | None) -> ColumnGuess:
    scalar = {"int", "str", "datetime", "date"}
    able = [column for column in columns if column.type in scalar and not column.nullable and not column.doubled]
    names = ", ".join(column.field for column in able)
    listed = f"these could be: {names}" if able else "none could be: each is empty or the same in some items"
    if wanted is None and not able:
        raise ConfigurationError("no field can tell the items apart: each is empty, or the same, in some of them")
    if wanted is None:
        raise ConfigurationError(f"no field is seen to tell the items apart: name one with --key; {listed}")
    for column in columns:
        if wanted in {column.name, column.alias}:
            if column in able:
                return column
            if column.type in scalar and not column.nullable:
                raise ConfigurationError(f"--key {wanted}: two items were seen with the same value there; {listed}")
            raise ConfigurationError(f"--key {wanted}: not every item has a text or whole number there; {listed}")
    raise ConfigurationError(f"--key {wanted}: the items have no such field; {listed}")


def _readable(guess: Guess) -> Guess:
    """The guess without fields whose name no item can be decoded by; they are named among the doubts."""
    odd = [column for column in guess.columns if _UNREADABLE.search(column.field)]
    if not odd:
        return guess
    kept = tuple(column for column in guess.columns if column not in odd)
    names = ", ".join(repr(column.field) for column in odd)
    left_out = f"the field {names} is left out: a name with quotes, backslashes or control characters cannot be read"
    key = None if guess.key in {column.name for column in odd} else guess.key
    return replace(guess, columns=kept, key=key, doubts=(*guess.doubts, left_out))


def _renamed(guess: Guess) -> Guess:
    """The guess with column names that neither the file's own names nor the databases' stand against."""
    new: dict[str, str] = {}
    for column in guess.columns:
        new[column.name] = _free_name(column.name, {*new.values()})
    columns = tuple(
        replace(column, name=new[column.name], alias=None if column.field == new[column.name] else column.field)
        for column in guess.columns
    )
    return replace(
        guess,
        columns=columns,
        key=None if guess.key is None else new[guess.key],
        updated_field=None if guess.updated_field is None else new[guess.updated_field],
    )


def _free_name(name: str, taken: set[str]) -> str:
    wanted = name if len(name) <= _LONGEST_COLUMN else name[:_LONGEST_COLUMN].rstrip("_")
    if name in MODULE_NAMES or name.lower() in _POSTGRESQL_OWN:
        wanted = f"{wanted}_"
    free, number = wanted, 2
    while free.lower() in {other.lower() for other in taken}:
        free, number = f"{wanted.rstrip('_')}_{number}", number + 1
    return free
