"""Prices in the database, shared by all accounts and processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, and_, bindparam, case, null, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from syncline.portfolios.prices import Coin, Price
from syncline.portfolios.tables import TokenPrice

__all__ = ["price_in", "read", "save"]

_SLICE = 500
"""Coins that one statement reads."""


def read(connection: Connection, coins: Iterable[Coin]) -> dict[Coin, TokenPrice]:
    """What is known of these coins; one that was never asked for is not in it."""
    by_chain: defaultdict[int, list[str]] = defaultdict(list)
    for chain_id, token in coins:
        by_chain[chain_id].append(token)
    found: dict[Coin, TokenPrice] = {}
    for chain_id, tokens in by_chain.items():
        for start in range(0, len(tokens), _SLICE):
            known = {"chain": chain_id, "tokens": tokens[start : start + _SLICE]}
            rows = [TokenPrice.model_validate(dict(row)) for row in connection.execute(_READ, known).mappings()]
            found |= {(chain_id, row.token): row for row in rows}
    return found


def price_in(row: TokenPrice | None) -> Price | None:
    """The price in a row; None where there is none."""
    if row is None or row.price is None or row.as_of is None:
        return None
    return Price(price=Decimal(row.price), as_of=row.as_of)


def save(
    connection: Connection, told: Mapping[Coin, Price], untold: Iterable[Coin], *, now: datetime, forget: datetime
) -> None:
    """Keep what an API answered at `now`.

    A price replaces an older one only: of two processes, one may have asked earlier and answer later. Coins that are
    `untold` keep the price that they have, unless that is from before `forget`; they count as asked for all the same.
    """
    rows = [
        {
            "chain_id": coin[0],
            "token": coin[1],
            "price": format(told[coin].price, "f") if coin in told else None,
            "as_of": told[coin].as_of if coin in told else None,
            "fetched_at": now,
            "forget": forget,
        }
        for coin in sorted({*told, *untold})  # no two transactions take them in another order
    ]
    if rows:
        connection.execute(_saving(connection.dialect.name), rows)


_READ = select(TokenPrice).where(
    col(TokenPrice.chain_id) == bindparam("chain"), col(TokenPrice.token).in_(bindparam("tokens", expanding=True))
)


@cache
def _saving(dialect: str) -> Executable:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(TokenPrice)
    new, price, as_of = statement.excluded, col(TokenPrice.price), col(TokenPrice.as_of)
    newer = and_(new.as_of.is_not(None), or_(as_of.is_(None), new.as_of >= as_of))
    forgotten = and_(new.as_of.is_(None), as_of < bindparam("forget"))
    given: dict[str, Any] = {name: bindparam(name) for name in ("chain_id", "token", "price", "as_of", "fetched_at")}
    return statement.values(given).on_conflict_do_update(
        index_elements=("chain_id", "token"),
        set_={
            "price": case((newer, new.price), (forgotten, null()), else_=price),
            "as_of": case((newer, new.as_of), (forgotten, null()), else_=as_of),
            "fetched_at": new.fetched_at,
        },
    )
