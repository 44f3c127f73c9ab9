"""An account's portfolio as it is shown: what it holds, what that is worth, as of when, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from syncline.portfolios import progress
from syncline.portfolios.progress import Progress
from syncline.portfolios.tables import Holding

__all__ = ["ChainState", "Portfolio", "TokenHeld", "portfolio", "rounded"]

_EXACT = Context(prec=500)
_CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenHeld:
    """How much of one token it holds.

    Attributes:
        chain_id: the chain.
        token: the contract's address; `NATIVE` for the chain's coin.
        symbol: its short name; None where it has none that can be shown.
        raw: in the token's smallest unit.
        amount: in whole tokens, exactly; None where the decimals are not known: show `raw`.
        price: in US dollars; None where it is not known.
        price_as_of: the instant for which the provider says it.
        value: in US dollars, exactly; None where price or decimals are not known.
        as_of: when it was last read.
        stale_since: since when it could not be read; what stands here is the last that is known.
    """

    chain_id: int
    token: str
    symbol: str | None
    raw: int
    amount: Decimal | None
    price: Decimal | None
    price_as_of: datetime | None
    value: Decimal | None
    as_of: datetime
    stale_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainState:
    """How up to date one chain is.

    Attributes:
        chain_id: the chain.
        block_number, block_hash: the block at which it was last read.
        as_of: when that was.
        stale_since: since when a part of it, or all of it, could not be read; None: nothing is missing.
    """

    chain_id: int
    block_number: int
    block_hash: str
    as_of: datetime
    stale_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Portfolio:
    """All that one account holds.

    Attributes:
        account_id: the account.
        holdings: the most valuable first; those without a value behind them, by chain and token.
        chains: each that was read, by its number.
        total: what all is worth of which the value is known, in US dollars, exactly.
    """

    account_id: str
    holdings: Sequence[TokenHeld]
    chains: Sequence[ChainState]
    total: Decimal

    @property
    def stale(self) -> Sequence[TokenHeld]:
        """What could not be read lately."""
        return [one for one in self.holdings if one.stale_since is not None]

    @property
    def unpriced(self) -> Sequence[TokenHeld]:
        """What has no value, for want of a price or of decimals; it is missing in the total."""
        return [one for one in self.holdings if one.value is None]


def portfolio(connection: Connection, account_id: str) -> Portfolio:
    """The portfolio of an account, as it stands in the database."""
    statement = select(Holding).where(col(Holding.account_id) == account_id)
    rows = Session(connection).scalars(statement).all()
    read = progress.of_account(connection, account_id)
    held = [_held(row, read.get(row.chain_id)) for row in rows]
    held.sort(key=lambda one: (one.value is None, -(one.value or 0), one.chain_id, one.token))
    total = Decimal(0)
    for one in held:
        total = _EXACT.add(total, one.value or Decimal(0))
    return Portfolio(account_id=account_id, holdings=held, chains=_chains(read, held), total=total)


def rounded(value: Decimal) -> Decimal:
    """A value in cents, as people read it; half a cent goes to the even one."""
    return value.quantize(_CENT, rounding=ROUND_HALF_EVEN, context=_EXACT)


def _held(row: Holding, read: Progress | None) -> TokenHeld:
    """A row as it is shown: one that is not stale was confirmed whenever its chain was read."""
    is_confirmed = row.stale_since is None and read is not None
    raw = int(row.raw)
    return TokenHeld(
        chain_id=row.chain_id,
        token=row.token,
        symbol=row.symbol,
        raw=raw,
        amount=None if row.decimals is None else _EXACT.scaleb(Decimal(raw), -row.decimals),
        price=None if row.price is None else Decimal(row.price),
        price_as_of=row.price_as_of,
        value=None if row.value is None else Decimal(row.value),
        as_of=max(row.as_of, read.as_of) if is_confirmed and read is not None else row.as_of,
        stale_since=row.stale_since,
    )


def _chains(read: Mapping[int, Progress], held: Sequence[TokenHeld]) -> list[ChainState]:
    stale: dict[int, datetime] = {}
    for one in held:
        if one.stale_since is not None:
            stale[one.chain_id] = min(one.stale_since, stale.get(one.chain_id, one.stale_since))
    return [
        ChainState(
            chain_id=chain_id,
            block_number=one.block.number,
            block_hash=one.block.hash,
            as_of=one.as_of,
            stale_since=stale.get(chain_id),
        )
        for chain_id, one in sorted(read.items())
    ]
