"""What people do with accounts: registering, asking for a sync, pausing, resuming, changing, removing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from syncline.clock import ManualClock, microseconds
from syncline.errors import AccountStateError, FieldError, UnknownAccountError
from syncline.jobs import account_controls, registration
from syncline.jobs.account_controls import Pause
from syncline.jobs.registration import Imported, SyncRequest
from syncline.kernel_settings import AccountsSettings
from syncline.model.account import Account, AccountState
from syncline.model.account_kind import AccountKind
from syncline.model.job import Job, JobReason
from syncline.model.policies import Mode, Priority
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.model.upstream import Upstream
from syncline.status.history import history
from syncline.store import accounts, audit, holds, job_pages, jobs
from syncline.store.accounts import NewAccount
from syncline.store.engine import Store
from syncline.store.job_pages import WantedJobs

LIMITS = AccountsSettings()
KIND = AccountKind(noun="wallet", canonical=str.lower)
WALLETS = Source(name="wallets", upstream=Upstream(name="chain"), accounts=KIND)


def wanted(external_id: str = "0xA", *, user_id: str = "ann", **settings: object) -> NewAccount:
    return registration.wanted(WALLETS, user_id=user_id, external_id=external_id, settings=settings, limits=LIMITS)


def registered(store: Store, one: NewAccount | None = None) -> Account:
    return registration.register(store, one or wanted(), actor="ann").account


def job_of(store: Store, account: Account) -> Job | None:
    with store.read() as connection:
        return jobs.open_job(connection, account.id)


def state_of(store: Store, account: Account) -> tuple[AccountState, str | None]:
    with store.read() as connection:
        found = accounts.find(connection, account.id)
    assert found is not None
    return found.state, found.state_reason


def test_registering_makes_the_account_and_its_first_job(store: Store, clock: ManualClock) -> None:
    """A user who connects a wallet waits for it: the job goes before those of sweeps. Doing it twice makes one."""
    first = registration.register(store, wanted(weekends=False), actor="ann")
    again = registration.register(store, wanted("0xa", weekends=True), actor="ann")
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.account.id, again.job_id) == (first.account.id, first.job_id)
    assert again.account.settings == {"weekends": False}
    job = job_of(store, first.account)
    assert job is not None
    assert (job.priority, job.reason, job.scheduled_us) == (Priority.HIGH, JobReason.MANUAL, microseconds(clock.now()))
    with store.read() as connection:
        entries = audit.latest(connection)
    assert [(entry.actor, entry.action, entry.target) for entry in entries] == [
        ("ann", "account.add", f"account/{first.account.id}")
    ]


def test_many_are_queued_behind_all_others_and_only_once(store: Store) -> None:
    """100,000 wallets of a file must not stand before the one that a user has just connected."""
    registered(store)
    many = [wanted(f"0x{number}") for number in range(3)] + [wanted()]
    assert registration.register_many(store, many, actor="op") == Imported(added=3, found=1)
    assert registration.register_many(store, many, actor="op") == Imported(added=0, found=4)
    with store.read() as connection:
        queued = job_pages.page(connection, WantedJobs(), limit=50).jobs
    assert [job.priority for job in queued] == [Priority.HIGH, *[Priority.LOW] * 3]


def test_a_sync_that_is_asked_for_is_queued_high_and_counts_as_activity(store: Store, clock: ManualClock) -> None:
    """As in the seed, a manual sync says that its user is there."""
    account = registered(store)
    with store.write() as connection:
        jobs.take_back(connection, account.target)
    clock.advance(seconds=100)
    asked = SyncRequest(type=Mode.FULL, calendar_ids=("home",))
    job_id = registration.request_sync(store, account.id, asked)
    job = job_of(store, account)
    assert job is not None
    assert (job.id, job.type, job.calendar_ids, job.priority) == (job_id, Mode.FULL, ["home"], Priority.HIGH)
    with store.read() as connection:
        found = accounts.find(connection, account.id)
    assert found is not None
    assert found.last_active_at == clock.now()


def attention(store: Store, account: Account) -> None:
    with store.write() as connection:
        accounts.attention(connection, account.id, "the address is a contract")


def paused(store: Store, account: Account) -> None:
    account_controls.pause(store, account.id, Pause(by="ann", reason="moving house"))
    account_controls.pause(store, account.id, Pause(by="op", reason="abuse", ttl_seconds=60))


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        (attention, ["needs attention: the address is a contract", "resume it"]),
        (
            paused,
            ["by ann until it is resumed (moving house)", "by op until 2026-01-22T10:01:00.000Z (abuse)"],
        ),
    ],
)
def test_a_sync_that_cannot_begin_is_refused_with_the_reason(
    store: Store, obstacle: Callable[[Store, Account], None], words: list[str]
) -> None:
    """It would wait in the queue, and nobody would be told why; registering again says the same."""
    account = registered(store)
    obstacle(store, account)
    for ask in (
        lambda: registration.request_sync(store, account.id),
        lambda: registration.register(store, wanted(), actor="ann"),
    ):
        with pytest.raises(AccountStateError) as refused:
            ask()
        assert all(word in str(refused.value) for word in words)


def test_a_pause_takes_the_waiting_job_back_and_two_pauses_nest(store: Store) -> None:
    """The user's resumption ends the user's pause, an operator's the operators'; the skipped job is on record."""
    account = registered(store)
    paused(store, account)
    account_controls.pause(store, account.id, Pause(by="ann", reason="still moving"))
    assert state_of(store, account)[0] is AccountState.PAUSED
    assert job_of(store, account) is None
    with store.read() as connection:
        assert len(holds.in_force(connection, account.target, now=store.clock.now())) == 2
        told = history(connection, "wallets")
    assert [(one.status, one.account_id, one.reason) for one in told] == [
        (Status.SKIPPED, account.id, "the account was paused: moving house")
    ]
    mine = account_controls.resume(store, account.id, by="ann", is_operator=False)
    assert (mine.ended, [hold.created_by for hold in mine.left], mine.account.state) == (1, ["op"], AccountState.PAUSED)
    theirs = account_controls.resume(store, account.id, by="op", is_operator=True)
    assert (theirs.ended, theirs.left, theirs.account.state) == (1, (), AccountState.ACTIVE)
    nothing = account_controls.resume(store, account.id, by="op", is_operator=True)
    assert (nothing.ended, nothing.account.state) == (0, AccountState.ACTIVE)


def test_an_operator_can_end_all_pauses_of_an_account(store: Store) -> None:
    """A user who is away cannot."""
    account = registered(store)
    paused(store, account)
    done = account_controls.resume(store, account.id, by="op", is_operator=True, everyone=True)
    assert (done.ended, done.account.state) == (2, AccountState.ACTIVE)


def test_an_expired_pause_is_no_obstacle(store: Store, clock: ManualClock) -> None:
    """Also before a sweep has written that to the account."""
    account = registered(store)
    account_controls.pause(store, account.id, Pause(by="ann", reason="x", ttl_seconds=60))
    clock.advance(seconds=61)
    assert registration.request_sync(store, account.id)
    assert state_of(store, account) == (AccountState.ACTIVE, None)


def test_resuming_says_that_what_needed_attention_is_mended(store: Store) -> None:
    """The next sync tries whether it is."""
    account = registered(store)
    attention(store, account)
    done = account_controls.resume(store, account.id, by="ann", is_operator=False)
    assert done.account.state is AccountState.ACTIVE
    assert registration.request_sync(store, account.id)


def test_a_change_from_an_old_version_is_refused(store: Store) -> None:
    """Without a version the newest is changed; what is not named stays."""
    account = registered(store)

    def change(version: int | None, **wanted: Any) -> Account:  # noqa: ANN401 - any setting
        return account_controls.change_settings(
            store, account.id, wanted, kind=KIND, limits=LIMITS, actor="ann", version=version
        )

    assert change(1, weekends=False, frequency_seconds=60).version == 2
    assert change(None, weekends=None).settings == {"frequency_seconds": 60}
    with pytest.raises(AccountStateError, match="changed meanwhile"):
        change(2, weekends=True)
    with pytest.raises(FieldError, match=r"settings\.frequency_seconds"):
        change(None, frequency_seconds=1)
    with store.read() as connection:
        details = [json.loads(entry.detail or "") for entry in audit.latest(connection, limit=2)]
    assert details == [{"names": ["weekends"]}, {"names": ["frequency_seconds", "weekends"]}]


def test_a_removed_account_is_unknown_to_all_that_is_done_with_one(store: Store) -> None:
    """And its waiting job goes with it."""
    account = registered(store)
    account_controls.remove(store, account.id, actor="ann")
    assert job_of(store, account) is None
    for ask in (
        lambda: account_controls.remove(store, account.id, actor="ann"),
        lambda: account_controls.touch(store, account.id),
        lambda: account_controls.pause(store, account.id, Pause(by="ann", reason="x")),
        lambda: account_controls.resume(store, account.id, by="ann", is_operator=False),
        lambda: registration.request_sync(store, account.id),
        lambda: account_controls.change_settings(
            store, account.id, {}, kind=KIND, limits=LIMITS, actor="ann", version=None
        ),
    ):
        with pytest.raises(UnknownAccountError):
            ask()
    assert registration.register(store, wanted(), actor="ann").is_new


def test_holds_of_a_source_are_nothing_to_its_accounts_rows(store: Store) -> None:
    """A hold that names no account changes none."""
    account = registered(store)
    with store.write() as connection:
        account_controls.held(connection, Target("wallets"), "x", now=store.clock.now())
        account_controls.released(connection, Target("wallets"), now=store.clock.now())
    assert state_of(store, account)[0] is AccountState.ACTIVE
    assert job_of(store, account) is not None


@pytest.mark.parametrize(
    ("source", "user_id", "field"),
    [(Source(name="products", upstream=Upstream(name="erp")), "ann", "source"), (WALLETS, " ", "user_id")],
)
def test_an_account_that_cannot_be_is_refused_by_its_field(source: Source, user_id: str, field: str) -> None:
    """Before anything is stored."""
    with pytest.raises(FieldError) as refused:
        registration.wanted(source, user_id=user_id, external_id="0xA", settings={}, limits=LIMITS)
    assert refused.value.field == field
