"""How wallets are brought up to date: each chain at one block, and the same wallet once for all of its users."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from syncline.clock import microseconds
from syncline.errors import ConfigurationError, DeferredError, RateLimitedError, SynclineError
from syncline.jobs.batches import failed
from syncline.jobs.verdict import AccountEnd
from syncline.jobs.work import Ended, Work
from syncline.kernel_settings import KernelSettings
from syncline.model.policies import Priority
from syncline.model.session import Status, Tally
from syncline.portfolios import holdings, tokens
from syncline.portfolios.chain import Chain
from syncline.portfolios.moves import Move, named
from syncline.portfolios.prices import Coin, Price
from syncline.portfolios.reading import ChainFailure, ChainRead, Reading, Wallet, read_wallets
from syncline.portfolios.upstreams import Upstreams, WalletSettings, opened
from syncline.store.engine import Store

__all__ = ["WalletSync", "connect"]

_Found = Reading | ChainFailure


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What was read of all wallets of a claim.

    Attributes:
        found: by chain: what was read of each wallet, or why the chain could not be read.
        prices: of what they hold.
        requests: how many requests it took.
    """

    found: Mapping[int, Mapping[str, Reading] | ChainFailure]
    prices: Mapping[Coin, Price]
    requests: int


@asynccontextmanager
async def connect(store: Store, kernel: KernelSettings, settings: WalletSettings) -> AsyncGenerator[WalletSync]:
    """What syncs wallets, with everything that it opens."""
    async with AsyncExitStack() as stack:
        yield WalletSync(store, kernel, settings, stack)


class WalletSync:
    """Reads wallets (a `syncline.jobs.work.AccountSync`)."""

    def __init__(self, store: Store, kernel: KernelSettings, settings: WalletSettings, stack: AsyncExitStack) -> None:
        """Open upstreams as they are needed, until `stack` is closed."""
        self._store, self._kernel, self._settings, self._stack = store, kernel, settings, stack
        self._upstreams: dict[Priority, Upstreams] = {}
        self._opening = asyncio.Lock()

    async def sync(self, works: Sequence[Work]) -> AsyncIterator[Ended]:
        """Read the wallets of `works`, those of one priority together, for the budgets are spent by priority."""
        for priority in Priority:
            group = [work for work in works if work.job.priority is priority]
            if not group:
                continue
            began = self._store.clock.now()
            read = await self._read(await self._open(priority), group)
            for work, share in zip(group, _shares(read.requests, len(group)), strict=True):
                yield self._ended(work, read, began, share)

    async def _open(self, priority: Priority) -> Upstreams:
        async with self._opening:
            found = self._upstreams.get(priority)
            if found is None:
                found = await opened(self._stack, self._store, self._kernel, self._settings, priority)
                self._upstreams[priority] = found
        return found

    async def _read(self, upstreams: Upstreams, works: Sequence[Work]) -> _Read:
        before = upstreams.requests
        wanted = {
            chain_id: [work for work in works if chain_id in self._followed(work)] for chain_id in upstreams.chains
        }
        asked = [(upstreams.chains[chain_id], those) for chain_id, those in wanted.items() if those]
        found = await asyncio.gather(*(self._read_chain(chain, those) for chain, those in asked))
        by_chain = {chain.chain_id: one for (chain, _), one in zip(asked, found, strict=True)}
        prices = await _prices(upstreams, by_chain)
        return _Read(found=by_chain, prices=prices, requests=upstreams.requests - before)

    def _followed(self, work: Work) -> frozenset[int]:
        """The chains that an account follows: all that are set, unless its user chose some."""
        chosen, there = _chosen_chains(work), frozenset(self._settings.chains)
        return there if chosen is None else there & chosen

    async def _read_chain(self, chain: Chain, works: Sequence[Work]) -> Mapping[str, Reading] | ChainFailure:
        try:
            wallets, known = await asyncio.to_thread(self._wallets, chain.chain_id, works)
            head = await chain.head()
            moves = await named(chain, wallets, until=head.ref)
            read = await read_wallets(chain, _with_named(wallets, moves), known=known, at=head)
        except SynclineError as error:
            return ChainFailure(chain_id=chain.chain_id, error=error, as_of=chain.clock.now())
        if read.facts:
            await asyncio.to_thread(self._remember, read)
        return _with_transfers(read.readings, wallets, moves)

    def _wallets(self, chain_id: int, works: Sequence[Work]) -> tuple[list[Wallet], frozenset[str]]:
        """The wallets as they are to be read, and the tokens of which it is known what they say of themselves."""
        addresses = {work.account.id: work.account.external_id for work in works}
        with self._store.read() as connection:
            found = holdings.wallets(connection, chain_id, addresses)
            chosen = [_chosen_tokens(work, chain_id) for work in works]
            asked = [
                Wallet(address=one.address, tokens=more, held=one.held, seen=one.seen)
                for one, more in zip(found, chosen, strict=True)
            ]
            everywhere = {*self._settings.chains[chain_id].tokens}
            names = everywhere.union(*(one.tokens | one.held for one in asked))
            return asked, frozenset(tokens.known(connection, chain_id, names))

    def _remember(self, read: ChainRead) -> None:
        now = self._store.clock.now()
        self._store.transact(partial(tokens.remember, chain_id=read.chain_id, facts=read.facts, now=now))

    def _ended(self, work: Work, read: _Read, began: datetime, requests: int) -> Ended:
        followed = self._followed(work)
        found = [_of_account(work, one) for chain_id, one in read.found.items() if chain_id in followed]
        lacking = (_chosen_chains(work) or frozenset()) - followed
        end = _end(work, found, lacking, span=(began, self._store.clock.now()), requests=requests)
        write = partial(self._write, work.account.id, found, read.prices, followed)
        return Ended(account=work.account, end=end, write=write)

    def _write(
        self,
        account_id: str,
        found: Sequence[_Found],
        prices: Mapping[Coin, Price],
        followed: frozenset[int],
        connection: Connection,
    ) -> Tally:
        now = self._store.now(connection)
        return holdings.store(connection, account_id, found, prices, followed=followed, now=now)


