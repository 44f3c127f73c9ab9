"""Wallets from the queue to their rows: a drain, the real connector, simulated chains and a simulated price API."""

import asyncio
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session, select

import sandbox
from sandbox.evm.address import ZERO
from sandbox.evm.moves import Transfer
from syncline.clock import microseconds
from syncline.jobs import registration
from syncline.jobs.drain import Drain, Drained
from syncline.jobs.due import Freshness
from syncline.jobs.guarded import Guarded
from syncline.jobs.sweep import sweep
from syncline.model.account import Account
from syncline.model.session import Status, SyncSession
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.portfolios import WALLETS
from syncline.portfolios.address import checksummed
from syncline.portfolios.connector import connect
from syncline.portfolios.portfolio import portfolio
from syncline.portfolios.settings import ChainSettings
from syncline.portfolios.tables import Holding
from syncline.settings import Settings, UpstreamSettings
from syncline.store import schema
from syncline.store.engine import Store
from syncline.store.job_wake import bell_of
from syncline.store.jobs import JobRequest, enqueue

SOURCE = Source(name="portfolios", upstream=Upstream(name="chains"), accounts=WALLETS)
POLICY = Freshness()
MANY = 12


@pytest.fixture(scope="module")
def box() -> Generator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, wallets=MANY) as served:
        yield served


@pytest.fixture
def settings(box: sandbox.Box, tmp_path: Path) -> Generator[Settings]:
    """Two chains, one of them without Multicall3, and prices."""

    def at(chain_id: int, **more: str) -> ChainSettings:
        return ChainSettings.model_validate(
            {"rpc_url": f"{box.url}/evm/{chain_id}", "calls_per_second": 10_000, **more}
        )

    chains = {1: at(1), 8453: at(8453, multicall="")}
    prices = UpstreamSettings(base_url=f"{box.url}/coingecko")
    yield Settings(home=tmp_path).model_copy(update={"chains": chains, "upstreams": {"prices": prices}})
    box.faults.clear()


@pytest.fixture
def real_store(sqlite_url: str) -> Generator[Store]:
    """By the machine's clock, as the sandbox's prices have it."""
    store = Store(sqlite_url)
    schema.upgrade(store)
    yield store
    store.close()


def addresses(box: sandbox.Box) -> list[str]:
    return [checksummed(wallet[2:]) for wallet in box.evm.wallets]


def register(store: Store, settings: Settings, *wallets: str, user: str = "u", **chosen: object) -> list[Account]:
    limits = settings.accounts
    return [
        registration.register(
            store,
            registration.wanted(SOURCE, user_id=user, external_id=one, settings=chosen, limits=limits),
            actor="test",
        ).account
        for one in wallets
    ]


def drain(store: Store, settings: Settings) -> Drained:
    async def run() -> Drained:
        async with connect(store, settings, settings) as inner, bell_of(store) as bell:
            guarded = Guarded(inner, SOURCE, store, on_change=lambda _: None)
            return await Drain(store, {"portfolios": guarded}, {"portfolios": POLICY}, owner="d", bell=bell).run_dry()

    return asyncio.run(run())


def rows(store: Store, account: Account) -> dict[tuple[int, str], int]:
    with store.read() as connection:
        found = Session(connection).exec(select(Holding).where(Holding.account_id == account.id)).all()
        return {(row.chain_id, row.token): int(row.raw) for row in found}


def truth(box: sandbox.Box, wallet: str, *chain_ids: int) -> dict[tuple[int, str], int]:
    found: dict[tuple[int, str], int] = {}
    for chain_id in chain_ids or (1, 8453):
        chain = box.evm[chain_id].chain
        for token in chain.tokens:
            amount = chain.ledger.at((token, wallet.lower()), chain.head)
            if amount:
                found[chain_id, checksummed(token[2:])] = amount
    return found


def sessions_of(store: Store, account: Account) -> list[SyncSession]:
    with store.read() as connection:
        wanted = select(SyncSession).where(SyncSession.account_id == account.id)
        return list(Session(connection).exec(wanted).all())


def again(store: Store, accounts: list[Account]) -> None:
    with store.write() as connection:
        now_us = microseconds(store.clock.now())
        wanted = [
            JobRequest(account_id=one.id, user_id=one.user_id, source=one.source, scheduled_us=now_us)
            for one in accounts
        ]
        enqueue(connection, wanted, now_us=now_us)


