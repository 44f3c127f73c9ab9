"""What tokens say of themselves: decimals and symbol, read once for all wallets, and not always believed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from syncline.model.items import table_of
from syncline.portfolios.abi import DECIMALS, SYMBOL, read_decimals, read_symbol, read_word
from syncline.portfolios.tables import NATIVE, EvmToken
from syncline.portfolios.trouble import Failure, Trouble
from syncline.portfolios.views import Seen, View, Views
from syncline.store.upserts import upsert

__all__ = ["COIN_DECIMALS", "TokenFacts", "known", "read_facts", "remember"]

COIN_DECIMALS = 18
"""Of the coin of each EVM chain."""
_CHUNK = 500
"""So many tokens are named in one statement."""
_COLUMNS = table_of(EvmToken).c
_KNOWN = select(_COLUMNS.token, _COLUMNS.decimals, _COLUMNS.symbol, _COLUMNS.unfit).where(
    _COLUMNS.chain_id == bindparam("of_chain"), _COLUMNS.token.in_(bindparam("of_tokens", expanding=True))
)
"""Built once: building takes longer than executing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenFacts:
    """What a token's contract says of itself.

    Attributes:
        token: its address.
        decimals: how many digits of an amount stand behind the point; None: it says nothing that can be believed.
        symbol: its short name; None likewise.
        unfit: why one of them is not believed.
    """

    token: str
    decimals: int | None
    symbol: str | None
    unfit: str | None = None


async def read_facts(views: Views, tokens: Iterable[str]) -> list[TokenFacts]:
    """Ask `tokens` for their decimals and symbols; those that the node failed to ask are left out.

    Raises:
        BlockGoneError: the block was replaced meanwhile.
        UpstreamError: the node cannot be asked.
    """
    wanted = sorted(set(tokens) - {NATIVE})
    asked = [View(target=token, data=data) for token in wanted for data in (DECIMALS, SYMBOL)]
    if not asked:
        return []
    seen = await views.look(asked)
    failed = [index for index, one in enumerate(seen) if isinstance(one, Failure)]
    if failed:  # one contract may have used up what the others of its call had to run on
        for index, one in zip(failed, await views.look_singly([asked[index] for index in failed]), strict=True):
            seen[index] = one
    pairs = zip(wanted, seen[::2], seen[1::2], strict=True)
    return [_facts(token, *both) for token, *both in pairs if not any(_is_open(one) for one in both)]


def known(connection: Connection, chain_id: int, tokens: Collection[str]) -> Mapping[str, TokenFacts]:
    """What is stored of `tokens`, by address; the chain's coin among them."""
    found: dict[str, TokenFacts] = {}
    if NATIVE in tokens:
        found[NATIVE] = TokenFacts(token=NATIVE, decimals=COIN_DECIMALS, symbol=None)
    wanted = sorted(set(tokens) - {NATIVE})
    for at in range(0, len(wanted), _CHUNK):
        named = {"of_chain": chain_id, "of_tokens": wanted[at : at + _CHUNK]}
        for token, decimals, symbol, unfit in connection.execute(_KNOWN, named):
            found[token] = TokenFacts(token=token, decimals=decimals, symbol=symbol, unfit=unfit)
    return found


def remember(connection: Connection, chain_id: int, facts: Sequence[TokenFacts], *, now: datetime) -> None:
    """Store what was read of tokens; what stood there before is replaced."""
    for one in sorted(facts, key=lambda fact: fact.token):  # in one order: two transactions never wait for each other
        key = {"chain_id": chain_id, "token": one.token}
        values = {"decimals": one.decimals, "symbol": one.symbol, "unfit": one.unfit, "read_at": now}
        upsert(connection, EvmToken, key, values)


def _is_open(seen: Seen) -> bool:
    """Whether nothing is known yet, because the node failed and not the contract."""
    return isinstance(seen, Failure) and seen.trouble is not Trouble.REVERTED


def _facts(token: str, decimals_seen: Seen, symbol_seen: Seen) -> TokenFacts:
    decimals_data = None if isinstance(decimals_seen, Failure) else decimals_seen
    symbol_data = None if isinstance(symbol_seen, Failure) else symbol_seen
    decimals, symbol = read_decimals(decimals_data), read_symbol(symbol_data)
    reasons: list[str] = []
    if decimals is None:
        said = read_word(decimals_data)
        reasons.append("it says no decimals" if said is None else f"it says that it has {said} decimals")
    if symbol is None:
        reasons.append("its symbol is no printable text" if symbol_data else "it says no symbol")
    return TokenFacts(token=token, decimals=decimals, symbol=symbol, unfit="; ".join(reasons) or None)
