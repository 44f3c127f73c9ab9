"""Holdings as they are stored: exact to the last unit, written where they changed, and deleted by proof alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Context, Decimal
from operator import itemgetter
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlmodel import col

from syncline.model.items import table_of
from syncline.model.session import Tally
from syncline.portfolios import progress, tokens
from syncline.portfolios.blocks import BlockRef
from syncline.portfolios.moves import LastRead
from syncline.portfolios.prices import Coin, Price
from syncline.portfolios.progress import Progress
from syncline.portfolios.reading import ChainFailure, Reading, Wallet
from syncline.portfolios.tables import NATIVE, Holding
from syncline.portfolios.tokens import TokenFacts

__all__ = ["Change", "decide", "last_reads", "store", "wallets", "worth"]

_CHUNK = 500
"""So many accounts are named in one statement."""
_EXACT = Context(prec=500)
"""A balance has 78 digits at most, a price a few dozen: no product is rounded."""
_KEY = ("account_id", "chain_id", "token")
_COMPARED = ("raw", "decimals", "symbol", "price", "price_as_of", "value", "stale_since")
_compared = itemgetter(*_COMPARED)
_COLUMNS = (*_COMPARED, "block_number", "block_hash", "as_of")
_MINE = [col(getattr(Holding, name)) == bindparam(f"of_{name}") for name in _KEY]
_DELETE = delete(Holding).where(*_MINE)
_UPDATE = update(Holding).where(*_MINE).values({name: bindparam(name) for name in _COLUMNS})
_INSERT = insert(Holding)
_ALL = tuple(table_of(Holding).c.keys())
_OF_ACCOUNT = select(*table_of(Holding).c).where(col(Holding.account_id) == bindparam("of_account"))
"""Built once: building takes longer than executing."""
_Values: TypeAlias = Mapping[str, Any]
"""A row of `holdings` by column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What is to be done with one row.

    Attributes:
        before: the row that stands there; None: none.
        after: the row that is to stand there; None: none.
        is_unknown: whether it could not be read, so that the old row stays.
    """

    before: _Values | None
    after: _Values | None
    is_unknown: bool = False

    @property
    def is_written(self) -> bool:
        """Whether there is something to write: that a row was read at a later block alone is no change."""
        before, after = self.before, self.after
        if before is None or after is None:
            return before is not after
        return _compared(before) != _compared(after)

    @property
    def counts_as(self) -> str:
        """The count of a `Tally` that it adds to."""
        if self.is_unknown:
            return "rejected"
        if self.after is None:
            return "deleted"
        if self.before is None:
            return "created"
        return "updated" if self.is_written else "unchanged"


def store(
    connection: Connection,
    account_id: str,
    found: Sequence[Reading | ChainFailure],
    prices: Mapping[Coin, Price],
    *,
    followed: Collection[int],
    now: datetime,
) -> Tally:
    """Bring an account's holdings to what was `found` of its wallet on each chain; in one transaction.

    Chains that are not among `followed` are removed. A reading of an older block than what is stored changes no balance
    that is known at that block, unless the chain has replaced it; it ends that rows are stale. Price and decimals that
    are not known any more stay as they were.
    """
    rows = _rows(connection, account_id)
    read = progress.of_account(connection, account_id)
    changes = [Change(before=row, after=None) for row in rows.values() if row["chain_id"] not in followed]
    for one in found:
        if one.chain_id not in followed:
            continue
        here = {token: row for (chain_id, token), row in rows.items() if chain_id == one.chain_id}
        before = read.get(one.chain_id)
        if isinstance(one, Reading) and before is not None and _is_older(one, before):
            changes += _caught_up(account_id, one, here, before, prices)
        elif isinstance(one, Reading):
            facts = tokens.known(connection, one.chain_id, _not_described(one, here))
            changes += decide(account_id, one, here, facts, prices)
            progress.note_read(connection, account_id, one.chain_id, one.block, as_of=one.as_of, now=now)
        else:
            changes += (_stale(row, one.as_of) for row in here.values())
    if read.keys() - set(followed):
        progress.forget_others(connection, account_id, followed)
    return _write(connection, changes)


def decide(
    account_id: str,
    reading: Reading,
    rows: Mapping[str, _Values],
    facts: Mapping[str, TokenFacts],
    prices: Mapping[Coin, Price],
) -> Iterator[Change]:
    """What `reading` makes of the `rows` of its chain, by token; nothing is read or written here."""
    for token, balance in reading.balances.items():
        before = rows.get(token)
        if balance:
            known = facts.get(token)
            row = _row(account_id, reading, token, before, known)
            yield Change(before=before, after=_priced(row, prices.get((reading.chain_id, token))))
        elif before is not None:
            yield Change(before=before, after=None)
    for token in reading.unknown:
        before = rows.get(token)
        yield Change(before=None, after=None, is_unknown=True) if before is None else _stale(before, reading.as_of)


def worth(raw: int, decimals: int, price: Decimal) -> Decimal:
    """What `raw` smallest units of a token are worth, exactly; `price` is that of one token."""
    return _EXACT.scaleb(_EXACT.multiply(Decimal(raw), price), -decimals)


def wallets(connection: Connection, chain_id: int, addresses: Mapping[str, str]) -> list[Wallet]:
    """The wallets of accounts, as they are to be read on a chain; `addresses` are by account.

    Each comes with the tokens that are stored of it. The same wallet of two accounts comes twice, and is read once.
    """
    held: dict[str, set[str]] = {account_id: set() for account_id in addresses}
    for account_id, token, *_ in _held(connection, chain_id, addresses):
        held[account_id].add(token)
    read = progress.of_accounts(connection, addresses)
    found: list[Wallet] = []
    for account_id, address in addresses.items():
        seen = read.get(account_id, {}).get(chain_id)
        block = None if seen is None else seen.block
        found.append(Wallet(address=address, held=frozenset(held[account_id]), seen=block))
    return found


def last_reads(connection: Connection, chain_id: int, addresses: Mapping[str, str]) -> Mapping[str, LastRead]:
    """What is stored of wallets, by address, as `moves.scan` compares it; `addresses` are by account.

    Where nothing was read yet, something is stale, or two accounts disagree, the coins are not known.
    """
    read = progress.of_accounts(connection, addresses)
    had: dict[str, int | None] = dict.fromkeys(addresses)
    had |= {account_id: 0 for account_id, chains in read.items() if chain_id in chains}
    for account_id, token, raw, stale_since in _held(connection, chain_id, addresses):
        if stale_since is not None:
            had[account_id] = None
        elif token == NATIVE and had[account_id] is not None:
            had[account_id] = int(raw)
    found: dict[str, LastRead] = {}
    for account_id, address in addresses.items():
        seen = read.get(account_id, {}).get(chain_id)
        refs = frozenset[BlockRef]() if seen is None else frozenset([seen.block])
        one = found.get(address, LastRead(coins=had[account_id]))
        coins = had[account_id] if one.coins == had[account_id] else None
        found[address] = LastRead(coins=coins, seen=one.seen | refs)
    return found


def _held(connection: Connection, chain_id: int, account_ids: Collection[str]) -> Iterator[Sequence[Any]]:
    columns, wanted = table_of(Holding).c, sorted(account_ids)
    for at in range(0, len(wanted), _CHUNK):
        statement = select(columns.account_id, columns.token, columns.raw, columns.stale_since)
        named = columns.account_id.in_(wanted[at : at + _CHUNK])
        yield from connection.execute(statement.where(named, columns.chain_id == chain_id))


def _not_described(reading: Reading, rows: Mapping[str, _Values]) -> list[str]:
    """The tokens that it holds and whose row says no decimals or no symbol, or that have none yet."""
    held = (token for token, balance in reading.balances.items() if balance)
    return [token for token in held if (row := rows.get(token)) is None or None in {row["decimals"], row["symbol"]}]


def _is_older(one: Reading, read: Progress) -> bool:
    """Whether it tells of a block below that of which holdings are stored, on the same chain of blocks."""
    return not one.reorged and one.block.number < read.block.number


def _caught_up(
    account_id: str, reading: Reading, rows: Mapping[str, _Values], read: Progress, prices: Mapping[Coin, Price]
) -> Iterator[Change]:
    """What a reading of an older block than the stored one makes of rows that are stale.

    A row that became stale after the stored block was read is known at that block, which is newer. One that could not
    be read at it either is known of before alone: the reading says more.
    """
    for token, row in rows.items():
        if row["stale_since"] is None or token not in reading.balances:
            continue
        if row["stale_since"] > read.as_of:
            yield Change(before=row, after={**row, "stale_since": None})
        else:
            alone = replace(reading, balances={token: reading.balances[token]}, unknown={})
            yield from decide(account_id, alone, {token: row}, {}, prices)


def _row(
    account_id: str, reading: Reading, token: str, before: _Values | None, facts: TokenFacts | None
) -> dict[str, Any]:
    row: dict[str, Any] = dict(before) if before is not None else dict.fromkeys(_COLUMNS)
    row |= {"account_id": account_id, "chain_id": reading.chain_id, "token": token, "stale_since": None}
    row |= {"raw": str(reading.balances[token])}
    if facts is not None:
        row |= {"decimals": facts.decimals, "symbol": facts.symbol}
    return row | _read_at(reading.block, reading.as_of)


def _read_at(block: BlockRef, as_of: datetime) -> dict[str, Any]:
    return {"block_number": block.number, "block_hash": block.hash, "as_of": as_of}


def _priced(row: dict[str, Any], price: Price | None) -> _Values:
    """The row with the newer of both prices, and what that makes it worth."""
    if price is not None and (row["price_as_of"] is None or price.as_of >= row["price_as_of"]):
        row |= {"price": format(price.price, "f"), "price_as_of": price.as_of}
    if row["price"] is None or row["decimals"] is None:
        return row | {"value": None}
    value = worth(int(row["raw"]), row["decimals"], Decimal(row["price"]))
    return row | {"value": format(value.normalize(_EXACT), "f")}


def _stale(row: _Values, since: datetime) -> Change:
    """The row as it is, with the time of the first of the failures in a row."""
    return Change(before=row, after={**row, "stale_since": row["stale_since"] or since}, is_unknown=True)


def _write(connection: Connection, changes: Sequence[Change]) -> Tally:
    """Write what differs, by one statement for each kind of change; returns what was counted."""
    written = [one for one in changes if one.is_written]
    gone = [one.before for one in written if one.before is not None and one.after is None]
    made = [one.after for one in written if one.before is None and one.after is not None]
    changed = [one.after for one in written if one.before is not None and one.after is not None]
    if gone:
        connection.execute(_DELETE, [_keyed(row) for row in gone])
    if changed:
        connection.execute(_UPDATE, [{**_keyed(row), **{name: row[name] for name in _COLUMNS}} for row in changed])
    if made:
        connection.execute(_INSERT, [dict(row) for row in made])
    counts = Counter(one.counts_as for one in changes)
    return Tally(processed=counts.total() - counts["deleted"], **counts)


def _keyed(row: _Values) -> dict[str, Any]:
    return {f"of_{name}": row[name] for name in _KEY}


def _rows(connection: Connection, account_id: str) -> Mapping[tuple[int, str], _Values]:
    rows = connection.execute(_OF_ACCOUNT, {"of_account": account_id})
    named = (dict(zip(_ALL, row, strict=True)) for row in rows)
    return {(row["chain_id"], row["token"]): row for row in named}
