"""Accounts that share a table are kept up to date each on its own."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Field, Session, select
from support.runs import run
from support.shop import OPENED, Row
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.model.columns import KeyText
from syncline.model.dataset import Dataset
from syncline.model.items import Item
from syncline.model.policies import Deletes, Mode
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.store import checkpoints
from syncline.store.engine import Store


class Event(Item, table=True):
    """An entry in somebody's calendar."""

    __tablename__ = "test_events"

    account_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=KeyText)
    title: str
    updated_at: datetime


def events(*names: str, updated_at: datetime = OPENED) -> list[Row]:
    return [{"id": name, "title": name.upper(), "updated_at": updated_at} for name in names]


def calendar(pages: ListPages) -> Source:
    return Source(
        name="calendar",
        upstream=Upstream(name="calendar"),
        dataset=Dataset(
            pages=pages,
            table=Event,
            updated_field="updated_at",
            deletes=Deletes(max_fraction=1, full_pass_every_seconds=None),
        ),
    )


@pytest.fixture
def pages() -> ListPages:
    return ListPages(page_size=2, incremental=True)


def stored(store: Store) -> dict[str, set[str]]:
    with store.read() as connection:
        rows = Session(connection).exec(select(Event)).all()
    return {account: {row.id for row in rows if row.account_id == account} for account in ("anna", "bert")}


def test_one_accounts_pass_leaves_the_others_rows(store: Store, pages: ListPages) -> None:
    """The same keys are different rows; what is gone from one calendar is not gone from the other."""
    source = calendar(pages)
    pages.rows = events("a", "b", "c")
    for account in ("anna", "bert"):
        assert run(store, source, account_id=account).pulled.created == 3
    pages.rows = events("b", "d")
    ran = run(store, source, account_id="anna")
    assert (ran.pulled.created, ran.pulled.unchanged, ran.deleted) == (1, 1, 2)
    assert stored(store) == {"anna": {"b", "d"}, "bert": {"a", "b", "c"}}


def test_one_accounts_cursor_says_nothing_of_the_others(store: Store, pages: ListPages, clock: ManualClock) -> None:
    """Bert's newest change is older than Anna's; his cursor stays where his own changes are."""
    source = calendar(pages)
    pages.rows = events("a", updated_at=clock.now() - timedelta(hours=1))
    run(store, source, account_id="anna")
    pages.rows = events("a", updated_at=clock.now() - timedelta(hours=5))
    run(store, source, account_id="bert")
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM checkpoints WHERE account_id = 'bert'")
    run(store, source, account_id="bert")
    with store.read() as connection:
        row = checkpoints.read(connection, "calendar", "bert")
    assert row is not None
    assert row.cursor == (pages.rows[0]["updated_at"]).isoformat()


def test_each_account_goes_on_at_its_own_checkpoint(store: Store, pages: ListPages) -> None:
    """The first run of a new account is full, though the source has run for others."""
    source = calendar(pages)
    pages.rows = events("a", "b", "c")
    run(store, source, account_id="anna")
    run(store, source, account_id="bert", mode=Mode.INCREMENTAL)
    run(store, source, account_id="bert", mode=Mode.INCREMENTAL)
    assert [ask.mode for ask in pages.asked] == [Mode.FULL, Mode.FULL, Mode.INCREMENTAL]
