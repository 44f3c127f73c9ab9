"""Users are told once that an account needs them, where they want to be told."""

import logging

import pytest
from sqlalchemy import text
from support.jobs import SOURCE, add_accounts
from support.receiver import receiving

from syncline.clock import ManualClock
from syncline.jobs.notices import take, tell_users
from syncline.store import accounts
from syncline.store.engine import Store


def _set_aside(store: Store, name: str, reason: str = "the address is wrong") -> None:
    with store.write() as connection:
        assert accounts.attention(connection, f"acc_{name}", reason)


def test_a_user_is_told_once_until_it_is_mended_and_breaks_again(store: Store, clock: ManualClock) -> None:
    """A message at each sync that fails would be read by nobody."""
    with receiving() as receiver:
        add_accounts(store, "a", settings={"notify_urls": [receiver.url]})
        add_accounts(store, "b")
        for name in "ab":
            _set_aside(store, name)
        assert [tell_users(store, [SOURCE], private_allowed=True) for _ in range(2)] == [1, 0]
        with store.write() as connection:
            assert accounts.clear_attention(connection, "acc_a", now=clock.now())
        assert tell_users(store, [SOURCE], private_allowed=True) == 0
        _set_aside(store, "a", "it is wrong again.")
        assert tell_users(store, [SOURCE, "other"], private_allowed=True) == 1
    first, second = receiver.messages
    assert first[0] == "Your account a needs attention"
    assert first[1] == f"It is no longer synced ({SOURCE}): the address is wrong. Mend that, and resume account acc_a."
    assert "it is wrong again. Mend" in second[1]


def test_one_of_two_processes_tells(store: Store) -> None:
    """What one has taken, the other one leaves."""
    add_accounts(store, "a", settings={"notify_urls": ["jsons://example.org"]})
    _set_aside(store, "a")
    taken = [store.transact(lambda connection: take(connection, [SOURCE])) for _ in range(2)]
    assert [[one.account_id for one in each] for each in taken] == [["acc_a"], []]
    assert "example.org" not in repr(taken)


def test_a_name_that_leads_inside_is_not_called(sqlite_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """It was looked up only now: what the URL was checked for when it was set may have changed since."""
    with receiving() as receiver, caplog.at_level(logging.WARNING):
        url = receiver.url.replace("127.0.0.1", "localhost")
        add_accounts(sqlite_store, "a", settings={"notify_urls": [url, "no URL"]})
        _set_aside(sqlite_store, "a")
        assert tell_users(sqlite_store, [SOURCE], private_allowed=False) == 0
        with sqlite_store.write() as connection:
            connection.execute(text("UPDATE accounts SET notified_state = NULL"))
        assert receiver.messages == []
        assert url not in caplog.text
        assert tell_users(sqlite_store, [SOURCE], private_allowed=True) == 1