def _chosen_chains(work: Work) -> frozenset[int] | None:
    """The chains that the account's user chose; None: all that are set."""
    chosen: list[int] | None = work.account.settings.get("chains")
    return None if chosen is None else frozenset(chosen)


def _chosen_tokens(work: Work, chain_id: int) -> frozenset[str]:
    """The tokens that the account's user wants to be looked for on a chain."""
    chosen: dict[str, list[str]] = work.account.settings.get("tokens") or {}
    return frozenset(chosen.get(str(chain_id), ()))


def _with_named(wallets: Sequence[Wallet], moves: Mapping[str, Move]) -> list[Wallet]:
    """The wallets, with the tokens that transfers name since each was last read."""
    nothing = Move()
    return [replace(one, held=one.held | moves.get(one.address, nothing).tokens) for one in wallets]


def _with_transfers(
    readings: Mapping[str, Reading], wallets: Sequence[Wallet], moves: Mapping[str, Move]
) -> Mapping[str, Reading]:
    """The readings, with how often each wallet moved since it was read before; what a new one did before is no move."""
    known = {one.address for one in wallets if one.seen is not None} & moves.keys()
    return dict(readings) | {one: replace(readings[one], transfers=moves[one].transfers) for one in known}


async def _prices(
    upstreams: Upstreams, found: Mapping[int, Mapping[str, Reading] | ChainFailure]
) -> Mapping[Coin, Price]:
    """The prices of all that is held; where they cannot be asked for, those that are known stay."""
    if upstreams.prices is None:
        return {}
    held = {
        (chain_id, token)
        for chain_id, readings in found.items()
        if not isinstance(readings, ChainFailure)
        for reading in readings.values()
        for token, balance in reading.balances.items()
        if balance
    }
    return (await upstreams.prices.prices(held)).known if held else {}


def _of_account(work: Work, found: Mapping[str, Reading] | ChainFailure) -> _Found:
    return found if isinstance(found, ChainFailure) else found[work.account.external_id]


def _end(
    work: Work, found: Sequence[_Found], lacking: Iterable[int], *, span: tuple[datetime, datetime], requests: int
) -> AccountEnd:
    """What an account's sync came to: completed where all was read, failed where nothing was.

    `lacking` are chains that its user follows and nobody has set up; `span` is when it began and ended.
    """
    failures = [one for one in found if isinstance(one, ChainFailure)]
    began_us, ended_us = map(microseconds, span)
    if len(failures) == len(found):
        nothing = ConfigurationError("it follows no chain that is set up: choose others in the account's settings")
        error = _one_that_decides(failures).error if failures else nothing
        end = failed(work, error, began_us=began_us, ended_us=ended_us).end
        return replace(end, attention=None if failures else str(nothing), tally=Tally(requests=requests))
    reasons = [f"chain {chain_id} is not set up" for chain_id in sorted(lacking)]
    reasons += [f"chain {one.chain_id}: {one.error}" for one in failures]
    for one in found:
        if isinstance(one, Reading) and one.unknown:
            token, why = min(one.unknown.items())
            reasons.append(f"chain {one.chain_id}: {len(one.unknown)} balances unknown, such as of {token}: {why}")
    return AccountEnd(
        job=work.job,
        status=Status.PARTIAL if reasons else Status.COMPLETED,
        began_us=began_us,
        ended_us=ended_us,
        reason="; ".join(reasons) or None,
        tally=Tally(requests=requests),
        changes=sum(one.transfers for one in found if isinstance(one, Reading)),
    )


def _one_that_decides(failures: Sequence[ChainFailure]) -> ChainFailure:
    """Of chains none of which could be read, the one whose error says what becomes of the job.

    A real failure is tried again and counted; only where all of them ask to wait is the job deferred.
    """
    real = [one for one in failures if not isinstance(one.error, DeferredError | RateLimitedError)]
    return (real or list(failures))[0]


def _shares(requests: int, among: int) -> Iterable[int]:
    """How many requests each account is said to have taken, so that they add up."""
    each, more = divmod(requests, among)
    return (each + (place < more) for place in range(among))
