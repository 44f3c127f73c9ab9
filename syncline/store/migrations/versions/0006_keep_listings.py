"""Keep listings, and what was decided of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "listings",
        sa.Column("source", _KEY, nullable=False),
        sa.Column("external_id", _KEY, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=True),
        sa.Column("chain", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("reward", sa.String(), nullable=True),
        sa.Column("tvl_usd", sa.Float(), nullable=True),
        sa.Column("apy", sa.Float(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attributes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("raw_fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id"),
    )
    op.create_index("ix_listings_status", "listings", ["status", "source", "external_id"], unique=False)
    op.create_table(
        "listing_decisions",
        sa.Column("source", _KEY, nullable=False),
        sa.Column("external_id", _KEY, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id"),
    )


def downgrade() -> None:
    op.drop_table("listing_decisions")
    op.drop_index("ix_listings_status", table_name="listings")
    op.drop_table("listings")
