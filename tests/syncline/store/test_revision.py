"""Whether the database has all migrations, told by their files alone."""

from alembic.script import ScriptDirectory

from syncline.store import schema
from syncline.store.engine import Store
from syncline.store.revision import heads, is_current


def test_what_the_files_say_is_what_alembic_says(store: Store) -> None:
    """Every command asks it; Alembic itself takes longer to load than most of them work."""
    assert heads(schema.MIGRATIONS / "versions") == set(ScriptDirectory(str(schema.MIGRATIONS)).get_heads())
    assert is_current(store)


def test_a_database_of_another_version_is_not_current(store: Store) -> None:
    """Then Alembic is asked, which says what to do."""
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert not is_current(store)
    with store.write() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert not is_current(store)
