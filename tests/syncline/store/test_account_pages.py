"""Lists of accounts and their removal: page by page, slice by slice, each by an index."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, insert, select
from sqlmodel import col

from syncline.clock import ManualClock, microseconds
from syncline.model.account import Account, AccountState
from syncline.model.job import Job, JobStatus
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.tables import Heartbeat, Hold
from syncline.model.target import Target
from syncline.portfolios.tables import Holding
from syncline.store import account_pages, account_removal, accounts, holds
from syncline.store.account_pages import WantedAccounts, page
from syncline.store.accounts import NewAccount
from syncline.store.engine import Store

USERS = {"wallets": ["ann", "bob"], "google": ["ann"]}


@pytest.fixture
def made(store: Store, clock: ManualClock) -> list[Account]:
    """Five accounts of each user, a second apart; of each five one is paused, one needs attention, one was removed."""
    found: list[Account] = []
    for number in range(5):
        clock.advance(seconds=1)
        wanted = [
            NewAccount(source=source, user_id=user, external_id=f"{number}")
            for source, users in USERS.items()
            for user in users
        ]
        with store.write() as connection:
            found += [one.account for one in accounts.add(connection, wanted, now=clock.now())]
    with store.write() as connection:
        for one in found:
            if one.external_id == "1":
                accounts.mark_paused(connection, one.id, "x")
            if one.external_id == "2":
                accounts.attention(connection, one.id, "x")
            if one.external_id == "3":
                account_removal.mark_removed(connection, one.id)
    return found


LISTS: list[tuple[WantedAccounts, Callable[[Account], bool]]] = [
    (WantedAccounts(), lambda _: True),
    (WantedAccounts(source="wallets"), lambda one: one.source == "wallets"),
    (WantedAccounts(source="nothing"), lambda _: False),
    (WantedAccounts(state=AccountState.PAUSED), lambda one: one.external_id == "1"),
    (WantedAccounts(user_id="ann"), lambda one: one.user_id == "ann"),
    (
        WantedAccounts(user_id="ann", source="google", state=AccountState.ATTENTION),
        lambda one: (one.user_id, one.source, one.external_id) == ("ann", "google", "2"),
    ),
]


@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize(("wanted", "fits"), LISTS)
def test_pages_hold_each_account_once_in_order(
    store: Store, made: list[Account], wanted: WantedAccounts, fits: Callable[[Account], bool], limit: int
) -> None:
    """However small the pages are; a removed account is on none."""
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        with store.read() as connection:
            one = page(connection, wanted, limit=limit, after=after)
        assert len(one.accounts) <= limit
        seen += [account.id for account in one.accounts]
        after = one.next_after
    assert seen == sorted(one.id for one in made if fits(one) and one.external_id != "3")


def plans(connection: Connection, ask: Callable[[], object]) -> list[str]:
    """How the database answers each statement that `ask` sends."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, ___: object, ____: bool) -> None:  # noqa: ANN401, FBT001 - SQLAlchemy's protocol
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    found: list[str] = []
    for statement, parameters in asked:
        rows = connection.exec_driver_sql(explain + statement, parameters)
        found.append("\n".join(str(row[-1]) for row in rows))
    return found


ASKED: list[tuple[Callable[[Connection, ManualClock], object], str]] = [
    (lambda connection, _: page(connection, WantedAccounts(user_id="ann"), limit=50), "ix_accounts_user"),
    (lambda connection, _: page(connection, WantedAccounts(source="wallets"), limit=50), "ix_accounts_state"),
    (lambda connection, _: account_pages.sources(connection), "ix_accounts_"),
    (lambda connection, clock: accounts.settle(connection, now=clock.now(), source="wallets"), "ix_accounts_state"),
    (
        lambda connection, clock: accounts.add(
            connection,
            [NewAccount(source="wallets", user_id=f"{number}", external_id=f"0x{number}") for number in range(9)],
            now=clock.now(),
        ),
        "ix_accounts_wallet",  # by users as well it would be each user with each wallet
    ),
]


@pytest.mark.parametrize(("ask", "index"), ASKED)
def test_lists_and_changes_read_an_index(
    store: Store, clock: ManualClock, ask: Callable[[Connection, ManualClock], object], index: str
) -> None:
    """One account or a million: the plan is the same."""
    with store.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the tables are empty here
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        found = plans(connection, lambda: ask(connection, clock))
        # an INSERT has no plan to speak of on PostgreSQL, and none at all on SQLite
        read = [one for one in found if one and not one.startswith("Insert") and "CONSTANT ROWS" not in one]
        assert read
        assert all(index in one for one in read), read
        assert not any("Sort" in one or "TEMP B-TREE" in one for one in read)


