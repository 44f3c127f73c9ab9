"""Keep with each budget what a steady clock showed, and with each hold which credentials were refused."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = ("steady_us", "machine", "skipped_us")


def upgrade() -> None:
    with op.batch_alter_table("budgets", schema=None) as batch_op:
        for name in _COLUMNS:
            batch_op.add_column(sa.Column(name, _BIG, nullable=False, server_default="0"))
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("refused", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.drop_column("refused")
    with op.batch_alter_table("budgets", schema=None) as batch_op:
        for name in _COLUMNS:
            batch_op.drop_column(name)
