"""The classes of all tables that Syncline ships, loaded: those of the kernel and those of each domain."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from syncline import model

__all__ = ["load"]


@cache
def load() -> None:
    """Import each module that declares tables, which registers them; of a domain nothing else is known here."""
    for module in iter_modules(model.__path__, f"{model.__name__}."):
        import_module(module.name)
    for package in iter_modules([str(Path(__file__).parents[1])], "syncline."):
        if package.ispkg and find_spec(f"{package.name}.tables") is not None:
            import_module(f"{package.name}.tables")
