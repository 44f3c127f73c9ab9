"""The rows of a source, on the database at hand."""

from __future__ import annotations

from syncline.model.source import Source
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRows
from syncline.store.items_postgresql import PostgresqlRows
from syncline.store.items_sqlite import SqliteRows

__all__ = ["rows_of"]


def rows_of(store: Store, source: Source, account_id: str = "") -> ItemRows:
    """The rows of `source`, or of one account of it, in its table."""
    kind = SqliteRows if store.is_sqlite else PostgresqlRows
    return kind(
        source.required_dataset.table,
        target=source.target(account_id),
        first_status=source.required_dataset.first_status,
    )
