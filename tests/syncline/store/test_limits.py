"""How long a PostgreSQL transaction may wait, work and stand still."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from syncline.errors import DatabaseUnavailableError
from syncline.settings import Settings
from syncline.store import schema
from syncline.store.connections import Limits
from syncline.store.engine import Store, open_store

SHOWN = (
    "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), "
    "current_setting('idle_in_transaction_session_timeout')"
)
HOLD = text("SELECT * FROM leases WHERE source = 'products' AND account_id = '' FOR UPDATE")


@pytest.fixture
def url(make_postgresql: Callable[[], str]) -> str:
    """A database with one lease."""
    made = make_postgresql()
    store = Store(made)
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO leases (source, account_id, owner, fence, expires_at, host, boot_id, pid, "
                "process_started) VALUES ('products', '', 's1', 1, now(), 'h', 'b', 1, 1)"
            )
        )
    store.close()
    return made


@pytest.fixture
def hurried(url: str) -> Generator[Store]:
    """A store that waits, works and stands still for a moment only."""
    store = Store(url, limits=Limits(lock_seconds=0.3, statement_seconds=0.6, idle_seconds=0.5))
    yield store
    store.close()


def test_each_connection_has_the_limits_of_the_settings(url: str) -> None:
    """Also the one beside the pool; one that had none would hold the others for as long as it likes."""
    with_password = url.replace("postgresql+psycopg", "postgresql")
    store = open_store(
        Settings(
            database_url=with_password, database_lock_seconds=3, database_statement_seconds=4, database_idle_seconds=2
        )
    )
    with store.read() as connection:
        assert tuple(connection.exec_driver_sql(SHOWN).one()) == ("3s", "4s", "2s")
    assert store.direct.call(lambda wire: wire.rows(SHOWN)) == [("3s", "4s", "2s")]
    store.close()


def test_first_values_let_a_vanished_machine_hold_nobody_for_half_a_minute() -> None:
    """Anyone who waits for a lock waits longer than a transaction may stand still: it is served in the end."""
    first = Limits()
    assert first.idle_seconds < first.lock_seconds <= 30


def test_a_machine_that_vanished_in_a_transaction_holds_nobody(hurried: Store, url: str) -> None:
    """Its lock is free when the server has ended its transaction, and the one that waited goes on."""
    patient, holds, over = Store(url), threading.Event(), threading.Event()

    def vanish() -> None:
        with hurried.write() as connection:
            connection.execute(HOLD)
            holds.set()
            over.wait(timeout=60)  # no word any more, as of a machine without power

    with ThreadPoolExecutor(1) as pool:
        vanished = pool.submit(vanish)
        assert holds.wait(timeout=60)
        with patient.write() as connection:
            assert connection.execute(HOLD).one().owner == "s1"
        over.set()
        with pytest.raises(DatabaseUnavailableError, match="not available"):
            vanished.result(timeout=60)
    patient.close()


def test_whoever_waits_too_long_for_a_lock_is_told_so_in_one_line(hurried: Store, url: str) -> None:
    """A run that hangs on a row that somebody holds in a tool of theirs ends with the reason."""
    holder = Store(url)
    with holder.write() as connection:
        connection.execute(HOLD)

        def wait() -> None:
            with hurried.write() as waiting:
                waiting.execute(HOLD)

        with pytest.raises(DatabaseUnavailableError, match="SYNCLINE_DATABASE_LOCK_SECONDS") as caught:
            wait()
    assert len(str(caught.value).splitlines()) == 1
    holder.close()


def test_a_statement_that_works_too_long_is_ended(hurried: Store) -> None:
    """Also one over the connection beside the pool."""
    with (
        pytest.raises(DatabaseUnavailableError, match="SYNCLINE_DATABASE_STATEMENT_SECONDS"),
        hurried.read() as connection,
    ):
        connection.exec_driver_sql("SELECT pg_sleep(60)")
    with pytest.raises(DatabaseUnavailableError, match="SYNCLINE_DATABASE_STATEMENT_SECONDS"):
        hurried.direct.call(lambda wire: wire.rows("SELECT pg_sleep(60)"))


def test_a_migration_takes_as_long_as_it_needs(hurried: Store, url: str) -> None:
    """A column for a million rows is no reason to stop in the middle; neither is another upgrade that goes first."""
    seen: list[str] = []
    other = Store(url)
    with other.write() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": 0x5C11E})
        with ThreadPoolExecutor(1) as pool:
            upgraded = pool.submit(schema.upgrade, hurried)
            with pytest.raises(TimeoutError):
                upgraded.result(timeout=1.5)  # longer than any of its limits
            seen.append("waits")
            connection.rollback()
            before, after, _ = upgraded.result(timeout=60)
    assert (seen, before) == (["waits"], after)
    other.close()
