from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from threading import RLock
from typing import Any

import msgspec

from sandbox.clock import Clock, utc_now
from sandbox.dice import dice
from sandbox.evm.address import checksummed
from sandbox.evm.tokens import TOKENS, Token
from sandbox.prices.settings import Settings
from sandbox.windows import Window

PLATFORMS: Mapping[str, int] = {"ethereum": 1, "base": 8453}
"""What both APIs call the chains."""
MADE_UP = "0x5a11d"
"""Tokens whose addresses begin so are rarely traded: their prices are minutes old."""
LARGEST_STEP = 80
"""A price moves by up to so many ten-thousandths at once."""
DIGITS = 12


@dataclass(kw_only=True)
class Quote:
    """The price of one token, or of a coin on all its chains."""

    token: Token
    price: Decimal
    """US dollars."""
    time: int
    """Seconds since 1970, when it was traded last."""

    @property
    def is_rare(self) -> bool:
        """Whether it is rarely traded."""
        return self.token.address.startswith(MADE_UP)


class Prices:
    """What tokens cost; the same for the same seed, until it is changed.

    Attributes:
        windows: what each of the two APIs admitted, by name.
        asked: how often each coin was asked for, as it was named.
    """

    def __init__(self, *, seed: int, clock: Clock = utc_now) -> None:
        self.lock = RLock()
        self.clock = clock
        self.settings = Settings()
        self.windows: dict[str, Window] = {}
        self.asked: dict[str, int] = {}
        self._changes = dice(seed, "prices")
        now = int(clock().timestamp())
        self.coins: dict[str, Quote] = {}
        """By the coin's name."""
        self.tokens: dict[tuple[int, str], Quote] = {}
        """By chain and address in lower case; the chain's own coin stands at the zero address."""
        for chain_id, tokens in TOKENS.items():
            for token in tokens:
                if token.price is not None:
                    self._list(chain_id, Quote(token=token, price=Decimal(token.price), time=now))
        self.forget()

    def _list(self, chain_id: int, quote: Quote) -> None:
        name = quote.token.coin
        known = quote if name is None else self.coins.setdefault(name, quote)
        self.tokens[chain_id, quote.token.address] = known

    def admits(self, name: str) -> bool:
        """Whether the window of an API has room for one more request, which then is counted."""
        settings = self.settings
        return self.windows[name].take(self.clock(), limit=settings.per_window, seconds=settings.window_seconds)

    def wait_seconds(self, name: str) -> int:
        """In how many seconds an API that refuses admits again."""
        return max(1, self.windows[name].left_seconds(self.clock(), self.settings.window_seconds))

    def forget(self) -> None:
        """Forget what was asked for, and what the windows admitted."""
        self.windows = {"coingecko": Window(), "llama": Window()}
        self.asked = {}

    def note(self, names: list[str]) -> None:
        """Put on record what a request asks for."""
        for name in names:
            self.asked[name] = self.asked.get(name, 0) + 1

    def set(self, chain_id: int, address: str, price: Decimal) -> None:
        """Have a token cost this from now on; raises KeyError for one of which no price is known."""
        with self.lock:
            quote = self.tokens[chain_id, address.lower()]
            quote.price, quote.time = price, int(self.clock().timestamp())

    def tick(self) -> None:
        """What a little time brings: most prices move, those of tokens that are rarely traded seldom."""
        with self.lock:
            now = int(self.clock().timestamp())
            for quote in {id(one): one for one in self.tokens.values()}.values():
                if quote.is_rare and self._changes.randrange(30):
                    continue
                step = 10_000 + self._changes.randint(-LARGEST_STEP, LARGEST_STEP)
                moved = quote.price * step / 10_000
                quote.price = Decimal(f"{moved:.{DIGITS - 1}e}")
                quote.time = now

    def state(self) -> dict[str, Any]:
        """What `GET /sandbox/prices` shows."""
        with self.lock:
            shown = [
                {"chain_id": chain_id, "address": checksummed(address), "price": f"{quote.price:f}", "time": quote.time}
                for (chain_id, address), quote in self.tokens.items()
            ]
            windows = {name: msgspec.to_builtins(window) for name, window in self.windows.items()}
            settings = msgspec.to_builtins(self.settings)
            return {"settings": settings, "windows": windows, "asked": dict(self.asked), "prices": shown}
