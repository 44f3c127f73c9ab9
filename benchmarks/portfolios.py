"""What a sweep over many wallets asks of a chain's node, and what storing their holdings costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import sandbox
from benchmarks.databases import Databases
from benchmarks.goals import Goal
from syncline.portfolios import holdings
from syncline.portfolios.address import checksummed
from syncline.portfolios.chain import Chain
from syncline.portfolios.moves import LastRead, scan
from syncline.portfolios.reading import Reading, Wallet, read_wallets
from syncline.portfolios.settings import ChainSettings
from syncline.portfolios.tables import NATIVE
from syncline.settings import Settings
from syncline.store import schema
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget

__all__ = ["PortfoliosReport", "measure_portfolios", "portfolios_table"]

_TOKENS = 50
_CHAIN = 1
_GOAL_FULL, _GOAL_MOVES = 0.03, 0.004


class Sweep(msgspec.Struct, kw_only=True):
    """One way of sweeping.

    Attributes:
        way: what was done.
        requests: sent to the node, without the three that find out what it can do.
        calls: what a provider bills: each call of a batch.
        requests_a_wallet: the quotient.
    """

    way: str
    requests: int
    calls: int
    requests_a_wallet: float


class Stored(msgspec.Struct, kw_only=True):
    """Storing what was read of each wallet, each in a transaction of its own.

    Attributes:
        database: its kind.
        made_ms: the CPU time of this process for a wallet that is new, in milliseconds.
        same_ms: the same where nothing changed.
    """

    database: str
    made_ms: float
    same_ms: float


class PortfoliosReport(msgspec.Struct, kw_only=True):
    """The key `portfolios` of results.json.

    Attributes:
        wallets: how many.
        tokens: how many are looked for in each, beside its coins.
    """

    wallets: int
    tokens: int
    sweeps: list[Sweep]
    stored: list[Stored]
    goals: list[Goal]
    date: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def measure_portfolios(folder: Path, databases: Databases, wallets: int) -> PortfoliosReport:
    """Sweep `wallets` of a simulated chain in all ways."""
    store = Store(f"sqlite:///{folder / 'budgets.db'}")
    schema.upgrade(store)
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, wallets=wallets) as box:
        box.evm[_CHAIN].settings = box.evm[_CHAIN].settings.changed(
            {"most_subcalls": 10_000, "calls_limit": 10_000_000}
        )
        sweeps, readings = asyncio.run(_swept(box, store))
    store.close()
    by_way = {one.way: one.requests_a_wallet for one in sweeps}
    goals = [
        Goal(
            what="requests a wallet, all balances by Multicall3",
            measured=by_way["multicall"],
            bound=_GOAL_FULL,
            at_most=True,
        ),
        Goal(what="requests a wallet, who moved", measured=by_way["moves"], bound=_GOAL_MOVES, at_most=True),
    ]
    stored = [_stored(kind, databases, readings) for kind in databases.kinds]
    return PortfoliosReport(wallets=wallets, tokens=_TOKENS, sweeps=sweeps, stored=stored, goals=goals)


async def _swept(box: sandbox.Box, store: Store) -> tuple[list[Sweep], Sequence[Reading]]:
    addresses = [checksummed(wallet[2:]) for wallet in box.evm.wallets]
    wallets = [Wallet(address=address) for address in addresses]
    async with _chain(box, store) as chain:
        await chain.head()
        before = _asked(box)
        found = await read_wallets(chain, wallets)
        sweeps = [_sweep("multicall", box, before, len(wallets))]
        box.evm[_CHAIN].chain.mine(10)
        coins = {one: LastRead(coins=found.readings[one].balances[NATIVE]) for one in addresses}
        before = _asked(box)
        await scan(chain, coins, since=found.block)
        sweeps.append(_sweep("moves", box, before, len(wallets)))
    async with _chain(box, store, multicall="") as chain:
        await chain.head()
        before = _asked(box)
        await read_wallets(chain, wallets[: max(1, len(wallets) // 10)])
        sweeps.append(_sweep("batches", box, before, max(1, len(wallets) // 10)))
    return sweeps, list(found.readings.values())


def _chain(box: sandbox.Box, store: Store, **given: str) -> Chain:
    """The simulated chain, with its own tokens and as many others as make 50."""
    named = list(box.evm[_CHAIN].chain.tokens)
    others = [f"0x{number:040x}" for number in range(1, _TOKENS)]
    tokens = [token for token in named + others if token != NATIVE][:_TOKENS]
    settings = ChainSettings.model_validate(
        {"rpc_url": f"{box.url}/evm/{_CHAIN}", "tokens": tokens, "calls_per_second": 1_000_000, **given}
    )
    budget = RequestBudget(gate=Budgets(store))
    return Chain(_CHAIN, settings, Settings(), budget=budget)


def _asked(box: sandbox.Box) -> tuple[int, int]:
    """How many requests and how many calls came so far."""
    return box.requests.count(), sum(box.evm[_CHAIN].calls.values())


def _sweep(way: str, box: sandbox.Box, before: tuple[int, int], wallets: int) -> Sweep:
    requests, calls = (now - then for now, then in zip(_asked(box), before, strict=True))
    return Sweep(way=way, requests=requests, calls=calls, requests_a_wallet=round(requests / wallets, 5))


def _stored(kind: str, databases: Databases, readings: Sequence[Reading]) -> Stored:
    database, _folder = databases.new(kind, migrated=True)
    store = Store(database.url)
    made, same = (_store_all(store, readings) for _ in range(2))
    store.close()
    databases.drop(database)
    return Stored(database=kind, made_ms=made, same_ms=same)


def _store_all(store: Store, readings: Sequence[Reading]) -> float:
    began = time.process_time()
    for number, reading in enumerate(readings):
        with store.write() as connection:
            holdings.store(connection, f"acc_{number}", [reading], {}, followed=[_CHAIN], now=reading.as_of)
    return round((time.process_time() - began) / len(readings) * 1_000, 2)


def portfolios_table(report: PortfoliosReport) -> str:
    """The report in Markdown."""
    lines = [f"{report.date}: {report.wallets:,} wallets, {report.tokens} tokens each", ""]
    lines += ["| sweep | requests | calls | requests a wallet |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {one.way} | {one.requests:,} | {one.calls:,} | {one.requests_a_wallet:.4f} |" for one in report.sweeps
    ]
    lines += ["", "| holdings stored | new, CPU ms | unchanged, CPU ms |", "| --- | ---: | ---: |"]
    lines += [f"| {one.database} | {one.made_ms:.2f} | {one.same_ms:.2f} |" for one in report.stored]
    lines.append("")
    for goal in report.goals:
        lines.append(f"{goal.what}: {goal.measured:.4f} of {goal.bound:g}{'' if goal.met else ': not met'}")
    return "\n".join(lines)
