"""Prices of many tokens: those that are stored while they are fresh, else asked for, in few requests.

A price API that fails never fails a portfolio: the last price stays, with its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from syncline.errors import BudgetSpentError, RefusedError, RejectedError, UpstreamError
from syncline.portfolios import prices_stored
from syncline.portfolios.prices import Coin, Price, Quoted, UnfitPriceError, believed
from syncline.portfolios.prices_client import UPSTREAM
from syncline.portfolios.prices_settings import PriceSettings, price_setting
from syncline.portfolios.prices_shapes import names_of, quotes_in, shape_of
from syncline.portfolios.tables import TokenPrice
from syncline.store.engine import Store
from syncline.upstreams.client import UpstreamClient

__all__ = ["PriceBook", "Priced"]

_TOO_LARGE = frozenset({400, 413, 414})
"""Statuses by which an API may mean that a request names too many coins."""
_QUIET = timedelta(seconds=60)
"""An API that failed is not asked again for so long, by this process at this priority."""
_EVERYTHING = "*"
_SHOWN = 60
"""So much of a path stands in messages: DefiLlama's name all coins."""


@dataclass(frozen=True, kw_only=True)
class Priced:
    """What is known of the prices of some coins.

    Attributes:
        known: the newest price of each that has one, with its time, which may be long ago.
        refused: why what the API told now of a coin is not believed, or why it could not be asked.
        failure: why the API could not be asked for all that was due; None: it could.
        requests: how many were sent.
    """

    known: Mapping[Coin, Price]
    refused: Mapping[Coin, str] = field(default_factory=dict[Coin, str])
    failure: str | None = None
    requests: int = 0


@dataclass(kw_only=True)
class _Asking:
    """What came of asking so far.

    Attributes:
        lone: how many requests for a single coin were rejected.
    """

    refused: dict[Coin, str] = field(default_factory=dict[Coin, str])
    failure: str | None = None
    requests: int = 0
    answers: int = 0
    lone: int = 0


def _key_hint(error: RefusedError) -> str:
    names = f"SYNCLINE_UPSTREAMS__{UPSTREAM.upper()}__TOKEN and {price_setting('key_header')}"
    return f"the price API refuses us ({error.status}): check {names}"


class PriceBook:
    """Tells prices, to one caller at a time, so that accounts that need the same token ask for it once.

    Make one for each priority: callers wait for each other, also while the budget is short.
    """

    def __init__(self, store: Store, client: UpstreamClient, settings: PriceSettings) -> None:
        """Keep prices in `store`, and ask for them by `client`, as the settings say."""
        self._store = store
        self._client = client
        self._settings = settings
        self._shape = shape_of(settings, client.origin)
        self._size = settings.coins_per_request
        self._quiet: dict[str, tuple[datetime, str]] = {}
        self._turn = asyncio.Lock()

    async def prices(self, wanted: Iterable[Coin]) -> Priced:
        """The newest prices of these coins; the API is asked for those that are too old."""
        coins, asking = sorted(set(wanted)), _Asking()
        async with self._turn:
            stored = await asyncio.to_thread(self._read, coins)
            due = [coin for coin in coins if self._is_due(stored.get(coin))]
            await self._ask(due, asking)
            if asking.answers or asking.lone:
                stored = await asyncio.to_thread(self._read, coins)
        known = {coin: price for coin in coins if (price := prices_stored.price_in(stored.get(coin))) is not None}
        return Priced(known=known, refused=asking.refused, failure=asking.failure, requests=asking.requests)

    def _is_due(self, row: TokenPrice | None) -> bool:
        """Whether a coin was never asked for, or so long ago that it is worth a request."""
        if row is None:
            return True
        settings = self._settings
        age = settings.unknown_age_seconds if row.price is None else settings.max_age_seconds
        return self._store.clock.now() - row.fetched_at >= timedelta(seconds=age)

    async def _ask(self, due: list[Coin], asking: _Asking) -> None:
        """Ask for all that is due, group by group; a group that the API rejects leaves the others."""
        names, asking.refused = names_of(self._shape, due)
        for group, coins in names.items():
            if (quiet := self._quiet_of(group)) is not None:
                asking.failure = quiet
                continue
            try:
                await self._ask_group(group, coins, asking)
            except RejectedError as error:
                self._fail(group, error, asking)
            except UpstreamError as error:
                self._fail(_EVERYTHING, error, asking)
            except BudgetSpentError as error:
                asking.failure = str(error)
                return

    def _quiet_of(self, group: str) -> str | None:
        """Why the API is not asked for a group now."""
        now, found = self._store.clock.now(), (self._quiet.get(name) for name in (_EVERYTHING, group))
        return next((said for until, said in filter(None, found) if now < until), None)

    def _fail(self, group: str, error: UpstreamError, asking: _Asking) -> None:
        asking.failure = str(error) if not isinstance(error, RefusedError) else _key_hint(error)
        self._quiet[group] = (self._store.clock.now() + _QUIET, asking.failure)

    async def _ask_group(self, group: str, coins: Mapping[str, list[Coin]], asking: _Asking) -> None:
        """Ask for the coins of a group, in smaller parts where the API finds them too many."""
        left = list(coins)
        while left:
            part = left[: self._size]
            request = self._shape.request(group, part)
            asking.requests += 1
            try:
                answer = await self._client.send(request)
            except RejectedError as error:
                if error.status not in _TOO_LARGE:
                    raise
                if len(part) > 1:
                    self._size = len(part) // 2
                    continue
                self._set_aside(coins[part[0]], error, asking, is_last=len(left) == 1)
                quotes: Mapping[str, Quoted] = {}
            else:
                quotes = quotes_in(self._shape, answer, upstream=UPSTREAM, path=request.path[:_SHOWN])
                asking.answers += 1
            await asyncio.to_thread(self._keep, {name: coins[name] for name in part}, quotes, asking)
            left = left[len(part) :]

    def _set_aside(self, coins: list[Coin], error: RejectedError, asking: _Asking, *, is_last: bool) -> None:
        """Go on without a coin that is rejected alone, and in larger parts again; raise where all are."""
        asking.lone += 1
        if not asking.answers and (asking.lone > 1 or is_last):
            raise error
        self._size = self._settings.coins_per_request
        asking.refused |= dict.fromkeys(coins, f"the price API rejects it ({error.status})")

    def _read(self, coins: list[Coin]) -> dict[Coin, TokenPrice]:
        with self._store.read() as connection:
            return prices_stored.read(connection, coins)

    def _keep(self, asked: Mapping[str, list[Coin]], quotes: Mapping[str, Quoted], asking: _Asking) -> None:
        """Store what an answer tells of the coins that were asked for, of which it may leave some out."""
        now, told = self._store.clock.now(), dict[Coin, Price]()
        for name, coins in asked.items():
            if name not in quotes:
                continue
            try:
                price = believed(quotes[name], now=now, least_confidence=self._settings.least_confidence)
            except UnfitPriceError as error:
                asking.refused |= dict.fromkeys(coins, str(error))
            else:
                told |= dict.fromkeys(coins, price)
        untold = [coin for coins in asked.values() for coin in coins if coin not in told]
        forget = now - timedelta(days=self._settings.forget_days)
        save = partial(prices_stored.save, told=told, untold=untold, now=now, forget=forget)
        self._store.transact(save, durable=False)
