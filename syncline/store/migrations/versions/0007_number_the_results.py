"""Number the sessions that have ended, so that other programs can read their results one after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NUMBER = """
    UPDATE sync_sessions SET result_no = numbered.no
    FROM (
        SELECT id, row_number() OVER (ORDER BY completed_at, id) AS no
        FROM sync_sessions WHERE status <> 'running'
    ) AS numbered
    WHERE numbered.id = sync_sessions.id
"""


def upgrade() -> None:
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("result_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
    op.execute(_NUMBER)
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sync_sessions_result_no"), ["result_no"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("sync_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sync_sessions_result_no"))
        batch_op.drop_column("result_no")
