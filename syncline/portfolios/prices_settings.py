"""What is set for prices: whose API it is, how much of it may be used, and what it calls the chains."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, Field

__all__ = ["COINS", "PLATFORMS", "PriceSettings", "Shape", "WithPrices", "price_setting"]

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class Shape(StrEnum):
    """Whose API it is, or whose it is like."""

    COINGECKO = "coingecko"
    """https://api.coingecko.com: a request for each chain, and one for the chains' own coins."""
    DEFILLAMA = "defillama"
    """https://coins.llama.fi: all chains in one request, each price with a confidence."""


PLATFORMS: Mapping[Shape, Mapping[int, str]] = MappingProxyType({
    Shape.COINGECKO: {
        1: "ethereum", 10: "optimistic-ethereum", 56: "binance-smart-chain", 100: "xdai", 137: "polygon-pos",
        324: "zksync", 5000: "mantle", 8453: "base", 42161: "arbitrum-one", 43114: "avalanche", 59144: "linea",
        81457: "blast", 534352: "scroll",
    },
    Shape.DEFILLAMA: {
        1: "ethereum", 10: "optimism", 56: "bsc", 100: "xdai", 137: "polygon", 324: "era", 5000: "mantle", 8453: "base",
        42161: "arbitrum", 43114: "avax", 59144: "linea", 81457: "blast", 534352: "scroll",
    },
})  # fmt: skip
"""What each API calls a chain, by the chain's id; `SYNCLINE_PRICES__PLATFORMS` adds to it."""
COINS: Mapping[int, str] = MappingProxyType({
    1: "ethereum", 10: "ethereum", 56: "binancecoin", 100: "xdai", 137: "polygon-ecosystem-token", 324: "ethereum",
    5000: "mantle", 8453: "ethereum", 42161: "ethereum", 43114: "avalanche-2", 59144: "ethereum", 81457: "ethereum",
    534352: "ethereum",
})  # fmt: skip
"""CoinGecko's id of each chain's own coin, which DefiLlama knows too; `SYNCLINE_PRICES__COINS` adds to it."""


class PriceSettings(BaseModel):
    """The price API at `SYNCLINE_UPSTREAMS__PRICES__BASE_URL`: `SYNCLINE_PRICES__…`."""

    shape: Shape = Shape.COINGECKO
    requests_per_minute: int = Field(default=30, ge=1, le=100_000)
    """What the API's plan allows; one budget for all users and processes."""
    coins_per_request: int = Field(default=100, ge=1, le=500)
    """Some plans of CoinGecko's allow 1."""
    max_age_seconds: float = Field(default=300, gt=0)
    """A price is asked for again after so long."""
    unknown_age_seconds: float = Field(default=21_600, gt=0)
    """A token of which the API knew no price is asked for again after so long."""
    forget_days: float = Field(default=7, gt=0)
    """The last price of a token of which the API says nothing any more is kept until it is so old."""
    least_confidence: float = Field(default=0.5, ge=0, le=1)
    """DefiLlama's prices with less confidence are not believed."""
    key_header: _Name = "x-cg-demo-api-key"
    """The header that carries `SYNCLINE_UPSTREAMS__PRICES__TOKEN`; CoinGecko's paid plans want `x-cg-pro-api-key`."""
    platforms: dict[int, _Name] = Field(default_factory=dict[int, str])
    """What the API calls a chain, by the chain's id; in addition to those that are known."""
    coins: dict[int, _Name] = Field(default_factory=dict[int, str])
    """CoinGecko's id of a chain's own coin, by the chain's id; in addition to those that are known."""

    def platform(self, chain_id: int) -> str | None:
        """What the API calls the chain; None where that is not known."""
        return self.platforms.get(chain_id) or PLATFORMS[self.shape].get(chain_id)

    def coin(self, chain_id: int) -> str | None:
        """CoinGecko's id of the chain's own coin; None where that is not known."""
        return self.coins.get(chain_id) or COINS.get(chain_id)


class WithPrices(BaseModel):
    """A part of `syncline.settings.Settings`, which reads it."""

    prices: PriceSettings = PriceSettings()
    """Where prices come from, and how fresh they are."""


def price_setting(field: str) -> str:
    """The variable that sets `field`."""
    return f"SYNCLINE_PRICES__{field.upper()}"
