"""The tokens of the simulated chains: some that every wallet page shows, and some that do not keep to the standard."""

from dataclasses import dataclass
from typing import Literal

from sandbox.evm.address import ZERO

Quirk = Literal["bytes32", "no_symbol", "lying_decimals", "garbled", "paused"]
"""How a token differs from ERC-20: its symbol is a bytes32 (as MKR's is), there is none, it says that it has 255
decimals, its symbol is no valid UTF-8, or asking for a balance is reverted."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """One token of one chain; the chain's own coin is one as well, at the zero address."""

    address: str
    """In lower case."""
    symbol: str
    decimals: int
    price: str | None
    """US dollars at the start; None: no price API knows it."""
    quirk: Quirk | None = None
    coin: str | None = None
    """What price APIs call the coin of all chains that it stands for."""

    @property
    def is_native(self) -> bool:
        """Whether it is the chain's own coin."""
        return self.address == ZERO


def _token(
    address: str, symbol: str, decimals: int, price: str | None, quirk: Quirk | None = None, *, coin: str | None = None
) -> Token:
    return Token(
        address=address.lower(), symbol=symbol, decimals=decimals, price=price, quirk=quirk, coin=coin
    )  # fmt: skip


TOKENS = {
    1: (
        _token(ZERO, "ETH", 18, "3120.55", coin="ethereum"),
        _token("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USDC", 6, "0.999871"),
        _token("0xdAC17F958D2ee523a2206206994597C13D831ec7", "USDT", 6, "1.00043"),
        _token("0x6B175474E89094C44Da98b954EedeAC495271d0F", "DAI", 18, "0.99991200000000001"),
        _token("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "WETH", 18, "3119.98"),
        _token("0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599", "WBTC", 8, "64250.5"),
        _token("0x514910771AF9Ca656af840dff83E8264EcF986CA", "LINK", 18, "14.2237"),
        _token("0x95aD61b0a150d79219dCF64E1E6Cc01f0B64C4cE", "SHIB", 18, "0.0000174231"),
        _token("0x9f8F72aA9304c8B593d555F12eF6589cC3A579A2", "MKR", 18, "2410.17", "bytes32"),
        _token("0x5a11d00000000000000000000000000000000a01", "", 18, "0.42", "no_symbol"),
        _token("0x5a11d00000000000000000000000000000000a02", "LIAR", 18, "1.5", "lying_decimals"),
        _token("0x5a11d00000000000000000000000000000000a03", "GRBL", 9, None, "garbled"),
        _token("0x5a11d00000000000000000000000000000000a04", "PAUSE", 18, "7.25", "paused"),
        _token("0x5a11d00000000000000000000000000000000a05", "NOPRICE", 0, None),
    ),
    8453: (
        _token(ZERO, "ETH", 18, "3120.55", coin="ethereum"),
        _token("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USDC", 6, "0.999871"),
        _token("0x4200000000000000000000000000000000000006", "WETH", 18, "3119.98"),
        _token("0x50c5725949A6F0c72E6C4a641F24049A917DB0Cb", "DAI", 18, "0.99991200000000001"),
        _token("0x2Ae3F1Ec7F1F5012CFEab0185bfc7aa3cf0DEc22", "cbETH", 18, "3380.02"),
        _token("0x5a11d00000000000000000000000000000000b01", "BNOPRICE", 18, None),
    ),
}
"""By chain id. Those that are well known stand where they really do; those of 0x5a11d… are made up."""
