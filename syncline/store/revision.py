"""Whether the database has all migrations, told without loading what applies them, which takes longer than a look."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from syncline.store.engine import Store

__all__ = ["heads", "is_current"]

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_LINE = re.compile(r"^(revision|down_revision)\b[^=\n]*=(.*)$", re.MULTILINE)
_QUOTED = re.compile(r"""["']([^"']+)["']""")


def is_current(store: Store, folder: Path = _VERSIONS) -> bool:
    """Whether the database is at the newest of the migrations in `folder`; False also where that cannot be told.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
    """
    try:
        with store.read() as connection:
            found = set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    except DBAPIError:  # there is no such table
        return False
    return bool(found) and found == heads(folder)


def heads(folder: Path) -> set[str]:
    """The migrations that no other one follows, by what their files say of themselves."""
    made, followed = set[str](), set[str]()
    for path in folder.glob("*.py"):
        for name, value in _LINE.findall(path.read_text(encoding="utf-8")):
            (made if name == "revision" else followed).update(_QUOTED.findall(value))
    return made - followed
