"""A portfolio as JSON, the same from the command and from the API: amounts and prices as text, digit for digit."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from syncline.portfolios.portfolio import ChainState, Portfolio, TokenHeld, rounded
from syncline.portfolios.tables import NATIVE
from syncline.status.source_json import Instant

__all__ = ["PortfolioJson", "portfolio_json"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class HoldingJson(_Part):
    """How much of one token a wallet holds."""

    chain_id: int
    token: str = Field(description="the contract's address; of the chain's own coin the zero address")
    native: bool = Field(description="whether it is the chain's own coin")
    symbol: str | None
    raw: str = Field(description="in the token's smallest unit")
    amount: str | None = Field(description="in whole tokens, exactly; null if the decimals are not known")
    price_usd: str | None
    price_as_of: Instant | None
    value_usd: str | None = Field(description="to the cent; null if the price or the decimals are not known")
    as_of: Instant = Field(description="when it was last read")
    stale_since: Instant | None = Field(description="since when it could not be read; this is the last that is known")


class ChainJson(_Part):
    """How up to date one chain is."""

    chain_id: int
    block_number: int
    block_hash: str
    as_of: Instant
    stale_since: Instant | None


class PortfolioJson(_Part):
    """All that an account holds, the most valuable first."""

    account_id: str
    total_usd: str = Field(description="what all is worth of which the value is known, to the cent")
    without_value: int = Field(description="how many holdings have no known value")
    stale_since: Instant | None = Field(description="since when some of it could not be read; null: all is up to date")
    holdings: list[HoldingJson]
    chains: list[ChainJson] = Field(description="as of which block each chain was read")


def portfolio_json(found: Portfolio) -> PortfolioJson:
    """The portfolio."""
    stale = [chain.stale_since for chain in found.chains if chain.stale_since is not None]
    stale += [one.stale_since for one in found.holdings if one.stale_since is not None]
    return PortfolioJson(
        account_id=found.account_id,
        total_usd=_plain(rounded(found.total)),
        without_value=sum(one.value is None for one in found.holdings),
        stale_since=min(stale, default=None),
        holdings=[_holding(one) for one in found.holdings],
        chains=[_chain(one) for one in found.chains],
    )


def _holding(one: TokenHeld) -> HoldingJson:
    return HoldingJson(
        chain_id=one.chain_id,
        token=one.token,
        native=one.token == NATIVE,
        symbol=one.symbol,
        raw=str(one.raw),
        amount=None if one.amount is None else _plain(one.amount),
        price_usd=None if one.price is None else _plain(one.price),
        price_as_of=one.price_as_of,
        value_usd=None if one.value is None else _plain(rounded(one.value)),
        as_of=one.as_of,
        stale_since=one.stale_since,
    )


def _chain(one: ChainState) -> ChainJson:
    return ChainJson(
        chain_id=one.chain_id,
        block_number=one.block_number,
        block_hash=one.block_hash,
        as_of=one.as_of,
        stale_since=one.stale_since,
    )


def _plain(value: Decimal) -> str:
    """All digits, never with an exponent."""
    return f"{value:f}"
