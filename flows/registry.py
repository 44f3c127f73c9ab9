"""All sources: each file of this folder that declares one, with its flow."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from prefect import Flow

from syncline.errors import ConfigurationError, UnknownSourceError
from syncline.model.source import Source, named
from tasks.flow import SyncFlow

__all__ = ["Entry", "entries", "find", "flow_of", "names", "sources", "sources_with_dataset"]

_FOLDER = Path(__file__).parent
_PACKAGE = __name__.rpartition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A source and what does its work.

    Attributes:
        source: the declaration.
        flow: the flow, made by `sync_flow`.
        entrypoint: the flow's dotted name, as prefect.yaml gives it.
    """

    source: Source
    flow: Flow[..., Any]
    entrypoint: str


def find(name: str) -> Source:
    """The source that has this name or alias.

    Raises:
        UnknownSourceError: there is none; the message names those that there are.
        ConfigurationError: a file of this folder cannot be loaded.
    """
    return _entry(name).source


def flow_of(name: str) -> Flow[..., Any]:
    """The flow of the source that has this name or alias; raises as `find` does."""
    return _entry(name).flow


def names() -> tuple[str, ...]:
    """The names of all sources, in order."""
    return tuple(entries())


def sources() -> tuple[Source, ...]:
    """All sources, in the order of their names."""
    return tuple(entry.source for entry in entries().values())


def sources_with_dataset() -> tuple[Source, ...]:
    """Those that keep a dataset up to date, in the order of their names."""
    return tuple(one for one in sources() if one.dataset is not None)


@cache
def entries() -> dict[str, Entry]:
    """All sources with their flows by name; the files are loaded once a process.

    Raises:
        ConfigurationError: a file cannot be loaded, lacks its flow, or declares a source that another one has.
    """
    return read_folder(_FOLDER, _PACKAGE)


def read_folder(folder: Path, package: str) -> dict[str, Entry]:
    """The sources in the files of `folder`, which are the modules of `package`; raises as `entries` does."""
    found: dict[str, Entry] = {}
    there = sorted(module.name for module in pkgutil.iter_modules([str(folder)]))
    wanted = [name for name in there if f"{package}.{name}" != __name__ and not name.startswith("_")]
    modules = [_load(folder / f"{name}.py", f"{package}.{name}") for name in wanted]
    for entry in chain.from_iterable(_declared(module) for module in modules):
        other = found.setdefault(entry.source.name, entry)
        if other is not entry:
            where = f"{other.entrypoint} and {entry.entrypoint}"
            raise ConfigurationError(f"two flows are of the source {entry.source.name!r}: {where}")
    _refuse_idle(modules, found)
    _refuse_ambiguous(found)
    return dict(sorted(found.items()))


def _entry(name: str) -> Entry:
    known = entries()
    source = named((entry.source for entry in known.values()), name)
    if source is None:
        raise UnknownSourceError(name, names())
    return known[source.name]


def _load(path: Path, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except Exception as error:
        where = f"{path.parent.name}/{path.name}"
        problem = str(error).strip().splitlines()
        message = f"{where} cannot be loaded: {type(error).__name__}: {problem[0] if problem else 'no message'}"
        raise ConfigurationError(message) from error


def _declared(module: ModuleType) -> list[Entry]:
    """The flows that `module` itself makes; what it imports belongs to others."""
    own = {name: value for name, value in vars(module).items() if _is_own_flow(value, module)}
    return [Entry(source=flow.source, flow=flow, entrypoint=f"{module.__name__}.{name}") for name, flow in own.items()]


def _is_own_flow(value: object, module: ModuleType) -> TypeGuard[SyncFlow[...]]:
    return isinstance(value, SyncFlow) and value.fn.__module__ == module.__name__


def _refuse_idle(modules: list[ModuleType], found: Mapping[str, Entry]) -> None:
    """A source that no flow brings up to date is a mistake."""
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Source) and value.name not in found:
                file = f"{module.__name__.replace('.', '/')}.py"
                raise ConfigurationError(f"{file} declares the source {value.name!r}, but no flow: add `@sync_flow(…)`")


def _refuse_ambiguous(found: Mapping[str, Entry]) -> None:
    """An alias that is also another one's name or alias would lead to the wrong source."""
    owners: dict[str, str] = {name: name for name in found}
    for name, entry in found.items():
        for alias in entry.source.aliases:
            other = owners.setdefault(alias, name)
            if other != name:
                raise ConfigurationError(f"{alias!r} is an alias of the source {name!r}, but also a name of {other!r}")
