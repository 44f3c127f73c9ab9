"""What an unfinished pass has seen: keys, and keys found missing in the ranges that it covered.

While keys come in rising order, a page covers the range up to its last key, and only stored keys that are missing in it
are written down. Once the order breaks, every key that comes is written down as seen. Both kinds stand in `pass_keys`,
written in the transaction of their page, so a pass that is resumed still knows them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, text
from sqlmodel import col

from syncline.model.page import Key
from syncline.model.records import PassKey
from syncline.store.item_rows import ItemRows

__all__ = ["PassKeys", "covers"]

_MINE = "source = :pass_source AND account_id = :pass_account"


@dataclass(frozen=True)
class PassKeys:
    """What the unfinished pass of a source (and account) has seen."""

    source: str
    account_id: str | None

    def add_seen(self, connection: Connection, keys: Iterable[Key], *, walk: int = 1) -> None:
        """Write down keys that the pass has seen in its walk number `walk`, also where they were missing before."""
        self._add(connection, keys, missing=False, walk=walk)

    def add_missing(self, connection: Connection, keys: Iterable[Key]) -> None:
        """Write down stored keys that a covered range lacked."""
        self._add(connection, keys, missing=True, walk=1)

    def seen_among(
        self, connection: Connection, keys: Sequence[Key], *, contiguous_up_to: Key | None, stored: Container[Key]
    ) -> dict[Key, int]:
        """Those of `keys` that the pass has seen before, each with the newest walk that saw it.

        They are noted as seen, or are `stored`, in the range up to `contiguous_up_to`, and not noted as missing.
        """
        statement = text(f"SELECT key, missing, walk FROM pass_keys WHERE {_MINE} AND key IN ({_elements(connection)})")
        noted = {
            key: 0 if missing else int(walk)
            for key, missing, walk in connection.execute(statement, self._bound(keys=_list(keys)))
        }
        found = {key: noted.get(str(key), int(key in stored and covers(contiguous_up_to, key))) for key in keys}
        return {key: walk for key, walk in found.items() if walk}

    def misses_rows(
        self, connection: Connection, rows: ItemRows, *, contiguous_up_to: Key | None, ordered: bool
    ) -> bool:
        """Whether `unseen` would return any."""
        statement, bound = self._unseen(rows, contiguous_up_to=contiguous_up_to, ordered=ordered)
        return bool(connection.execute(text(f"SELECT EXISTS ({statement})"), bound).scalar())

    def unseen(
        self, connection: Connection, rows: ItemRows, *, contiguous_up_to: Key | None, ordered: bool
    ) -> list[Key]:
        """The keys that are stored and that the pass did not see: what is gone upstream.

        `ordered` says that no key was written down as seen, so that the ranges tell it all.
        """
        statement, bound = self._unseen(rows, contiguous_up_to=contiguous_up_to, ordered=ordered)
        return list(connection.execute(text(statement), bound).scalars())

    def _unseen(self, rows: ItemRows, *, contiguous_up_to: Key | None, ordered: bool) -> tuple[str, dict[str, object]]:
        """The query of `unseen`, and what it binds."""
        bound, beyond = self._bound(**rows.partition), ""
        if contiguous_up_to is not None:
            beyond, bound = f'AND "{rows.key}" > :contiguous_up_to', bound | {"contiguous_up_to": contiguous_up_to}
        mine = " AND ".join(f'"{name}" = :{name}' for name in rows.partition) or "1 = 1"
        stored = f'SELECT "{rows.key}" FROM "{rows.table}" WHERE {mine}'
        noted = f"SELECT CAST(key AS {'TEXT' if rows.key_is_text else 'BIGINT'}) FROM pass_keys WHERE {_MINE}"
        statement = f'{stored} {beyond} UNION {stored} AND "{rows.key}" IN ({noted} AND missing)'
        if not ordered:
            statement = f"SELECT * FROM ({statement}) AS candidates EXCEPT {noted} AND NOT missing"
        return statement, bound

    def missing(self, connection: Connection, *, limit: int) -> set[str] | None:
        """The stored keys that covered ranges lacked, as text; None where there are more than `limit`."""
        statement = text(f"SELECT key FROM pass_keys WHERE {_MINE} AND missing LIMIT {limit + 1}")
        found = set(connection.execute(statement, self._bound()).scalars())
        return None if len(found) > limit else found

    def clear(self, connection: Connection) -> None:
        """Forget what the pass has seen: it ended, or another one begins."""
        whose = col(PassKey.source) == self.source, col(PassKey.account_id) == (self.account_id or "")
        connection.execute(delete(PassKey).where(*whose))

    def _add(self, connection: Connection, keys: Iterable[Key], *, missing: bool, walk: int) -> None:
        found = _list(keys)
        if found == "[]":
            return
        statement = text(
            "INSERT INTO pass_keys (source, account_id, key, missing, walk) "
            f"SELECT :pass_source, :pass_account, came.value, :missing, :walk FROM ({_elements(connection)}) AS came "
            "WHERE 1 = 1 ON CONFLICT (source, account_id, key) "
            "DO UPDATE SET missing = excluded.missing, walk = excluded.walk"
        )
        connection.execute(statement, self._bound(keys=found, missing=missing, walk=walk))

    def _bound(self, **more: object) -> dict[str, object]:
        return {"pass_source": self.source, "pass_account": self.account_id or "", **more}


def _elements(connection: Connection) -> str:
    """A query of the texts in the JSON list `:keys`."""
    if connection.dialect.name == "postgresql":
        return "SELECT value FROM jsonb_array_elements_text(CAST(:keys AS jsonb)) AS listed(value)"
    return "SELECT CAST(value AS TEXT) AS value FROM json_each(:keys)"


def covers(contiguous_up_to: Any, key: Any) -> bool:  # noqa: ANN401 - keys of one table have one type
    """Whether the range up to `contiguous_up_to` holds `key`; None: there is no range."""
    return contiguous_up_to is not None and bool(key <= contiguous_up_to)


def _list(keys: Iterable[Key]) -> str:
    return msgspec.json.encode([str(key) for key in keys]).decode()