def fill(store: Store, account: Account, *, sessions: int, job: JobStatus | None = None) -> None:
    """Give the account rows in some tables."""
    now = store.clock.now()
    with store.write() as connection:
        usual: dict[str, Any] = {"trigger": Trigger.SCHEDULE, "mode": Mode.FULL, "status": Status.COMPLETED}
        usual |= {"started_at": now, **account.target.key}
        many = [SyncSession(id=f"{account.id}-{number}", **usual).model_dump() for number in range(sessions)]
        connection.execute(insert(SyncSession), many)
        holds.create(connection, account.target, reason="x", created_by="ann", now=now, ttl_seconds=None)
        connection.execute(insert(Heartbeat), {**account.target.key, "last_beat": now, "page": 0, "error_count": 0})
        holding = Holding(
            account_id=account.id, chain_id=1, token="0x0", raw="1", block_number=1, block_hash="0x", as_of=now
        )
        connection.execute(insert(Holding), holding.model_dump())
        if job is not None:
            lease = microseconds(now) + 60_000_000
            made = Job(account_id=account.id, user_id=account.user_id, source=account.source, scheduled_us=0,
                       created_us=0, status=job, lease_us=lease)  # fmt: skip
            connection.execute(insert(Job), made.model_dump(exclude={"id"}))


def rows_of(store: Store, account_id: str) -> int:
    with store.read() as connection:
        counts = [
            connection.execute(
                select(func.count()).select_from(table).where(table.c.account_id == account_id)
            ).scalar_one()
            for table in account_removal.tables_of_accounts()
        ]
    return sum(counts)


def test_a_removed_account_goes_with_all_of_its_rows_in_slices(store: Store, made: list[Account]) -> None:
    """And nothing of another goes; what was begun is gone on with, the account's own row is the last."""
    kept, gone = made[0], made[3]
    fill(store, kept, sessions=3)
    fill(store, gone, sessions=2_500)
    with store.write() as connection:
        holds.create(
            connection, Target(kept.source), reason="x", created_by="op", now=store.clock.now(), ttl_seconds=None
        )
        account_removal.mark_removed(connection, gone.id)
    assert account_removal.purge_removed(store, limit=1_500) == 1_500
    left_over = rows_of(store, gone.id)
    assert 2_503 - 1_500 <= left_over < 2_503 - 1_490  # accounts without rows went first
    assert account_removal.count_removed(store) == 2_503 + 4 - 1_500
    assert account_removal.purge_removed(store) == 2_503 + 4 - 1_500  # the fixture has removed three others
    assert rows_of(store, gone.id) == 0
    assert rows_of(store, kept.id) == 6
    assert rows_of(store, "") == 1
    with store.read() as connection:
        left = set(connection.execute(select(col(Account.id))).scalars())
        assert connection.execute(select(func.count()).select_from(Hold)).scalar_one() == 2
    assert left == {one.id for one in made if one.external_id != "3"} - {gone.id}
    assert account_removal.purge_removed(store) == 0


def test_an_account_whose_job_is_under_way_is_not_deleted_yet(
    store: Store, clock: ManualClock, made: list[Account]
) -> None:
    """Its drain may store a last page, which would be left over for ever; a dead drain keeps nothing."""
    gone = made[0]
    fill(store, gone, sessions=1, job=JobStatus.PROCESSING)
    with store.write() as connection:
        account_removal.mark_removed(connection, gone.id)
    assert account_removal.purge_removed(store) == 3
    assert rows_of(store, gone.id) == 5
    clock.advance(seconds=61)
    assert account_removal.purge_removed(store) == 6


def test_a_column_of_an_upstream_that_is_called_account_id_is_left_alone(store: Store) -> None:
    """It names one of the upstream's accounts; in a key it is filled in by Syncline."""
    names = {table.name for table in account_removal.tables_of_accounts()}
    assert {"sync_sessions", "holds", "leases", "checkpoints", "pass_keys", "rejects", "heartbeats"} <= names
    assert {"sync_jobs", "queued_runs", "holdings"} <= names
    assert not names & {"accounts", "products", "customers", "listings"}
