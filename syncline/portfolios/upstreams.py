"""What wallets are read from: the nodes of the chains and the price API, opened once for each priority."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from syncline.kernel_settings import KernelSettings
from syncline.model.policies import Priority
from syncline.portfolios.chain import Chain
from syncline.portfolios.prices_book import PriceBook
from syncline.portfolios.prices_client import UPSTREAM, price_client
from syncline.portfolios.prices_settings import PriceSettings
from syncline.portfolios.settings import ChainSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget

__all__ = ["Upstreams", "WalletSettings", "opened"]

_PATIENCE_SECONDS: Mapping[Priority, float] = {Priority.HIGH: 30, Priority.NORMAL: 15, Priority.LOW: 5}
"""How long a request waits for its budget; then its accounts are deferred, and their places free for others."""


class WalletSettings(Protocol):
    """The settings that portfolios need, beside the kernel's."""

    @property
    def chains(self) -> Mapping[int, ChainSettings]:
        """The chains by number."""
        ...

    @property
    def prices(self) -> PriceSettings:
        """Where prices come from."""
        ...


@dataclass(frozen=True, kw_only=True)
class Upstreams:
    """What is asked at one priority.

    Attributes:
        chains: the chains by number.
        prices: tells prices; None: no price API is set, and nothing has a value.
    """

    chains: Mapping[int, Chain]
    prices: PriceBook | None

    @property
    def requests(self) -> int:
        """How many requests were sent to chains so far."""
        return sum(chain.requests for chain in self.chains.values())


async def opened(
    stack: AsyncExitStack, store: Store, kernel: KernelSettings, settings: WalletSettings, priority: Priority
) -> Upstreams:
    """Open everything at this priority, until `stack` is closed.

    The budgets are shared with all processes, and spent by priority: a sync by hand goes before a sweep.
    """
    budget = RequestBudget(gate=Budgets(store), priority=priority, patience_seconds=_PATIENCE_SECONDS[priority])
    chains: dict[int, Chain] = {}
    for chain_id, given in settings.chains.items():
        chain = Chain(chain_id, given, kernel, budget=budget, clock=store.clock)
        chains[chain_id] = await stack.enter_async_context(chain)
    if kernel.missing(UPSTREAM) is not None:
        return Upstreams(chains=chains, prices=None)
    client = price_client(kernel, settings.prices, budget=budget, clock=store.clock)
    book = PriceBook(store, await stack.enter_async_context(client), settings.prices)
    return Upstreams(chains=chains, prices=book)
