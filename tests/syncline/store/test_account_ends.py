"""What the end of a job changes on its account."""

from dataclasses import replace
from datetime import timedelta

from support.jobs import add_accounts, find_account

from syncline.clock import ManualClock
from syncline.model.account import AccountState
from syncline.store.account_ends import AccountChange, change
from syncline.store.engine import Store


def _change(clock: ManualClock, name: str = "a") -> AccountChange:
    now = clock.now()
    return AccountChange(
        id=f"acc_{name}",
        synced_at=now,
        succeeded_at=now,
        next_due_us=77,
        active_after=now - timedelta(days=1),
        changes=1.5,
        exposure_days=0.25,
        failures=2,
        attention=None,
    )


def _apply(store: Store, *changes: AccountChange) -> None:
    with store.write() as connection:
        change(connection, changes)


def test_a_change_arrives_and_none_is_as_it_was(store: Store, clock: ManualClock) -> None:
    """A deferred job was not tried, and its account is due as before."""
    add_accounts(store, "a", "b", "untouched")
    _apply(store, _change(clock, "b"), _change(clock))
    _apply(store)
    before = clock.now()
    clock.advance(seconds=60)
    for name in ("a", "b"):
        row = find_account(store, name)
        assert (row.last_synced_at, row.last_success_at, row.next_due_us) == (before, before, 77)
        assert (row.changes, row.exposure_days, row.failures, row.version) == (1.5, 0.25, 2, 1)
    _apply(store, replace(_change(clock), synced_at=None, succeeded_at=None, next_due_us=None, failures=0))
    row = find_account(store, "a")
    assert (row.last_synced_at, row.last_success_at, row.next_due_us, row.failures) == (before, before, 77, 0)
    other = find_account(store, "untouched")
    assert (other.last_synced_at, other.next_due_us, other.failures) == (None, None, 0)


def test_who_is_used_is_asked_of_the_row_as_it_is_now(store: Store, clock: ManualClock) -> None:
    """Somebody may have come while the job was under way; who came by last is due again, nobody else."""
    now = clock.now()
    add_accounts(store, "came back", last_active_at=now)
    add_accounts(store, "just", last_active_at=now - timedelta(days=1))
    add_accounts(store, "gone", last_active_at=now - timedelta(days=1, microseconds=1), next_due_us=5)
    add_accounts(store, "new", last_active_at=None, created_at=now)
    names = ("came back", "just", "gone", "new")
    _apply(store, *(_change(clock, name) for name in names))
    assert [find_account(store, name).next_due_us for name in names] == [77, 77, None, 77]


def test_attention_sets_an_active_account_aside_and_no_other(store: Store, clock: ManualClock) -> None:
    """What a person did meanwhile stays: a pause is a pause, and what is removed stays removed."""
    for state in AccountState:
        add_accounts(store, state, state=state, state_reason=f"was {state}", failures=1)
    _apply(store, *(replace(_change(clock, state), attention="revoked") for state in AccountState))
    active, paused, attention, removed = (find_account(store, state) for state in AccountState)
    assert (active.state, active.state_reason, active.failures) == (AccountState.ATTENTION, "revoked", 2)
    assert (paused.state, paused.state_reason, paused.failures) == (AccountState.PAUSED, "was paused", 2)
    assert (attention.state, attention.state_reason) == (AccountState.ATTENTION, "was attention")
    assert (removed.state, removed.state_reason) == (AccountState.REMOVED, "was removed")
    assert (removed.failures, removed.next_due_us, removed.last_synced_at) == (1, None, None)


def test_an_account_that_is_gone_is_no_error(store: Store, clock: ManualClock) -> None:
    """It was removed while its job was under way; the others' ends are written."""
    add_accounts(store, "a")
    _apply(store, _change(clock, "gone"), _change(clock))
    assert find_account(store, "a").failures == 2
