from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlmodel import SQLModel
from support import warm
from support.boxes import Box
from support.calls import counting_calls
from support.migrations import copied

from syncline.errors import NewerDatabaseError, OlderDatabaseError, SchemaBehindError
from syncline.store import schema
from syncline.store.engine import Store


def tables(store: Store) -> set[str]:
    with store.read() as connection:
        return set(inspect(connection).get_table_names())


def test_an_empty_database_gets_all_tables(empty_url: str) -> None:
    """The first start needs no preparation: migrations make what Syncline ships, then come the sources' own tables."""
    store = Store(empty_url)
    before, after, made = schema.upgrade(store)
    assert before is None
    assert Box.__tablename__ in made
    assert not {"products", "sync_sessions"} & set(made)
    assert tables(store) == {*SQLModel.metadata.tables, "alembic_version"}
    schema.require_current(store)
    assert schema.upgrade(store) == (after, after, [])
    store.close()


def test_migrated_tables_are_as_the_classes_say(empty_url: str, tmp_path: Path) -> None:
    """Migrations and classes are written apart; a difference would be found by a user."""
    store = Store(empty_url)
    schema.upgrade(store)
    assert schema.revise(store, "nothing", folder=copied(tmp_path)) is None
    store.close()


def test_the_table_of_a_new_source_is_made_at_the_next_start(store: Store) -> None:
    """A user writes a class and starts again; rows of other tables stay."""
    with store.write() as connection:
        connection.execute(text("DROP TABLE test_boxes"))
        connection.execute(text("INSERT INTO session_totals VALUES ('products', 'failed', 1, 1, 0)"))
    assert schema.upgrade(store)[2] == ["test_boxes"]
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM session_totals")).scalar() == 1


def test_a_database_of_a_newer_program_is_refused(store: Store) -> None:
    """An old program would write rows that the new one misreads; it touches nothing and says what to do."""
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("DROP TABLE test_boxes"))
    for refused in (schema.upgrade, schema.require_current):
        with pytest.raises(NewerDatabaseError, match=r"at revision 9999.*upgrade the program"):
            refused(store)
    assert "test_boxes" not in tables(store)


@pytest.mark.parametrize("revision", ["0001", "0012"])
def test_a_database_from_before_the_oldest_migration_is_told_the_way(store: Store, revision: str) -> None:
    """Its migrations became one before the first release; it is not called newer, and nothing of it is touched."""
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        connection.execute(text("DROP TABLE test_boxes"))
    for refused in (schema.upgrade, schema.require_current):
        with pytest.raises(OlderDatabaseError, match=rf"at revision {revision}.*upgrades from 0013 on.*db upgrade"):
            refused(store)
    assert "test_boxes" not in tables(store)


def test_a_database_that_lacks_migrations_is_refused(empty_url: str, tmp_path: Path) -> None:
    """Commands that only read do not migrate by themselves; they name the command that does."""
    empty = Store(empty_url)
    with pytest.raises(SchemaBehindError, match="syncline db upgrade"):
        schema.require_current(empty)
    with pytest.raises(SchemaBehindError, match="syncline db upgrade"):
        schema.revise(empty, "too early", folder=copied(tmp_path))
    empty.close()


def _upgrade(url: str) -> None:
    store = Store(url)
    schema.upgrade(store)
    store.close()


@pytest.mark.slow
def test_several_processes_may_upgrade_at_once(empty_url: str) -> None:
    """Runner, web app and a worker start together against a new database: one migrates, the others wait."""
    processes = [warm.context().Process(target=_upgrade, args=(empty_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_the_newest_migration_is_read_once_until_the_folder_changes(tmp_path: Path) -> None:
    """Each run compares it with the database: reading all files for that takes longer than admitting the run."""
    folder = copied(tmp_path)
    with counting_calls(ScriptDirectory.get_heads) as readings:
        before = schema.newest(folder)
        assert schema.newest(folder) == before
        assert readings() == 1
        (folder / "versions" / "9999_theirs.py").write_text(f'revision = "9999"\ndown_revision = "{min(before)}"\n')
        assert schema.newest(folder) == {"9999"}
        assert readings() == 2
