"""Keep tweets, entries, rounds, and snapshots that nobody changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_REFUSAL = "a snapshot is never changed or deleted"


def upgrade() -> None:
    with op.batch_alter_table("checkpoints", schema=None) as batch_op:
        batch_op.add_column(sa.Column("read_to", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "tweets",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edit_history_tweet_ids", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("raw_fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tweets_synced_at", "tweets", ["synced_at"])
    op.create_table(
        "entries",
        sa.Column("tweet_id", _KEY, nullable=False),
        sa.Column("first_tweet_id", _KEY, nullable=False),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("final_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tweet_id"),
        sa.UniqueConstraint("first_tweet_id"),
    )
    op.create_index("ix_entries_entered_at", "entries", ["entered_at"])
    op.create_index("ix_entries_checked", "entries", ["round_number", "checked_at"])
    op.create_index("ix_entries_created", "entries", ["round_number", "created_at"])
    op.create_index("ix_entries_final", "entries", ["round_number", "final_check_at", "tweet_id"])
    op.create_table(
        "rounds",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("freezing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("push_attempts", sa.Integer(), nullable=False),
        sa.Column("push_retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("push_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "snapshots",
        sa.Column("round_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("public", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("round_number"),
    )
    for statement in _guards():
        op.execute(statement)


def _guards() -> tuple[str, ...]:
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
    op.drop_table("snapshots")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_snapshot_change()")
    op.drop_table("rounds")
    op.drop_table("entries")
    op.drop_table("tweets")
    with op.batch_alter_table("checkpoints", schema=None) as batch_op:
        batch_op.drop_column("read_to")
