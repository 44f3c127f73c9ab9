"""Tables of a user's own sources: made when the program starts, changed by migrations that `revise` writes."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from support.boxes import Box, Parcel

from syncline.erp.tables import Product
from syncline.errors import ConfigurationError, SchemaBehindError
from syncline.model.items import table_of
from syncline.store import schema
from syncline.store.engine import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The migrations as they are shipped, in a folder that a test may write to."""
    copy = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def _run(store: Store, statement: str) -> None:
    with store.write() as connection:
        connection.execute(text(statement))


def test_a_table_that_is_not_made_yet_gets_no_migration(store: Store, folder: Path) -> None:
    """It is made at the next start: a migration that made it, or its index, would fail where it is there."""
    _run(store, "DROP TABLE test_boxes")
    _run(store, "DROP TABLE products")
    written = schema.revise(store, "Products are back", folder=folder)
    assert written is not None
    assert "test_boxes" not in written.read_text()
    assert "create_table('products'" in written.read_text()


def test_a_column_that_the_rows_cannot_fill_is_refused(store: Store, folder: Path) -> None:
    """The migration would fail on the first table that has rows; nothing is written."""
    before = sorted(folder.rglob("*.py"))
    _run(store, "ALTER TABLE test_boxes DROP COLUMN count")
    with pytest.raises(ConfigurationError, match=r"test_boxes\.count is new, .* write `\| None = None`"):
        schema.revise(store, "Boxes are counted", folder=folder)
    assert sorted(folder.rglob("*.py")) == before


def test_tables_that_are_as_declared_pass(store: Store) -> None:
    """All kinds of columns, on both databases."""
    schema.require_columns(store, [Box, Parcel, Product])


def test_a_class_that_was_changed_without_a_migration_is_told(store: Store) -> None:
    """In one line before the run, not as the database's complaint in the middle of it."""
    _run(store, "ALTER TABLE test_boxes DROP COLUMN label")
    with pytest.raises(SchemaBehindError, match="test_boxes lacks the column label: run `syncline db revision"):
        schema.require_columns(store, [Box])


def test_a_column_that_the_class_lost_is_told_only_where_it_must_be_filled(store: Store) -> None:
    """One that may be empty stays empty, and harms nobody."""
    _run(store, "ALTER TABLE test_boxes ADD COLUMN former text")
    schema.require_columns(store, [Box])
    _run(store, "ALTER TABLE test_boxes ADD COLUMN stubborn text NOT NULL DEFAULT ''")
    with pytest.raises(SchemaBehindError, match="test_boxes still needs the column stubborn"):
        schema.require_columns(store, [Box])


def test_taking_a_column_back_is_possible(store: Store, folder: Path) -> None:
    """The downgrade minds the same condition as the upgrade."""
    _run(store, "ALTER TABLE test_boxes DROP COLUMN label")
    written = schema.revise(store, "Boxes have labels", folder=folder)
    assert written is not None
    assert written.read_text().count("has_table('test_boxes')") == 2
    with store.read() as connection:
        names = {column["name"] for column in inspect(connection).get_columns("test_boxes")}
    assert names == {column.name for column in table_of(Box).columns} - {"label"}


def test_a_new_syncline_upgrades_a_database_with_migrations_of_its_users_own(store: Store, folder: Path) -> None:
    """Both follow the same migration: both are applied, and the next one of theirs joins them."""
    _run(store, "ALTER TABLE test_boxes DROP COLUMN label")
    assert schema.revise(store, "Boxes have labels", folder=folder) is not None
    shipped = (
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision = "9999"\ndown_revision = "{min(schema.newest())}"\n\n\n'
        'def upgrade() -> None:\n    op.add_column("leases", sa.Column("note", sa.String()))\n'
    )
    (folder / "versions" / "9999_lease_notes.py").write_text(shipped)
    schema.upgrade(store, folder=folder)
    with store.read() as connection:
        assert "label" in {column["name"] for column in inspect(connection).get_columns("test_boxes")}
        assert "note" in {column["name"] for column in inspect(connection).get_columns("leases")}
    _run(store, "ALTER TABLE test_boxes DROP COLUMN label")
    assert schema.revise(store, "Boxes have labels again", folder=folder) is not None
    before, after, _ = schema.upgrade(store, folder=folder)
    assert before is not None
    assert (len(before.split(", ")), len(after.split(", "))) == (2, 1)


def _with_other_key(store: Store) -> None:
    """The table as it was when its key was the label."""
    _run(store, "DROP TABLE test_boxes")
    _run(store, _MADE_BEFORE.format(id="bigint", label="text PRIMARY KEY"))
    _run(store, "INSERT INTO test_boxes (id, label, count) VALUES (1, 'a', 0), (2, 'b', 0)")


_MADE_BEFORE = (
    "CREATE TABLE test_boxes (id {id}, label {label}, count integer NOT NULL, weight double precision, price text, "
    '"full" boolean, packed_on date, packed_at text, parts text, raw_fingerprint text, fingerprint text, '
    "synced_at text)"
)


def test_another_primary_key_is_refused_with_what_to_do(store: Store, folder: Path) -> None:
    """A migration to nothing was written, all seemed well, and every later run failed."""
    _with_other_key(store)
    said = r"primary key \(label\), but its class declares \(id\).*__tablename__.*DROP TABLE test_boxes"
    with pytest.raises(SchemaBehindError, match=said):
        schema.require_columns(store, [Box])
    before = sorted(folder.rglob("*.py"))
    with pytest.raises(SchemaBehindError, match=said):
        schema.revise(store, "Boxes have numbers", folder=folder)
    assert sorted(folder.rglob("*.py")) == before


def test_what_is_told_of_another_key_mends_it(store: Store) -> None:
    """Following the advice gives a table that fits."""
    _with_other_key(store)
    _run(store, "DROP TABLE test_boxes")
    assert "test_boxes" in schema.upgrade(store)[2]
    schema.require_columns(store, [Box])


def test_a_table_that_is_missing_is_told(store: Store) -> None:
    """Not as an error of SQLAlchemy's."""
    _run(store, "DROP TABLE test_boxes")
    with pytest.raises(SchemaBehindError, match="test_boxes is missing: run `syncline db upgrade`"):
        schema.require_columns(store, [Box])


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("bigint", "has the column label as BIGINT, but its class declares another type"),
        ("varchar NOT NULL DEFAULT ''", "refuses an empty label, which its class allows"),
    ],
)
def test_a_column_of_another_kind_is_told_until_it_is_migrated(
    store: Store, folder: Path, label: str, said: str
) -> None:
    """Each page would be refused, one row after the other; the migration that is written keeps the rows."""
    with store.write() as connection:
        connection.execute(text("ALTER TABLE test_boxes DROP COLUMN label"))
        connection.execute(text(f"ALTER TABLE test_boxes ADD COLUMN label {label}"))
        names = 'INSERT INTO test_boxes (id, count, label, "full", raw_fingerprint, fingerprint, synced_at) '
        connection.execute(text(names + "VALUES (1, 0, '7', true, 'r', 'f', '2026-01-22 10:00:00')"))
    with pytest.raises(SchemaBehindError, match=f"test_boxes {said}: run `syncline db revision"):
        schema.require_columns(store, [Box])
    assert schema.revise(store, "Labels are text", folder=folder) is not None
    schema.upgrade(store, folder=folder)
    schema.require_columns(store, [Box])
    with store.read() as connection:
        assert connection.execute(text("SELECT label FROM test_boxes")).scalar() == "7"
