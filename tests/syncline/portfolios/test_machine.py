"""Wallets move, blocks are replaced, nodes lie and lag: what is stored is right, or says that it is old."""

import asyncio
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import httpx
import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from support.evm.chains import chain_at

from sandbox.evm.batch import answer
from sandbox.evm.chain import Chain as SimulatedChain
from sandbox.evm.moves import Transfer
from sandbox.evm.settings import Lie
from sandbox.evm.view import View
from sandbox.evm.world import Evm
from syncline.errors import SynclineError
from syncline.portfolios import holdings, progress, tokens
from syncline.portfolios.address import checksummed
from syncline.portfolios.chain import Chain
from syncline.portfolios.moves import named, scan
from syncline.portfolios.portfolio import portfolio
from syncline.portfolios.reading import ChainFailure, read_wallets
from syncline.store.engine import Store

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
LIES: list[Lie] = ["zero", "empty", "short", "null", "garbage", "failed"]
FAULTS = st.one_of(
    st.fixed_dictionaries({"lag": st.integers(1, 3)}),
    st.fixed_dictionaries({"lies": st.lists(st.sampled_from(LIES), min_size=1, max_size=6)}),
    st.fixed_dictionaries({"cap": st.integers(1, 3)}),
    st.fixed_dictionaries({"reorg": st.integers(1, 3)}),
    st.fixed_dictionaries({"revert": st.integers(1, 3)}),
    st.just({"status": 502}),
)
PAUSED = "0x5a11d00000000000000000000000000000000a04"
"""The token that answers no balances."""
Faults = Mapping[int, Mapping[str, Any]]


def back(chain: SimulatedChain, depth: int, *, replaced: bool) -> None:
    """Take back the newest blocks, as long as there are some."""
    if chain.head - chain.oldest > 2 * depth:
        (chain.reorganize if replaced else chain.revert)(depth)


class Node:
    """A simulated node in memory; `faults` strike requests by their number, from the present one on."""

    def __init__(self, evm: Evm, chain_id: int) -> None:
        self.node = evm[chain_id]
        self.faults: dict[int, Mapping[str, Any]] = {}
        self.asked = 0

    def order(self, faults: Faults) -> None:
        self.asked, self.faults = 0, dict(faults)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        fault, self.asked = self.faults.get(self.asked, {}), self.asked + 1
        if "status" in fault:
            return httpx.Response(fault["status"], text="bad gateway")
        view = View(self.node, lag=fault.get("lag", 0), lies=iter(fault.get("lies", ())))
        said = answer(self.node, view, orjson.loads(request.content), cap=fault.get("cap"))
        if "reorg" in fault:
            back(self.node.chain, fault["reorg"], replaced=True)
        if "revert" in fault:
            back(self.node.chain, fault["revert"], replaced=False)
        return httpx.Response(200, content=orjson.dumps(said), headers={"content-type": "application/json"})


