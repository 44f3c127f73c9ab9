"""Tell which walk of a pass saw a key, which keys a list shows twice, and which deletions were refused."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("checkpoints", schema=None) as batch_op:
        batch_op.add_column(sa.Column("doubles", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("refusal", sa.String(), nullable=True))
    with op.batch_alter_table("pass_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("walk", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    with op.batch_alter_table("pass_keys", schema=None) as batch_op:
        batch_op.drop_column("walk")
    with op.batch_alter_table("checkpoints", schema=None) as batch_op:
        batch_op.drop_column("refusal")
        batch_op.drop_column("doubles")
