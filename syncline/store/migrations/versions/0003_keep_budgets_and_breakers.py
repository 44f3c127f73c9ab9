"""Keep budgets and breakers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", _BIG, nullable=False),
        sa.Column("last_us", _BIG, nullable=False),
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


def downgrade() -> None:
    op.drop_table("breakers")
    op.drop_table("budgets")
