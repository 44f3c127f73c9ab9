"""Accounts: found or made, their activity, their states and their settings."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from syncline.clock import ManualClock, microseconds
from syncline.model.account import Account, AccountState
from syncline.model.target import Target
from syncline.store import account_removal, accounts, holds
from syncline.store.accounts import MOST_WEIGHT, NewAccount
from syncline.store.engine import Store

HOUR = 3_600


def wanted(external_id: str = "0xA", user_id: str = "ann", settings: dict[str, object] | None = None) -> NewAccount:
    return NewAccount(source="wallets", user_id=user_id, external_id=external_id, settings=settings or {})


def added(store: Store, one: NewAccount | None = None) -> Account:
    with store.write() as connection:
        return accounts.add(connection, [one or wanted()], now=store.clock.now())[0].account


def found(store: Store, account_id: str) -> Account:
    with store.read() as connection:
        account = accounts.find(connection, account_id)
    assert account is not None
    return account


def hold(store: Store, account: Account, *, by: str = "ann", ttl_seconds: float | None = None) -> str:
    now = store.clock.now()
    with store.write() as connection:
        made = holds.create(
            connection, account.target, reason="moving", created_by=by, now=now, ttl_seconds=ttl_seconds
        )
        accounts.mark_paused(connection, account.id, "moving")
    return made.id


def test_an_account_is_made_once(store: Store, clock: ManualClock) -> None:
    """A user who registers a wallet again, also twice in one file, has it once, with the settings that it had."""
    with store.write() as connection:
        first = accounts.add(
            connection, [wanted(settings={"weekends": False}), wanted("0xB"), wanted()], now=clock.now()
        )
        again = accounts.add(connection, [wanted(settings={"weekends": True}), wanted(user_id="bob")], now=clock.now())
    assert [one.is_new for one in first] == [True, True, True]
    assert first[0].account.id == first[2].account.id != first[1].account.id
    assert [one.is_new for one in again] == [False, True]
    assert again[0].account.id == first[0].account.id
    assert again[0].account.settings == {"weekends": False}


def test_a_new_account_is_due_at_once_and_later_ones_come_after_it(store: Store, clock: ManualClock) -> None:
    """Lists are paged by the id, so that what comes meanwhile stands at the end."""
    first = added(store)
    clock.advance(seconds=1)
    second = added(store, wanted("0xB"))
    assert (first.state, first.next_due_us) == (AccountState.ACTIVE, microseconds(first.created_at))
    assert first.last_active_at == first.created_at
    assert len(first.id) == len("acc_") + 24
    assert first.id < second.id


def test_an_account_is_found_by_its_user_alone(store: Store) -> None:
    """What is another's looks as if it were not there."""
    account = added(store)
    with store.read() as connection:
        assert accounts.find(connection, account.id, user_id="ann") is not None
        assert accounts.find(connection, account.id, user_id="bob") is None
        assert accounts.find(connection, "acc_0") is None


def test_activity_adds_weight_once_a_visit_up_to_a_bound(store: Store, clock: ManualClock) -> None:
    """An application that calls at each click makes its user no more important than another."""
    account = added(store)

    def touched(after_seconds: float) -> float:
        clock.advance(seconds=after_seconds)
        with store.write() as connection:
            changed = accounts.touch(connection, account.id, now=clock.now())
        assert changed is not None
        assert changed.last_active_at == clock.now()
        return changed.weight

    assert [touched(60), touched(60), touched(HOUR), touched(2 * HOUR)] == [1, 1, 1.5, 2]
    assert [touched(HOUR) for _ in range(8)][-1] == MOST_WEIGHT
    assert touched(24 * HOUR) == (MOST_WEIGHT + 1) / 2 + 0.5


def test_a_user_who_comes_back_is_due_at_once(store: Store, clock: ManualClock) -> None:
    """An inactive account has no due time or a late one; an active one keeps its own."""
    account = added(store)

    def due(next_due_us: int | None, after_seconds: float) -> int | None:
        clock.advance(seconds=after_seconds)
        with store.write() as connection:
            connection.execute(update(Account).values(next_due_us=next_due_us))
            changed = accounts.touch(connection, account.id, now=clock.now())
        return None if changed is None else changed.next_due_us

    later = microseconds(clock.now() + timedelta(days=9))
    assert due(later, HOUR) == later
    assert due(later, 25 * HOUR) == microseconds(clock.now())
    assert due(None, 25 * HOUR) == microseconds(clock.now())
    overdue = microseconds(clock.now()) - 1
    assert due(overdue, 25 * HOUR) == overdue
    assert due(None, HOUR) is None


