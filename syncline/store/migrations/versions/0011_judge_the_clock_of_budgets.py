"""Keep with each budget what a steady clock showed, so that a clock that is set forward frees nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = ("steady_us", "machine", "skipped_us")


def upgrade() -> None:
    with op.batch_alter_table("budgets", schema=None) as batch_op:
        for name in _COLUMNS:
            batch_op.add_column(sa.Column(name, _BIG, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("budgets", schema=None) as batch_op:
        for name in _COLUMNS:
            batch_op.drop_column(name)
