"""Tell which sessions a hold deferred: only these go on when it is released."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE sync_sessions SET held = TRUE WHERE status = 'deferred' AND reason LIKE 'paused: %'")


def downgrade() -> None:
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.drop_column("held")
