"""Make all tables, as they were when the first thirteen migrations became one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_REFUSAL = "a snapshot is never changed or deleted"
_TABLES = (
    "tweets",
    "sync_sessions",
    "snapshots",
    "session_totals",
    "schedule_overrides",
    "rounds",
    "rejects",
    "queued_runs",
    "products",
    "pass_keys",
    "listings",
    "listing_decisions",
    "leases",
    "holds",
    "heartbeats",
    "entries",
    "customers",
    "checkpoints",
    "budgets",
    "breakers",
    "audit_log",
)


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_table(
        "breakers",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("epoch", _BIG, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("opened_at_us", _BIG, nullable=False),
        sa.Column("failed_at_us", _BIG, nullable=False),
        sa.Column("permits", sa.Integer(), nullable=False),
        sa.Column("permits_until_us", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "budgets",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("last_us", _BIG, nullable=False),
        sa.Column("steady_us", _BIG, server_default="0", nullable=False),
        sa.Column("machine", _BIG, server_default="0", nullable=False),
        sa.Column("skipped_us", _BIG, server_default="0", nullable=False),
        sa.Column("stamps", sa.LargeBinary(), nullable=False),
        sa.Column("grain", sa.Integer(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.Column("tat_us", _BIG, nullable=False),
        sa.Column("not_before_us", _BIG, nullable=False),
        sa.Column("remaining", _BIG, nullable=False),
        sa.Column("remaining_until_us", _BIG, nullable=False),
        sa.Column("owed", _BIG, nullable=False),
        sa.Column("high_until_us", _BIG, nullable=False),
        sa.Column("normal_until_us", _BIG, nullable=False),
        sa.Column("low_until_us", _BIG, nullable=False),
        sa.Column("high_cost", sa.Integer(), nullable=False),
        sa.Column("normal_cost", sa.Integer(), nullable=False),
        sa.Column("low_cost", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("full_pass_at", _INSTANT, nullable=True),
        sa.Column("read_to", _INSTANT, nullable=True),
        sa.Column("pass_state", sa.String(), nullable=True),
        sa.Column("doubles", sa.String(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("source", "account_id"),
    )
    op.create_table(
        "customers",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("vat_id", sa.String(), nullable=True),
        sa.Column("street", sa.String(), nullable=True),
        sa.Column("city", sa.String(), nullable=True),
        sa.Column("postal_code", sa.String(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("credit_limit", sa.Numeric(precision=15, scale=2), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("raw_fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("synced_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_customers_email", "customers", ["email"])
    op.create_table(
        "entries",
        sa.Column("tweet_id", _KEY, nullable=False),
        sa.Column("first_tweet_id", _KEY, nullable=False),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("entered_at", _INSTANT, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("checked_at", _INSTANT, nullable=True),
        sa.Column("missing_since", _INSTANT, nullable=True),
        sa.Column("final_check_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("tweet_id"),
        sa.UniqueConstraint("first_tweet_id"),
    )
    op.create_index("ix_entries_checked", "entries", ["round_number", "checked_at"])
    op.create_index("ix_entries_created", "entries", ["round_number", "created_at"])
    op.create_index("ix_entries_entered_at", "entries", ["entered_at"])
    op.create_index("ix_entries_final", "entries", ["round_number", "final_check_at", "tweet_id"])
    op.create_table(
        "heartbeats",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("last_run", _INSTANT, nullable=True),
        sa.Column("last_beat", _INSTANT, nullable=False),
        sa.Column("last_duration_ms", sa.Integer(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("waiting_for", sa.String(), nullable=True),
        sa.Column("waiting_until", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=True),
        sa.Column("released_at", _INSTANT, nullable=True),
        sa.Column("refused", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_holds_source", "holds", ["source", "released_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "listing_decisions",
        sa.Column("source", _KEY, nullable=False),
        sa.Column("external_id", _KEY, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id"),
    )
    op.create_table(
        "listings",
        sa.Column("source", _KEY, nullable=False),
        sa.Column("external_id", _KEY, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=True),
        sa.Column("chain", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("reward", sa.String(), nullable=True),
        sa.Column("tvl_usd", sa.Float(), nullable=True),
        sa.Column("apy", sa.Float(), nullable=True),
        sa.Column("starts_at", _INSTANT, nullable=True),
        sa.Column("ends_at", _INSTANT, nullable=True),
        sa.Column("updated_at", _INSTANT, nullable=True),
        sa.Column("attributes", _JSON, nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("raw_fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("synced_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id"),
    )
    op.create_index("ix_listings_status", "listings", ["status", "source", "external_id"])
    op.create_table(
        "pass_keys",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.Column("walk", sa.Integer(), nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("source", "account_id", "key"),
    )
    op.create_table(
        "products",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("brand", sa.String(), nullable=True),
        sa.Column("price", sa.Numeric(precision=15, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("ean", sa.String(length=14), nullable=True),
        sa.Column("weight_grams", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("tags", _JSON, nullable=True),
        sa.Column("dimensions", _JSON, nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("raw_fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("synced_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_products_sku", "products", ["sku"])
    op.create_table(
        "queued_runs",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("lease", sa.String(), nullable=False),
        sa.Column("tick", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("session_id"),
    )
    op.create_index("ix_queued_runs_lease", "queued_runs", ["lease", "tick"])
    op.create_table(
        "rejects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("item_key", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("first_seen", _INSTANT, nullable=False),
        sa.Column("last_seen", _INSTANT, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rejects_item", "rejects", ["source", "account_id", "item", "reason"], unique=True)
    op.create_index("ix_rejects_last_seen", "rejects", ["source", "last_seen"])
    op.create_index("ix_rejects_session_id", "rejects", ["session_id"])
    op.create_table(
        "rounds",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("ends_at", _INSTANT, nullable=True),
        sa.Column("freezing_since", _INSTANT, nullable=True),
        sa.Column("frozen_at", _INSTANT, nullable=True),
        sa.Column("pushed_at", _INSTANT, nullable=True),
        sa.Column("push_attempts", sa.Integer(), nullable=False),
        sa.Column("push_retry_at", _INSTANT, nullable=True),
        sa.Column("push_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "schedule_overrides",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "session_totals",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sessions", _BIG, nullable=False),
        sa.Column("duration_ms", _BIG, nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("source", "status", "slot"),
    )
    op.create_table(
        "snapshots",
        sa.Column("round_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("public", sa.Integer(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("round_number"),
    )
    op.create_table(
        "sync_sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("completed_at", _INSTANT, nullable=True),
        sa.Column("total_pages", sa.Integer(), nullable=True),
        sa.Column("pages_processed", sa.Integer(), nullable=False),
        sa.Column("items_processed", sa.Integer(), nullable=False),
        sa.Column("items_created", sa.Integer(), nullable=False),
        sa.Column("items_updated", sa.Integer(), nullable=False),
        sa.Column("items_deleted", sa.Integer(), nullable=False),
        sa.Column("items_unchanged", sa.Integer(), nullable=False),
        sa.Column("items_rejected", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("error_type", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("retry_at", _INSTANT, nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("scheduled_for", _INSTANT, nullable=True),
        sa.Column("result_no", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sync_sessions_flow_run_id", "sync_sessions", ["flow_run_id"])
    op.create_index("ix_sync_sessions_result_no", "sync_sessions", ["result_no"], unique=True)
    op.create_index("ix_sync_sessions_source", "sync_sessions", ["source", "started_at"])
    op.create_index("ix_sync_sessions_source_status", "sync_sessions", ["source", "status", "started_at"])
    op.create_index("ix_sync_sessions_started_at", "sync_sessions", ["started_at"])
    op.create_index("ix_sync_sessions_status", "sync_sessions", ["status", "started_at"])
    op.create_table(
        "tweets",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("edit_history_tweet_ids", _JSON, nullable=True),
        sa.Column("raw_fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("synced_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tweets_synced_at", "tweets", ["synced_at"])
    for statement in _protection():
        op.execute(statement)


def _protection() -> tuple[str, ...]:
    """What has the database refuse changes of snapshots."""
    if op.get_bind().dialect.name == "postgresql":
        body = f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        refusal = "EXECUTE FUNCTION refuse_snapshot_change()"
        return (
            f"CREATE FUNCTION refuse_snapshot_change() RETURNS trigger LANGUAGE plpgsql AS {body}",
            f"CREATE TRIGGER snapshots_stay BEFORE UPDATE OR DELETE ON snapshots FOR EACH ROW {refusal}",
            f"CREATE TRIGGER snapshots_stay_all BEFORE TRUNCATE ON snapshots FOR EACH STATEMENT {refusal}",
        )
    replacing = "WHEN EXISTS (SELECT 1 FROM snapshots WHERE round_number = NEW.round_number)"
    cases = (("UPDATE", ""), ("DELETE", ""), ("INSERT", replacing))  # what REPLACE deletes fires no trigger of its own
    return tuple(
        f"CREATE TRIGGER snapshots_{word} BEFORE {word} ON snapshots {when} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for word, when in cases
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)  # with its indexes and triggers
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_snapshot_change()")
