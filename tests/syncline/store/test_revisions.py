"""Migrations that are written for a table that changed since the database was made."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from support.boxes import Box
from support.migrations import copied

from syncline.model.items import table_of
from syncline.store import schema
from syncline.store.engine import Store

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The migrations as they are shipped, in a folder that a test may write to."""
    return copied(tmp_path)


def columns(store: Store, table: str) -> set[str]:
    with store.read() as connection:
        return {column["name"] for column in inspect(connection).get_columns(table)}


def older_boxes(store: Store) -> None:
    """The table as it was before it had its column `label`, with a row in it."""
    with store.write() as connection:
        connection.execute(text("ALTER TABLE test_boxes DROP COLUMN label"))
        names = 'INSERT INTO test_boxes (id, count, "full", raw_fingerprint, fingerprint, synced_at) '
        connection.execute(text(names + "VALUES (1, 0, true, 'r', 'f', '2026-01-22 10:00:00')"))


def test_nothing_is_written_where_nothing_changed(store: Store, folder: Path) -> None:
    """No empty files pile up."""
    before = sorted(folder.rglob("*.py"))
    assert schema.revise(store, "nothing", folder=folder) is None
    assert sorted(folder.rglob("*.py")) == before


def test_a_changed_table_gets_a_migration_that_works(store: Store, folder: Path) -> None:
    """A column that a class gained is added by the migration, and the rows are kept."""
    older_boxes(store)
    written = schema.revise(store, "Boxes have labels", folder=folder)
    assert written is not None
    assert written.parent == folder / "versions"
    schema.upgrade(store, folder=folder)
    assert columns(store, "test_boxes") == {column.name for column in table_of(Box).columns}
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM test_boxes")).scalar() == 1
    assert schema.revise(store, "nothing more", folder=folder) is None


def test_the_migration_of_a_sources_table_runs_on_a_new_database(store: Store, folder: Path, tmp_path: Path) -> None:
    """There the table is made after the migrations, in its present shape: a colleague's first start must work."""
    older_boxes(store)
    assert schema.revise(store, "Boxes have labels", folder=folder) is not None
    new = Store(f"sqlite:///{tmp_path / 'new.db'}")
    assert "test_boxes" in schema.upgrade(new, folder=folder)[2]
    assert "label" in columns(new, "test_boxes")
    new.close()


def test_a_table_that_no_class_declares_is_left_alone(store: Store, folder: Path) -> None:
    """Who takes a source out, or loads none of them, does not get a migration that drops its rows."""
    with store.write() as connection:
        connection.execute(text("CREATE TABLE of_a_former_source (id integer primary key, name text)"))
    assert schema.revise(store, "nothing", folder=folder) is None


@pytest.mark.parametrize("table", ["entries", "holds", "listings", "budgets"])
def test_a_new_table_of_our_own_gets_a_migration_whatever_file_declares_it(
    store: Store, folder: Path, table: str
) -> None:
    """One that were only made at a start would lack each later column in a database that is there."""
    with store.write() as connection:
        connection.execute(text(f"DROP TABLE {table}"))
    written = schema.revise(store, f"Keep {table}", folder=folder)
    assert written is not None
    assert f'op.create_table("{table}"' in " ".join(written.read_text().replace("'", '"').replace("(\n", "(").split())
    schema.upgrade(store, folder=folder)
    assert columns(store, table)


def test_a_table_of_a_sources_own_file_gets_none(store: Store, folder: Path) -> None:
    """It is made at the next start, in its present shape."""
    with store.write() as connection:
        connection.execute(text("DROP TABLE test_boxes"))
    assert schema.revise(store, "nothing", folder=folder) is None
    assert "test_boxes" in schema.upgrade(store, folder=folder)[2]


@pytest.mark.parametrize(
    "message", ["Boxes have labels", 'boxes\' "labels" are \\ new.', "a" * 150, "two\nlines", "\u017f"]
)
def test_what_is_written_passes_the_lint(store: Store, folder: Path, message: str) -> None:
    """Anyone who runs `make check` next need not mend what a command of ours wrote."""
    older_boxes(store)
    with store.write() as connection:
        connection.execute(text("ALTER TABLE test_boxes DROP COLUMN parts"))
        connection.execute(text("DROP TABLE products"))
    written = schema.revise(store, message, folder=folder)
    assert written is not None
    place = f"syncline/store/migrations/versions/{written.name}"
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--stdin-filename", place, "-"]
    done = subprocess.run(command, input=written.read_text(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
