"""Streams of what happens to an account: one look for all listeners, and an end for each."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from sqlalchemy import insert, update
from sqlmodel import col
from starlette.responses import StreamingResponse

from syncline.clock import ManualClock, microseconds
from syncline.jobs import account_controls
from syncline.jobs.account_changes import EventName, Sight, between
from syncline.model.account import Account
from syncline.model.job import Job, JobStatus
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.settings import Settings
from syncline.store import accounts, sessions
from syncline.store.accounts import NewAccount
from syncline.store.engine import Store
from web.account_events import AccountEvents
from web.api import account_looks
from web.context import Context
from web.tokens import Caller, Role

AT = datetime.fromisoformat("2026-01-22T10:00:00Z")
LATER = AT + timedelta(seconds=1)
DONE = SyncSession(
    id="s1", source="w", trigger=Trigger.MANUAL, mode=Mode.FULL, status=Status.FAILED, started_at=AT, completed_at=LATER
)
IDLE = Sight(under_way=None)
BUSY = Sight(under_way="1/1")


@pytest.mark.parametrize(
    ("before", "now", "names"),
    [
        (IDLE, IDLE, []),
        (BUSY, BUSY, []),
        (IDLE, BUSY, ["began"]),
        (BUSY, Sight(under_way="1/1", progress=(1, 100)), ["progress"]),
        (BUSY, Sight(under_way=None, synced_at=AT), ["ended"]),
        (BUSY, IDLE, ["ended"]),
        (BUSY, Sight(under_way="1/2"), ["began"]),
        (BUSY, Sight(under_way="2/1", synced_at=AT), ["ended", "began"]),
        (IDLE, Sight(under_way=None, synced_at=AT), ["began", "ended"]),
        (IDLE, Sight(under_way="2/1", synced_at=AT, progress=(1, 2)), ["began", "ended", "began", "progress"]),
    ],
)
def test_two_looks_tell_what_happened_between_them(before: Sight, now: Sight, names: list[str]) -> None:
    """Also what began and ended within the second between them."""
    assert [event.name.value for event in between("acc_1", before, now)] == names


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (Sight(under_way=None, synced_at=AT, ended=DONE), ("failed", "s1", False)),
        (Sight(under_way=None, synced_at=AT, succeeded_at=AT), ("completed", None, False)),
        (Sight(under_way=None, synced_at=AT), (None, None, False)),
    ],
)
def test_an_end_says_how_as_far_as_it_is_on_record(now: Sight, told: tuple[object, ...]) -> None:
    """A planned sync that changed nothing leaves no session; one that was given back has not ended."""
    ended = [event for event in between("acc_1", BUSY, now) if event.name is EventName.ENDED]
    assert [tuple(event.data[name] for name in ("status", "session_id", "changed")) for event in ended] == [told]


@pytest.fixture
def here(make_app: Callable[[Settings, Store], FastAPI], settings: Settings, sqlite_store: Store) -> Context:
    found: Context = make_app(settings, sqlite_store).state.context
    return found


@pytest.fixture
def account(sqlite_store: Store, clock: ManualClock) -> Account:
    with sqlite_store.write() as connection:
        wanted = NewAccount(source="wallets", user_id="ann", external_id="0xA")
        return accounts.add(connection, [wanted], now=clock.now())[0].account


def end_a_job(store: Store, account: Account) -> None:
    """As a drain ends it, at once: the session, the account's row, and the job that goes."""
    now = store.clock.now()
    session = DONE.model_copy(update={"source": account.source, "account_id": account.id, "items_created": 2})
    with store.write() as connection:
        connection.execute(update(Account).where(col(Account.id) == account.id).values(last_synced_at=now))
        sessions.insert_session(connection, session)
        connection.exec_driver_sql("DELETE FROM sync_jobs")


async def listen(here: Context, account: Account, user: str = "ann") -> AsyncGenerator[str, None]:
    answer: StreamingResponse = await account_looks.events(account, here, Caller(subject=user, role=Role.USER))
    body: Any = answer.body_iterator
    return body


def test_who_listens_hears_of_it_until_the_account_is_removed(
    here: Context, account: Account, sqlite_store: Store
) -> None:
    """A wallet's page shows what its sync stored without asking again and again."""

    async def heard() -> list[str]:
        stream = await listen(here, account)
        await here.events.look_once()
        with sqlite_store.write() as connection:
            job = Job(account_id=account.id, user_id="ann", source="wallets", scheduled_us=0, created_us=0, fence=1)
            job.status, job.lease_us = JobStatus.PROCESSING, microseconds(AT)
            connection.execute(insert(Job), job.model_dump(exclude={"id"}))
        await here.events.look_once()
        end_a_job(sqlite_store, account)
        await here.events.look_once()
        account_controls.remove(sqlite_store, account.id, actor="ann")
        await here.events.look_once()
        return [part async for part in stream]

    parts = asyncio.run(heard())
    assert parts[0] == "retry: 5000\n\n"
    assert [part.partition("\n")[0] for part in parts[1:]] == ["event: began", "event: ended"]
    told = {"account_id": account.id, "status": "failed", "session_id": "s1", "changed": True}
    assert json.loads(parts[2].partition("data: ")[2]) == told
    assert here.events.count == 0


def test_all_listeners_share_one_look_and_each_user_has_a_few(
    here: Context, account: Account, sqlite_store: Store
) -> None:
    """A hundred open pages must not ask the database a hundred times a second, and none may take all streams."""

    async def checked() -> None:
        streams = [await listen(here, account) for _ in range(here.settings.accounts.listeners_per_user)]
        with pytest.raises(HTTPException) as refused:
            await listen(here, account)
        assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "5"})
        streams.append(await listen(here, account, "op"))
        await here.events.look_once()
        end_a_job(sqlite_store, account)
        await here.events.look_once()
        for stream in streams:
            assert [(await anext(stream)).partition("\n")[0] for _ in range(2)] == ["retry: 5000", "event: began"]
            await stream.aclose()
        assert here.events.count == 0

    asyncio.run(checked())


def test_a_listener_who_reads_nothing_keeps_the_newest_events(sqlite_store: Store, account: Account) -> None:
    """What waits for a page that hangs is bounded."""

    async def checked() -> None:
        events = AccountEvents(sqlite_store, per_user=1)
        with events.listening(account.id, "ann") as listener:
            for number in range(200):
                listener.see(Sight(under_way=f"{number}/1", synced_at=AT + timedelta(seconds=number)))
            assert listener.waiting.qsize() == 100

    asyncio.run(checked())