class Portfolios(RuleBasedStateMachine):
    """Four wallets of two chains; chain 8453 has no Multicall3."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(prefix="syncline-machine-"))
        shutil.copy(self.template, self.folder / "machine.db")
        self.store = Store(f"sqlite:///{self.folder / 'machine.db'}")
        self.runner = asyncio.Runner()
        self.turn = 0

    @initialize(seed=st.integers(0, 99), chain_id=st.sampled_from([1, 8453]), confirmations=st.sampled_from([0, 2]))
    def begin(self, seed: int, chain_id: int, confirmations: int) -> None:
        self.evm = Evm(seed=seed, wallets=4, clock=lambda: NOW)
        self.node = Node(self.evm, chain_id)
        self.truth = self.node.node.chain
        self.chain_id = chain_id
        self.chain: Chain = chain_at(self.node, chain_id=chain_id, confirmations=confirmations)
        self.runner.run(self.chain.__aenter__())
        self.addresses = {f"acc_{place}": checksummed(one[2:]) for place, one in enumerate(self.evm.wallets)}

    @rule(count=st.integers(1, 4))
    def time_passes(self, count: int) -> None:
        self.truth.mine(count)

    @rule(place=st.integers(0, 3), data=st.data())
    def somebody_is_paid(self, place: int, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.truth.tokens)))
        transfer = Transfer(token=token, sender=f"0x{'0' * 40}", receiver=self.evm.wallets[place], amount=2**200 + 1)
        self.truth.pay(transfer)

    @rule(depth=st.integers(1, 5))
    def blocks_are_replaced(self, depth: int) -> None:
        back(self.truth, depth, replaced=True)

    @rule(depth=st.integers(1, 5))
    def blocks_are_taken_back(self, depth: int) -> None:
        back(self.truth, depth, replaced=False)

    @rule(faults=st.dictionaries(st.integers(0, 7), FAULTS, max_size=3))
    def all_are_synced(self, faults: Faults) -> None:
        self.node.order(faults)
        self._sync(list(self.addresses))
        self._check()

    @rule(faults=st.dictionaries(st.integers(0, 7), FAULTS, max_size=2), place=st.integers(0, 3))
    def one_is_synced(self, faults: Faults, place: int) -> None:
        self.node.order(faults)
        self._sync([f"acc_{place}"])
        self._check()

    @precondition(lambda self: self.turn > 0)
    @rule()
    def those_that_moved_are_synced(self) -> None:
        """Then all is as the chain has it, whatever went wrong before."""
        self.node.order({})
        with self.store.read() as connection:
            since = progress.searched(connection, self.chain_id)
            stored = holdings.last_reads(connection, self.chain_id, self.addresses)
        found = self.runner.run(scan(self.chain, stored, since=since))
        moved = [account for account, address in self.addresses.items() if address in found.moved]
        self._sync(moved)
        with self.store.write() as connection:
            progress.note_searched(connection, self.chain_id, found.block, now=NOW)
        self._check(whole_at=found.block.number)

    def _sync(self, accounts: list[str]) -> None:
        """As the connector does it."""
        self.turn += 1
        addresses = {account: self.addresses[account] for account in accounts}
        with self.store.read() as connection:
            wallets = holdings.wallets(connection, self.chain_id, addresses)
        try:
            read = self.runner.run(self._read(wallets))
        except SynclineError as error:
            read = None
            failure = ChainFailure(chain_id=self.chain_id, error=error, as_of=NOW + timedelta(seconds=self.turn))
        with self.store.write() as connection:
            if read is not None:
                tokens.remember(connection, self.chain_id, read.facts, now=NOW)
            for account, address in addresses.items():
                one = failure if read is None else read.readings[address]  # pyright: ignore[reportPossiblyUnboundVariable]
                holdings.store(connection, account, [one], {}, followed=[self.chain_id], now=NOW)

    async def _read(self, wallets: Any) -> Any:  # noqa: ANN401
        head = await self.chain.head()
        moves = await named(self.chain, wallets, until=head.ref)
        asked = [
            type(one)(
                address=one.address,
                held=one.held | (moves[one.address].tokens if one.address in moves else frozenset()),
                seen=one.seen,
            )
            for one in wallets
        ]
        return await read_wallets(self.chain, asked, at=head)

    def _check(self, whole_at: int | None = None) -> None:
        """Compare what is stored and not stale with what the chain holds; `whole_at` also what is not stored."""
        with self.store.read() as connection:
            read = progress.of_accounts(connection, self.addresses)
            shown = {account: portfolio(connection, account) for account in self.addresses}
        for account, address in self.addresses.items():
            at = read.get(account, {}).get(self.chain_id)
            if at is None or self.truth.by_hash(at.block.hash) is None:
                assert whole_at is None
                continue
            stored = {one.token: one.raw for one in shown[account].holdings if one.stale_since is None}
            held = self._held(address, at.block.number)
            assert stored == {token: held.get(token, 0) for token in stored}
            assert 0 not in stored.values()
            if whole_at is not None:
                stale = {one.token for one in shown[account].holdings if one.stale_since is not None}
                now = self._held(address, max(whole_at, at.block.number))
                assert {**now, checksummed(PAUSED[2:]): 0} == {**stored, checksummed(PAUSED[2:]): 0}, (stale, at)

    def _held(self, address: str, number: int) -> dict[str, int]:
        lower = address.lower()
        found = {token: self.truth.ledger.at((token, lower), number) for token in self.truth.tokens}
        return {checksummed(token[2:]): amount for token, amount in found.items() if amount}

    def teardown(self) -> None:
        if hasattr(self, "chain"):
            self.runner.run(self.chain.__aexit__(None, None, None))
        self.runner.close()
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def test_machine(sqlite_template: Path) -> None:
    """Any history of moves, reorganizations, lies and failures."""
    machine = type("Portfolios", (Portfolios,), {"template": sqlite_template})
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=20))


def test_rows_are_not_stale_where_the_chain_went_back_after_they_were_read(sqlite_template: Path) -> None:
    """What is known of a newer block than the one that is read now is known; found by the machine."""
    steps = type("Portfolios", (Portfolios,), {"template": sqlite_template})()
    steps.begin(seed=0, confirmations=2, chain_id=1)
    steps.all_are_synced(faults={})
    steps.all_are_synced(faults={0: {"revert": 1}})
    steps.those_that_moved_are_synced()
    steps.all_are_synced(faults={0: {"lag": 1}, 1: {"status": 502}})
    steps.those_that_moved_are_synced()
    steps.teardown()
