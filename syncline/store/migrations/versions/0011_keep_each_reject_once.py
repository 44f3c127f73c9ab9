"""Keep each reject once, with when it was first and last seen, and how often."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import RowMapping
from xxhash import xxh3_128_hexdigest

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEPT = 10_000
"""Of each source, those that were seen last: the table may hold millions of the same."""
_REASON_LIMIT = 500


def upgrade() -> None:
    connection = op.get_bind()
    found = _collapsed(connection)
    op.drop_table("rejects")
    table = op.create_table(
        "rejects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("item_key", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rejects_item", "rejects", ["source", "account_id", "item", "reason"], unique=True)
    op.create_index("ix_rejects_last_seen", "rejects", ["source", "last_seen"])
    op.create_index("ix_rejects_session_id", "rejects", ["session_id"])
    op.bulk_insert(table, found)


def downgrade() -> None:
    with op.batch_alter_table("rejects", schema=None) as batch_op:
        batch_op.drop_index("ix_rejects_last_seen")
        batch_op.drop_index("ix_rejects_item")
        batch_op.alter_column("last_seen", new_column_name="rejected_at")
        for name in ("account_id", "item", "first_seen", "times"):
            batch_op.drop_column(name)


def _collapsed(connection: sa.Connection) -> list[dict[str, Any]]:
    """The rows as they are to be, the oldest first."""
    texts = ("session_id", "source", "item_key", "reason", "raw")
    old = sa.table("rejects", sa.column("id", sa.Integer), *(sa.column(name, sa.String) for name in texts))
    old.append_column(sa.column("rejected_at", sa.DateTime(timezone=True)))
    sessions = sa.table("sync_sessions", sa.column("id", sa.String), sa.column("account_id", sa.String))
    account = sa.func.coalesce(sessions.c.account_id, "")
    unkeyed = sa.case((old.c.item_key.is_(None), old.c.raw))
    same = (old.c.source, account, old.c.item_key, unkeyed, old.c.reason)
    groups = (
        sa.select(
            account.label("account_id"),
            sa.func.min(old.c.rejected_at).label("first_seen"),
            sa.func.max(old.c.rejected_at).label("last_seen"),
            sa.func.count().label("times"),
            sa.func.max(old.c.id).label("newest"),
        )
        .select_from(old.outerjoin(sessions, sessions.c.id == old.c.session_id))
        .group_by(*same)
        .subquery()
    )
    rows = sa.select(old, groups).join(groups, groups.c.newest == old.c.id).order_by(groups.c.last_seen.desc())
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    kept: dict[str, int] = {}
    for row in connection.execute(rows).mappings():
        source = row["source"]
        if kept.get(source, 0) < _KEPT and _identity(row) not in found:
            found[_identity(row)], kept[source] = _row(row), kept.get(source, 0) + 1
    return [found[identity] for identity in reversed(found)]


def _identity(row: RowMapping) -> tuple[str, ...]:
    return row["source"], row["account_id"], _item(row), row["reason"][:_REASON_LIMIT]


def _row(row: RowMapping) -> dict[str, Any]:
    same = ("source", "account_id", "item_key", "raw", "first_seen", "last_seen", "times", "session_id")
    return {**{name: row[name] for name in same}, "item": _item(row), "reason": row["reason"][:_REASON_LIMIT]}


def _item(row: RowMapping) -> str:
    key = row["item_key"]
    return xxh3_128_hexdigest((f"raw:{row['raw']}" if key is None else f"key:{key}").encode())
