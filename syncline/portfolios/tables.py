"""What is stored of wallets, of tokens and of prices."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from syncline.model.columns import BigInt, KeyText, NumberText
from syncline.model.row import Row

__all__ = ["NATIVE", "EvmToken", "Holding", "TokenPrice"]

NATIVE = "0x0000000000000000000000000000000000000000"
"""The token that stands for a chain's own coin."""


class Holding(Row, table=True):
    """How much of a token an account has on a chain, as of a block; there is no row where it has none."""

    __tablename__ = "holdings"

    account_id: str = Field(primary_key=True, sa_type=KeyText)
    chain_id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    token: str = Field(primary_key=True, sa_type=KeyText)
    """The contract's address with EIP-55's checksum; `NATIVE` for the chain's coin."""
    raw: str = Field(sa_type=NumberText)
    """In the token's smallest unit: a whole number of up to 256 bits, digit for digit."""
    decimals: int | None = None
    """None where the contract says nothing that can be believed."""
    symbol: str | None = None
    price: str | None = Field(default=None, sa_type=NumberText)
    """In US dollars, for one of the token; None where it is not known."""
    price_as_of: datetime | None = None
    """The instant for which the provider says the price."""
    value: str | None = Field(default=None, sa_type=NumberText)
    """`raw` times `price`, in US dollars, exactly."""
    block_number: int = Field(sa_type=BigInt)
    block_hash: str
    as_of: datetime
    """When what stands here was read. An unchanged row is not written again: up to when the chain was read says its
    checkpoint (`progress.py`)."""
    stale_since: datetime | None = None
    """Since when it could not be read: the row is the last that is known."""


class EvmToken(Row, table=True):
    """What a token's contract says of itself; read once for all wallets."""

    __tablename__ = "evm_tokens"

    chain_id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    token: str = Field(primary_key=True, sa_type=KeyText)
    decimals: int | None = None
    symbol: str | None = None
    unfit: str | None = None
    """Why what it says of its decimals or symbol is not believed."""
    read_at: datetime


class TokenPrice(Row, table=True):
    """The newest price of a token, for all accounts."""

    __tablename__ = "token_prices"

    chain_id: int = Field(primary_key=True, sa_type=BigInt, sa_column_kwargs={"autoincrement": False})
    token: str = Field(primary_key=True, sa_type=KeyText)
    price: str | None = Field(default=None, sa_type=NumberText)
    """In US dollars, digit for digit; None: the provider knows none."""
    as_of: datetime | None = None
    """The instant for which the provider says it."""
    fetched_at: datetime
    """When it was last asked for with an answer."""
