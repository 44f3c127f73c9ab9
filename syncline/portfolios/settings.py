"""What is set for portfolios: the chains that are read, and where their nodes are."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from syncline.errors import ConfigurationError
from syncline.portfolios.address import checked

__all__ = ["MULTICALL3", "ChainSettings", "PortfolioSettings", "chain_setting"]

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
"""Where Multicall3 stands on nearly all chains."""


def _listed(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the environment
    """A list that was written as JSON, or with commas or spaces between its parts."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else value.replace(",", " ").split()


class ChainSettings(BaseModel):
    """One chain: `SYNCLINE_CHAINS__ID__…`, where ID is the number that its node says at `eth_chainId`."""

    rpc_url: SecretStr
    """Its node's JSON-RPC over HTTP; a key in it is never shown."""
    multicall: str = MULTICALL3
    """The address of its Multicall3; empty: it has none, and its balances are asked for one by one, in batches."""
    confirmations: int = Field(default=0, ge=0, le=10_000)
    """How many blocks below the newest one are read: deeper blocks are replaced more rarely."""
    tokens: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Tokens that are looked for in every wallet, beside those that its transfers name."""
    log_blocks: int = Field(default=2_000, ge=1)
    """How many blocks are searched for transfers with one request, at most."""
    lookback_blocks: int = Field(default=10_000, ge=0)
    """How far back a new wallet's transfers are searched for its tokens."""
    batch_calls: int = Field(default=100, ge=1, le=10_000)
    """How many calls one batch holds, at most; 1: the node takes no batches."""
    multicall_calls: int = Field(default=2_000, ge=1, le=100_000)
    """How many balances one call of Multicall3 reads, at most: 39 wallets with 50 tokens and their coins."""
    calls_per_second: float = Field(default=20, gt=0)
    """How many calls the node's provider lets us make in a second; each of a batch counts."""
    calls_per_day: int | None = Field(default=None, ge=1)
    """The same for 24 hours; unset: any number."""

    @field_validator("multicall")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value) if value.strip() else ""

    @field_validator("tokens")
    @classmethod
    def _are_addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_address(value) for value in values))

    @field_validator("rpc_url")
    @classmethod
    def _is_url(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value


class PortfolioSettings(BaseModel):
    """A part of `syncline.settings.Settings`, which reads it."""

    chains: dict[Annotated[int, Field(ge=1)], ChainSettings] = Field(default_factory=dict[int, ChainSettings])
    """The chains that are read, by their number."""


def chain_setting(chain_id: int, field: str) -> str:
    """The variable that sets a chain's `field`."""
    return f"SYNCLINE_CHAINS__{chain_id}__{field.upper()}"


def _address(value: str) -> str:
    try:
        return checked(value, what="an address")
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
