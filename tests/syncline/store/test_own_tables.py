"""Tables of a user's own sources: made when the program starts, changed by migrations that `revise` writes."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from support.boxes import Box, Parcel

from syncline.errors import ConfigurationError, SchemaBehindError
from syncline.model.erp import Product
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
    (newest,) = schema.MIGRATIONS.glob("versions/*_count_sessions_as_they_close.py")
    shipped = (
        newest.read_text()
        .partition("def upgrade")[0]
        .replace('down_revision = "0001"', 'down_revision = "0002"')
        .replace('revision = "0002"\ndown', 'revision = "9999"\ndown')
        + 'def upgrade() -> None:\n    op.add_column("leases", sa.Column("note", sa.String()))\n'
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
