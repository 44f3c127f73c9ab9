"""The names that a new source takes: which it may have, and what is made of them."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import SQLModel

from deployments.schedules.file import read_deployments
from flows import registry
from syncline.errors import ConfigurationError

__all__ = ["IMPORTS", "MODULE_NAMES", "Names", "check_free", "choose"]

IMPORTS = {
    "datetime": ("date", "datetime"),
    "decimal": ("Decimal",),
    "typing": ("Any",),
    "sqlmodel": ("Field",),
    "syncline": (
        *("Amount", "Auth", "BigInt", "Cursor", "Dataset", "Item", "JsonColumn", "KeyText", "Keyset", "Link", "Mode"),
        *("NumberText", "Offset", "OnePage", "PageNumber", "Range", "RestPages", "Retry", "Source", "Tally"),
        "Upstream",
    ),
    "tasks": ("admit", "prune", "pull", "sync_flow"),
}
"""What a generated file may import, by module."""
MODULE_NAMES = frozenset({name for names in IMPORTS.values() for name in names} | {"bool", "float", "int", "str"})
"""What a generated file may call by a bare name: its classes and columns must be named otherwise."""
_SHAPE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 40
_ALWAYS_PLURAL = ("news", "series", "species", "movies", "cookies")
_SINGULARS = {"ies": "y", "sses": "ss", "xes": "x", "ches": "ch", "shes": "sh", "tuses": "tus", "s": ""}


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names in a source's file.

    Attributes:
        source: the source's, the file's and the deployment's.
        table: the table's in the database.
        row: the class of its rows.
    """

    source: str
    table: str
    row: str

    @property
    def constant(self) -> str:
        """What the `Source` is called."""
        return self.source.upper()

    @property
    def flow(self) -> str:
        """What the flow's function is called."""
        return f"sync_{self.source}"


def choose(source: str, table: str | None) -> Names:
    """The names of a source that is to be called `source`.

    Raises:
        ConfigurationError: a name cannot be used; the message says why.
    """
    _check_shape("the source's name", source)
    if table is not None:
        _check_shape("--table", table)
    if keyword.iskeyword(source):
        raise ConfigurationError(f"{source!r} is a word of Python: choose another name")
    if source in sys.stdlib_module_names:
        raise ConfigurationError(f"Python has a module {source!r} of its own: choose another name")
    return Names(source=source, table=table or source, row=_class_name(source))


def check_free(names: Names, flows_folder: Path, prefect_yaml: Path) -> None:
    """Nothing has these names yet.

    Raises:
        ConfigurationError: something has; the message says what.
    """
    for taken in (flows_folder / f"{names.source}.py", flows_folder / names.source):
        if taken.exists():
            where = f"{taken.parent.name}/{taken.name}"
            raise ConfigurationError(f"{where} is there already: choose another name, or edit that file")
    if names.source in registry.names():
        where = registry.entries()[names.source].entrypoint
        raise ConfigurationError(f"there is a source {names.source!r} already, of {where}: choose another name")
    deployed = read_deployments(prefect_yaml)
    if any(names.source in {deployment.source, deployment.name} for deployment in deployed):
        raise ConfigurationError(f"prefect.yaml has a deployment {names.source!r} already: remove it first")
    _check_table(names.table, SQLModel.metadata.tables)


def _check_table(table: str, known: Collection[str]) -> None:
    if table in {*known, "alembic_version"}:
        raise ConfigurationError(f"there is a table {table!r} already: name another one with --table")


def _check_shape(what: str, name: str) -> None:
    if not _SHAPE.fullmatch(name):
        rule = "lower-case letters, digits and single underscores, a letter first"
        raise ConfigurationError(f"{what} takes {rule}, but is {name!r}")
    if len(name) > _LONGEST:
        raise ConfigurationError(f"{what} takes at most {_LONGEST} characters, but {name!r} has {len(name)}")


def _class_name(source: str) -> str:
    *first, last = source.split("_")
    name = "".join(word.capitalize() for word in (*first, _singular(last)))
    taken = name in MODULE_NAMES or hasattr(builtins, name) or name.upper() == name == source.upper()
    return f"{name}Row" if taken else name


def _singular(word: str) -> str:
    if word in _ALWAYS_PLURAL or word.endswith(("ss", "us", "is")):
        return word
    ending = next((ending for ending in _SINGULARS if word.endswith(ending) and len(word) > len(ending) + 1), None)
    return word if ending is None else word.removesuffix(ending) + _SINGULARS[ending]
