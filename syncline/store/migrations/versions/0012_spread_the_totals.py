"""Spread each total over several rows, so that sessions which end at once do not wait for each other."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _replace(("source", "status", "slot"), slot=True)


def downgrade() -> None:
    _replace(("source", "status"), slot=False)


def _replace(key: tuple[str, ...], *, slot: bool) -> None:
    """Make the table anew with this primary key: SQLite changes none of a table that is there."""
    op.rename_table("session_totals", "session_totals_before")
    more = [sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False)] if slot else []
    op.create_table(
        "session_totals",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sessions", _BIG, nullable=False),
        sa.Column("duration_ms", _BIG, nullable=False),
        *more,
        sa.PrimaryKeyConstraint(*key),
    )
    names, values = "source, status, sessions, duration_ms", "source, status, sum(sessions), sum(duration_ms)"
    if slot:
        names, values = f"{names}, slot", f"{values}, 0"
    op.execute(
        f"INSERT INTO session_totals ({names}) SELECT {values} FROM session_totals_before GROUP BY source, status"
    )
    op.drop_table("session_totals_before")