def test_all_wallets_come_to_what_the_chains_hold(real_store: Store, settings: Settings, box: sandbox.Box) -> None:
    """To the last unit, on both chains; what they are worth is known where the price API knows the token."""
    accounts = register(real_store, settings, *addresses(box))
    done = drain(real_store, settings)
    assert done.jobs == MANY
    assert set(done.outcomes) <= {Status.COMPLETED, Status.PARTIAL}
    for account in accounts:
        held, really = rows(real_store, account), truth(box, account.external_id)
        assert held.items() <= really.items()
        unread = really.keys() - held.keys()
        if unread:  # a token whose balance its contract refuses to tell: the session says so
            (session,) = sessions_of(real_store, account)
            assert session.status is Status.PARTIAL
            assert any(token in (session.reason or "") for _, token in unread)
    with real_store.read() as connection:
        shown = [portfolio(connection, account.id) for account in accounts]
    assert any(one.total > Decimal(0) for one in shown)


def test_an_unchanged_wallet_leaves_no_session_and_a_changed_one_does(
    real_store: Store, settings: Settings, box: sandbox.Box
) -> None:
    """100,000 wallets a day are thousands of rows that way, not millions."""
    (account,) = register(real_store, settings, addresses(box)[0], chains=[1])
    drain(real_store, settings)
    before = len(sessions_of(real_store, account))
    again(real_store, [account])
    assert drain(real_store, settings).outcomes == {Status.COMPLETED: 1}
    assert len(sessions_of(real_store, account)) == before
    chain = box.evm[1].chain
    gold = next(token for token in chain.tokens if (1, checksummed(token[2:])) in rows(real_store, account))
    chain.pay(Transfer(token=gold, sender=ZERO, receiver=account.external_id.lower(), amount=5))
    again(real_store, [account])
    drain(real_store, settings)
    assert (
        rows(real_store, account)[1, checksummed(gold[2:])]
        == truth(box, account.external_id, 1)[1, checksummed(gold[2:])]
    )
    assert len(sessions_of(real_store, account)) == before + 1


def test_the_same_wallet_of_two_users_is_read_once(real_store: Store, settings: Settings, box: sandbox.Box) -> None:
    """The node is asked as often as for one; each user has the rows."""
    wallet = addresses(box)[1]
    both = [register(real_store, settings, wallet, user=user, chains=[1])[0] for user in ("one", "other")]
    drain(real_store, settings)
    again(real_store, both)
    box.evm[1].calls.clear()
    drain(real_store, settings)
    calls_of_two = dict(box.evm[1].calls)
    again(real_store, both[:1])
    box.evm[1].calls.clear()
    drain(real_store, settings)
    assert calls_of_two == dict(box.evm[1].calls)
    assert rows(real_store, both[0]) == rows(real_store, both[1]) != {}


def test_a_chain_that_is_down_leaves_the_other_one_fresh(
    real_store: Store, settings: Settings, box: sandbox.Box
) -> None:
    """Its rows stay as they are, marked stale, and the session names it; where all are down the job is tried again."""
    (account,) = register(real_store, settings, addresses(box)[2])
    drain(real_store, settings)
    before = rows(real_store, account)
    box.faults.add("status", path="/evm/1", code=503, count=None)
    again(real_store, [account])
    assert drain(real_store, settings).outcomes == {Status.PARTIAL: 1}
    assert rows(real_store, account) == before
    with real_store.read() as connection:
        shown = portfolio(connection, account.id)
    assert {chain.chain_id for chain in shown.chains if chain.stale_since is not None} == {1}
    box.faults.add("status", path="/evm/8453", code=503, count=None)
    again(real_store, [account])
    assert drain(real_store, settings).outcomes == {Status.FAILED: 1}
    last = max(sessions_of(real_store, account), key=lambda one: one.started_at)
    assert (last.status, last.error_type) == (Status.FAILED, "UnavailableError")
    assert last.retry_at is not None


def test_an_account_that_follows_no_chain_that_is_set_up_is_not_called_completed(
    real_store: Store, settings: Settings, box: sandbox.Box
) -> None:
    """Nothing was read: its user must choose others."""
    (account,) = register(real_store, settings, addresses(box)[3], chains=[10])
    assert drain(real_store, settings).outcomes == {Status.FAILED: 1}
    with real_store.read() as connection:
        found = Session(connection).get(Account, account.id)
    assert found is not None
    assert found.state == "attention"
    assert "choose others" in (found.state_reason or "")


def test_a_sweep_queues_what_falls_due_before_the_next_one(
    real_store: Store, settings: Settings, box: sandbox.Box
) -> None:
    """At its instant, and once: a second sweep finds nothing new to do."""
    register(real_store, settings, *addresses(box)[:4])
    drain(real_store, settings)
    assert sweep(real_store, "portfolios", POLICY, ahead_seconds=1_200).queued == 4
    assert sweep(real_store, "portfolios", POLICY, ahead_seconds=1_200).queued == 0
    assert drain(real_store, settings).jobs == 0, "none is due yet"
