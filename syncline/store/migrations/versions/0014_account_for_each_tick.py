"""Keep which schedules were in force when, and how many ticks a session is the outcome of."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scheduled_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ticks", _BIG, nullable=False, server_default="1"))
        batch_op.create_index("ix_sync_sessions_tick", ["source", "scheduled_for"])
    op.create_table(
        "timetables",
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("spans", sa.String(), nullable=False),
        sa.Column("gaps", sa.String(), nullable=False),
        sa.Column("accounted_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("away_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("deployment"),
    )


def downgrade() -> None:
    op.drop_table("timetables")
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_sync_sessions_tick")
        batch_op.drop_column("ticks")
        batch_op.drop_column("scheduled_until")
