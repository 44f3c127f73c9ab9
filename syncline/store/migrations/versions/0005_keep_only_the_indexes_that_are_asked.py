"""Keep only the indexes that are asked: nothing read the others, and they made large loads slow."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_UNASKED = (("products", "category"), ("products", "updated_at"), ("customers", "updated_at"))


def upgrade() -> None:
    for table, column in _UNASKED:
        op.drop_index(f"ix_{table}_{column}", table_name=table)


def downgrade() -> None:
    for table, column in _UNASKED:
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
