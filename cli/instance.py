"""The instance that a command works on: its settings and its database, opened with one clear line when it cannot be.

What is slow to load (SQLAlchemy, Alembic, the sources with Prefect) is loaded here, when a command really runs.
"""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli import console
from syncline.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Generator

    from syncline.settings import Settings
    from syncline.store.engine import Store

__all__ = ["Instance", "actor", "is_there", "make_home", "opened", "unchecked"]


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance, opened.

    Attributes:
        settings: what is set from outside.
        store: its database.
    """

    settings: Settings
    store: Store

    def now(self) -> datetime:
        """The present instant, by the store's clock."""
        return self.store.clock.now()


@contextmanager
def unchecked() -> Generator[Instance]:
    """Open the instance, whatever state its database is in.

    Raises:
        ConfigurationError: a setting cannot be used.
    """
    from syncline.settings import load_settings  # noqa: PLC0415 - see above
    from syncline.store.engine import open_store  # noqa: PLC0415 - see above

    settings = load_settings()
    store = open_store(settings)
    try:
        yield Instance(settings=settings, store=store)
    finally:
        store.close()


@contextmanager
def opened() -> Generator[Instance]:
    """Open the instance where its database is there and fits the program.

    Raises:
        ConfigurationError: a setting cannot be used.
        StoreError: the database is missing, away, behind or too new.
    """
    from syncline.store import revision  # noqa: PLC0415 - see above

    with unchecked() as instance:
        _require_file(instance.store)
        if not revision.is_current(instance.store):
            from syncline.store import schema  # noqa: PLC0415 - loads Alembic, which takes longer than most commands

            schema.require_current(instance.store)
        yield instance


def actor() -> str:
    """Who acts, as the audit log names them: `cli:USER`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"  # a user id without a name, as containers have


def make_home(settings: Settings) -> None:
    """Make the state folder; Prefect makes its own in it, but not this one.

    Raises:
        ConfigurationError: it cannot be made, or belongs to another user.
    """
    from deployments.local.home import own_home  # noqa: PLC0415 - see above

    for line in own_home(settings):
        console.warn(line)


def is_there(store: Store) -> bool:
    """False where the database is a SQLite file that does not exist; connecting would make an empty one."""
    file = store.url.database
    return not store.is_sqlite or not file or file == ":memory:" or Path(file).exists()


def _require_file(store: Store) -> None:
    if not is_there(store):
        where = _short(Path(store.url.database or ""))
        raise StoreError(f"there is no database at {where} yet: run `syncline up`, or `syncline db upgrade`")


def _short(path: Path) -> str:
    """The path relative to the current folder, if it is inside it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