def test_settings_change_only_from_the_version_that_was_seen(store: Store) -> None:
    """Of two pages that save at once, the second must not undo the first unseen."""
    account = added(store)
    with store.write() as connection:
        changed = accounts.change_settings(connection, account.id, {"weekends": False}, seen_version=1)
        assert changed is not None
        assert (changed.version, changed.settings) == (2, {"weekends": False})
        assert accounts.change_settings(connection, account.id, {}, seen_version=1) is None
    assert found(store, account.id).settings == {"weekends": False}


def test_an_account_is_paused_until_its_last_hold_ends(store: Store, clock: ManualClock) -> None:
    """Its user's hold and an operator's nest; one that expires counts as ended."""
    account = added(store)
    first = hold(store, account)
    hold(store, account, by="operator", ttl_seconds=60)
    other = added(store, wanted("0xB"))
    hold(store, other)

    def settled(account_id: str | None = None) -> int:
        with store.write() as connection:
            return accounts.settle(connection, now=clock.now(), source="wallets", account_id=account_id)

    assert (found(store, account.id).state, found(store, account.id).state_reason) == (AccountState.PAUSED, "moving")
    with store.write() as connection:
        holds.release(connection, first, now=clock.now())
    assert settled(account.id) == 0
    clock.advance(seconds=61)
    assert settled() == 1
    assert (found(store, account.id).state, found(store, account.id).state_reason) == (AccountState.ACTIVE, None)
    assert found(store, other.id).state is AccountState.PAUSED


def test_a_hold_of_the_source_is_no_pause_of_its_accounts(store: Store, clock: ManualClock) -> None:
    """100,000 rows need not change because an operator holds the source for a minute."""
    account = added(store)
    hold_id = hold(store, account)
    with store.write() as connection:
        of_all = Target("wallets")
        holds.create(connection, of_all, reason="x", created_by="op", now=clock.now(), ttl_seconds=None)
        holds.release(connection, hold_id, now=clock.now())
        assert accounts.settle(connection, now=clock.now(), source="wallets") == 1


def test_a_hold_that_a_sweep_missed_is_found_by_the_next(store: Store, clock: ManualClock) -> None:
    """A pause that commits beside a sweep must not be lost with it."""
    account = added(store)
    hold(store, account)
    with store.write() as connection:
        connection.execute(update(Account).values(state=AccountState.ACTIVE))
        assert accounts.settle(connection, now=clock.now(), source="wallets") == 0
    assert found(store, account.id).state is AccountState.PAUSED


def test_attention_lasts_until_it_is_cleared(store: Store, clock: ManualClock) -> None:
    """No hold and no end of one makes an address right that is wrong."""
    account = added(store)

    def change(what: Callable[[Connection], object]) -> AccountState:
        with store.write() as connection:
            assert what(connection)
        return found(store, account.id).state

    assert change(lambda one: accounts.attention(one, account.id, "no such wallet")) is AccountState.ATTENTION
    hold(store, account, ttl_seconds=60)
    assert found(store, account.id).state_reason == "no such wallet"
    with store.write() as connection:
        assert accounts.settle(connection, now=clock.now(), source="wallets") == 0
    assert change(lambda one: accounts.clear_attention(one, account.id, now=clock.now())) is AccountState.PAUSED
    assert change(lambda one: accounts.attention(one, account.id, "again")) is AccountState.ATTENTION
    clock.advance(seconds=61)
    assert change(lambda one: accounts.clear_attention(one, account.id, now=clock.now())) is AccountState.ACTIVE
    assert found(store, account.id).next_due_us == microseconds(clock.now())
    with store.write() as connection:
        assert not accounts.clear_attention(connection, account.id, now=clock.now())


@pytest.mark.parametrize("state", [AccountState.ACTIVE, AccountState.PAUSED, AccountState.ATTENTION])
def test_a_removed_account_is_nowhere_and_begun_anew_if_it_is_added(store: Store, state: AccountState) -> None:
    """It can be added again before its rows are gone, and what is left of the old one is no part of the new one."""
    account = added(store)
    if state is AccountState.PAUSED:
        hold(store, account)
    with store.write() as connection:
        if state is AccountState.ATTENTION:
            accounts.attention(connection, account.id, "no such wallet")
        assert account_removal.mark_removed(connection, account.id)
        assert not account_removal.mark_removed(connection, account.id)
        now = store.clock.now()
        assert accounts.find(connection, account.id) is None
        assert accounts.touch(connection, account.id, now=now) is None
        assert accounts.change_settings(connection, account.id, {}, seen_version=2) is None
        assert not accounts.attention(connection, account.id, "x")
        assert not accounts.mark_paused(connection, account.id, "x")
        assert accounts.settle(connection, now=now, source="wallets") == 0
        again = accounts.add(connection, [wanted()], now=now)[0]
    assert again.is_new
    assert again.account.id != account.id
