"""Say by source and account what each row is about: in each key, never NULL; and when a lease was given back."""

from typing import Any, TypeAlias

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_Columns: TypeAlias = list[sa.Column[Any]]
_OPEN = sa.text("status = 'running'")
_INSTANT = sa.DateTime(timezone=True)
_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_PROCESS: tuple[tuple[str, Any], ...] = (
    ("host", sa.String()),
    ("boot_id", sa.String()),
    ("pid", sa.Integer()),
    ("process_started", sa.Integer()),
)
_NAME = "'source:' || source || CASE WHEN account_id = '' THEN '' ELSE ':' || account_id END"
"""A lease's name as it was: `source:SOURCE`, or `source:SOURCE:ACCOUNT`. No source has a colon in its name."""


def upgrade() -> None:
    _fill("sync_sessions")
    op.create_index("ix_sync_sessions_target", "sync_sessions", ["source", "account_id", "started_at"])
    columns = ["source", "account_id"]
    op.create_index("ix_sync_sessions_open", "sync_sessions", columns, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.drop_index("ix_holds_source", table_name="holds")
    _fill("holds")
    op.create_index("ix_holds_target", "holds", ["source", "account_id", "released_at"])
    _upgrade_leases()
    _upgrade_parts()
    _remake("heartbeats", _heartbeats("source", "account_id"), ("source", "account_id"), {"account_id": "''"})


def downgrade() -> None:
    op.execute("DELETE FROM heartbeats WHERE account_id <> ''")
    _remake("heartbeats", _heartbeats("source"), ("source",), {})
    _downgrade_parts()
    _downgrade_leases()
    op.drop_index("ix_holds_target", table_name="holds")
    _empty("holds")
    op.create_index("ix_holds_source", "holds", ["source", "released_at"])
    op.drop_index("ix_sync_sessions_open", table_name="sync_sessions")
    op.drop_index("ix_sync_sessions_target", table_name="sync_sessions")
    _empty("sync_sessions")


def _upgrade_leases() -> None:
    back = {"pid": "abs(pid)", "released_at": "CASE WHEN pid < 0 THEN expires_at END"}
    columns = _leases("source", "account_id", released=True)
    _remake("leases", columns, ("source", "account_id"), _target_of("name") | back)
    op.drop_index("ix_queued_runs_lease", table_name="queued_runs")
    _remake("queued_runs", _queued("source", "account_id"), ("session_id",), _target_of("lease"))
    op.create_index("ix_queued_runs_target", "queued_runs", ["source", "account_id", "tick"])


def _downgrade_leases() -> None:
    op.drop_index("ix_queued_runs_target", table_name="queued_runs")
    _remake("queued_runs", _queued("lease"), ("session_id",), {"lease": _NAME})
    op.create_index("ix_queued_runs_lease", "queued_runs", ["lease", "tick"])
    names = {"name": _NAME, "pid": "CASE WHEN released_at IS NULL THEN pid ELSE -pid END"}
    _remake("leases", _leases("name", released=False), ("name",), names)


def _upgrade_parts() -> None:
    key = ("source", "account_id", "part")
    _remake("checkpoints", _checkpoints(*key), key, {"part": "''"})
    _remake("pass_keys", _pass_keys(*key), (*key, "key"), {"part": "''"})
    op.drop_index("ix_rejects_item", table_name="rejects")
    op.add_column("rejects", sa.Column("part", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_rejects_item", "rejects", [*key, "item", "reason"], unique=True)


def _downgrade_parts() -> None:
    """What is known of parts goes: the next pass of the whole target reads everything."""
    key = ("source", "account_id")
    for table in ("rejects", "pass_keys", "checkpoints"):
        op.execute(f"DELETE FROM {table} WHERE part <> ''")
    op.drop_index("ix_rejects_item", table_name="rejects")
    with op.batch_alter_table("rejects") as batch_op:
        batch_op.drop_column("part")
    op.create_index("ix_rejects_item", "rejects", [*key, "item", "reason"], unique=True)
    _remake("pass_keys", _pass_keys(*key), (*key, "key"), {})
    _remake("checkpoints", _checkpoints(*key), key, {})


def _is_server() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _target_of(name: str) -> dict[str, str]:
    """Source and account in a lease's name; at 8 begins what follows `source:`."""
    rest = f"substr({name}, 8)"
    colon = f"{'strpos' if _is_server() else 'instr'}({rest}, ':')"
    return {
        "source": f"CASE WHEN {colon} = 0 THEN {rest} ELSE substr({rest}, 1, {colon} - 1) END",
        "account_id": f"CASE WHEN {colon} = 0 THEN '' ELSE substr({rest}, {colon} + 1) END",
    }


def _fill(table: str) -> None:
    """NULL becomes "". PostgreSQL writes the table anew at once: an UPDATE would leave each row there twice."""
    if _is_server():
        op.execute(
            f"ALTER TABLE {table} ALTER account_id TYPE varchar USING coalesce(account_id, ''), "
            "ALTER account_id SET NOT NULL"
        )
        return
    op.execute(f"UPDATE {table} SET account_id = '' WHERE account_id IS NULL")
    with op.batch_alter_table(table) as batch_op:
        batch_op.alter_column("account_id", existing_type=sa.String(), nullable=False)


def _empty(table: str) -> None:
    with op.batch_alter_table(table) as batch_op:
        batch_op.alter_column("account_id", existing_type=sa.String(), nullable=True)
    op.execute(f"UPDATE {table} SET account_id = NULL WHERE account_id = ''")


def _remake(table: str, columns: _Columns, key: tuple[str, ...], changed: dict[str, str]) -> None:
    """Make the table anew with this primary key, its rows as before but for the `changed` columns.

    SQLite changes no primary key of a table that is there.
    """
    before = f"{table}_before"
    if _is_server():
        op.execute(f"ALTER INDEX {table}_pkey RENAME TO {before}_pkey")
    op.rename_table(table, before)
    op.create_table(table, *columns, sa.PrimaryKeyConstraint(*key))
    names = [column.name for column in columns]
    values = ", ".join(changed.get(name, name) for name in names)
    op.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {before}")
    op.drop_table(before)


def _texts(*names: str) -> _Columns:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _leases(*key: str, released: bool) -> _Columns:
    return [
        *_texts(*key, "owner"),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        *(sa.Column(name, kind, nullable=False) for name, kind in _PROCESS),
        sa.Column("asked_by", sa.String(), nullable=True),
        *([sa.Column("released_at", _INSTANT, nullable=True)] if released else []),
    ]


def _queued(*target: str) -> _Columns:
    return [
        *_texts("session_id", *target),
        sa.Column("tick", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        *(sa.Column(name, kind, nullable=False) for name, kind in _PROCESS),
    ]


def _checkpoints(*key: str) -> _Columns:
    return [
        *_texts(*key),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("full_pass_at", _INSTANT, nullable=True),
        sa.Column("read_to", _INSTANT, nullable=True),
        sa.Column("pass_state", sa.String(), nullable=True),
        sa.Column("doubles", sa.String(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("updated_at", _INSTANT, nullable=False),
    ]


def _pass_keys(*key: str) -> _Columns:
    return [
        *_texts(*key),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.Column("walk", sa.Integer(), nullable=False, server_default="1"),
    ]


def _heartbeats(*key: str) -> _Columns:
    return [
        *_texts(*key),
        sa.Column("last_run", _INSTANT, nullable=True),
        sa.Column("last_beat", _INSTANT, nullable=False),
        sa.Column("last_duration_ms", sa.Integer(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("waiting_for", sa.String(), nullable=True),
        sa.Column("waiting_until", _INSTANT, nullable=True),
    ]
