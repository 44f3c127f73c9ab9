"""Count sessions as they close, and find the open and the failed ones among millions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNT = {
    "postgresql": """
        INSERT INTO session_totals (source, status, sessions, duration_ms)
        SELECT source, status, count(*),
            coalesce(sum(round(extract(epoch FROM completed_at - started_at) * 1000)), 0)
        FROM sync_sessions WHERE status <> 'running' GROUP BY source, status
    """,
    "sqlite": """
        INSERT INTO session_totals (source, status, sessions, duration_ms)
        SELECT source, status, count(*),
            CAST(coalesce(sum(round((julianday(completed_at) - julianday(started_at)) * 86400000)), 0) AS INTEGER)
        FROM sync_sessions WHERE status <> 'running' GROUP BY source, status
    """,
}


def upgrade() -> None:
    op.create_table(
        "session_totals",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sessions", _BIG, nullable=False),
        sa.Column("duration_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("source", "status"),
    )
    op.execute(_COUNT[op.get_bind().dialect.name])
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.create_index("ix_sync_sessions_status", ["status", "started_at"], unique=False)
        batch_op.create_index("ix_sync_sessions_source_status", ["source", "status", "started_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_sync_sessions_source_status")
        batch_op.drop_index("ix_sync_sessions_status")
    op.drop_table("session_totals")
