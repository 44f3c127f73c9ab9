"""Keep accounts, their jobs, what these came to by the hour, and what wallets hold."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_TABLES = ("token_prices", "evm_tokens", "holdings", "drains", "sweeps", "sync_rollups", "sync_jobs", "accounts")
_COUNTS = (
    *("jobs", "items_processed", "items_created", "items_updated", "items_deleted", "items_unchanged"),
    *("items_rejected", "requests", "duration_ms", "waited_ms"),
    *(f"took_{index}" for index in range(11)),
)


def upgrade() -> None:
    op.add_column("sync_sessions", sa.Column("job_id", _BIG, nullable=True))
    _index("job", "sync_sessions", ["job_id"], "job_id IS NOT NULL")
    _make_accounts()
    _make_jobs()
    _make_rollups()
    _make_portfolios()
    if op.get_bind().dialect.name == "postgresql":  # its rows live for seconds: room for updates, and vacuumed soon
        op.execute(
            "ALTER TABLE sync_jobs SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_delay = 0)"
        )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("ix_sync_sessions_job", table_name="sync_sessions")
    op.drop_column("sync_sessions", "job_id")


def _make_accounts() -> None:
    op.create_table(
        "accounts",
        _key("id", _KEY),
        _column("user_id", sa.String()),
        _column("source", sa.String()),
        _column("external_id", sa.String()),
        _column("state", sa.String(16)),
        _column("state_reason", sa.String(), nullable=True),
        _column("settings", _JSON),
        _column("weight", sa.Float()),
        *(_column(name, _INSTANT, nullable=True) for name in ("last_active_at", "last_synced_at", "last_success_at")),
        _column("next_due_us", _BIG, nullable=True),
        _column("changes", sa.Float()),
        _column("exposure_days", sa.Float()),
        _column("failures", sa.Integer()),
        _column("notified_state", sa.String(), nullable=True),
        _column("created_at", _INSTANT),
        _column("version", _BIG),
    )
    op.create_index("ix_accounts_external", "accounts", ["source", "user_id", "external_id"], unique=True)
    _index("due", "accounts", ["source", "next_due_us"], "state = 'active' AND next_due_us IS NOT NULL")
    op.create_index("ix_accounts_user", "accounts", ["user_id", "id"])
    op.create_index("ix_accounts_state", "accounts", ["source", "state", "id"])
    op.create_index("ix_accounts_wallet", "accounts", ["source", "external_id"])


def _make_jobs() -> None:
    op.create_table(
        "sync_jobs",
        sa.Column("id", _BIG, primary_key=True),
        _column("account_id", _KEY),
        _column("user_id", sa.String()),
        _column("source", sa.String()),
        _column("calendar_ids", sa.JSON(), nullable=True),
        _column("type", sa.String(16)),
        _column("priority", sa.String(16)),
        _column("scheduled_us", _BIG),
        _column("status", sa.String(16)),
        _column("reason", sa.String(16)),
        _column("again", sa.String(16), nullable=True),
        _column("again_type", sa.String(16), nullable=True),
        _column("again_calendar_ids", sa.JSON(), nullable=True),
        _column("retry_count", sa.Integer()),
        _column("max_retries", sa.Integer()),
        _column("crashes", sa.Integer()),
        _column("owner", sa.String(), nullable=True),
        _column("fence", _BIG),
        _column("lease_us", _BIG, nullable=True),
        *(_column(name, sa.String(), nullable=True) for name in ("error_type", "error_message", "session_id")),
        _column("created_us", _BIG),
        sqlite_autoincrement=True,  # an id that comes again would let a late end through
    )
    _index("open", "sync_jobs", ["account_id"], "status <> 'failed'", unique=True)
    _index("ready", "sync_jobs", ["source", "priority", "scheduled_us", "user_id"], "status = 'queued'")
    _index("leases", "sync_jobs", ["lease_us"], "status = 'processing'")
    _index("failed", "sync_jobs", ["created_us"], "status = 'failed'")
    _index("dead", "sync_jobs", ["account_id"], "status = 'failed'")


def _make_rollups() -> None:
    op.create_table(
        "sync_rollups",
        _key("source", sa.String()),
        _key("hour", _INSTANT),
        _key("status", sa.String(16)),
        _key("slot", sa.Integer()),
        *(_column(name, _BIG) for name in _COUNTS),
    )
    op.create_table(
        "sweeps",
        _key("source", sa.String()),
        _column("swept_at", _INSTANT),
        _column("queued", _BIG),
        _column("total", _BIG),
        _column("active", _BIG),
        _column("level", sa.Float(), nullable=True),
    )
    op.create_table(
        "drains",
        _key("host", sa.String()),
        _key("slot", sa.Integer()),
        _column("owner", sa.String()),
        _column("boot_id", sa.String()),
        _column("pid", sa.Integer()),
        _column("process_started", sa.Integer()),
        _column("started_us", _BIG),
        _column("seen_us", _BIG),
        _column("priorities", sa.String()),
        _column("asked_by", sa.String(), nullable=True),
        _column("capacity", sa.Integer()),
        _column("under_way", sa.Integer()),
        *(_column(f"ended_{priority}", _BIG) for priority in ("high", "normal", "low")),
    )


def _make_portfolios() -> None:
    op.create_table(
        "holdings",
        _key("account_id", _KEY),
        _key("chain_id", _BIG),
        _key("token", _KEY),
        _column("raw", _KEY),
        _column("decimals", sa.Integer(), nullable=True),
        _column("symbol", sa.String(), nullable=True),
        _column("price", _KEY, nullable=True),
        _column("price_as_of", _INSTANT, nullable=True),
        _column("value", _KEY, nullable=True),
        _column("block_number", _BIG),
        _column("block_hash", sa.String()),
        _column("as_of", _INSTANT),
        _column("stale_since", _INSTANT, nullable=True),
    )
    op.create_table(
        "evm_tokens",
        _key("chain_id", _BIG),
        _key("token", _KEY),
        _column("decimals", sa.Integer(), nullable=True),
        _column("symbol", sa.String(), nullable=True),
        _column("unfit", sa.String(), nullable=True),
        _column("read_at", _INSTANT),
    )
    op.create_table(
        "token_prices",
        _key("chain_id", _BIG),
        _key("token", _KEY),
        _column("price", _KEY, nullable=True),
        _column("as_of", _INSTANT, nullable=True),
        _column("fetched_at", _INSTANT),
    )


def _key(name: str, kind: Any) -> sa.Column[Any]:  # noqa: ANN401 - any type of a column
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:  # noqa: ANN401 - the same
    return sa.Column(name, kind, nullable=nullable)


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    only = sa.text(where)
    named = f"ix_{table}_{name}"
    op.create_index(named, table, columns, unique=unique, sqlite_where=only, postgresql_where=only)
