from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select
from support.evm.chains import wallet

from syncline.errors import UnavailableError
from syncline.model.items import table_of
from syncline.model.session import Tally
from syncline.portfolios import holdings, progress, tokens
from syncline.portfolios.blocks import BlockRef
from syncline.portfolios.holdings import worth
from syncline.portfolios.portfolio import Portfolio, portfolio, rounded
from syncline.portfolios.prices import Price
from syncline.portfolios.reading import ChainFailure, Reading, Wallet
from syncline.portfolios.tables import NATIVE, Holding
from syncline.portfolios.tokens import TokenFacts
from syncline.store.engine import Store

GOLD, OLD, ODD = (wallet(number) for number in (1, 2, 3))
NOON = datetime.fromisoformat("2026-01-22T12:00:00+00:00")
MOST = 2**256 - 1


def ref(number: int, fork: str = "a") -> BlockRef:
    return BlockRef(number=number, hash=f"0x{fork * 64}")


def minute(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def reading(number: int, balances: Mapping[str, int], *, chain: int = 1, fork: str = "a", **more: Any) -> Reading:  # noqa: ANN401
    return Reading(
        wallet=wallet(9),
        chain_id=chain,
        block=ref(number, fork),
        as_of=minute(number),
        balances=balances,
        **more,
    )


def failure(number: int, *, chain: int = 1) -> ChainFailure:
    return ChainFailure(chain_id=chain, error=UnavailableError("down", upstream="chain_1"), as_of=minute(number))


def stored(
    store: Store,
    *found: Reading | ChainFailure,
    prices: Mapping[tuple[int, str], Price] | None = None,
    followed: Sequence[int] = (1, 10),
) -> Tally:
    with store.write() as connection:
        return holdings.store(connection, "acc_1", found, prices or {}, followed=followed, now=minute(99))


def seen(store: Store) -> Portfolio:
    with store.read() as connection:
        return portfolio(connection, "acc_1")


def raws(store: Store) -> dict[tuple[int, str], int]:
    return {(one.chain_id, one.token): one.raw for one in seen(store).holdings}


def know(store: Store, *facts: TokenFacts, chain: int = 1) -> None:
    with store.write() as connection:
        tokens.remember(connection, chain, facts, now=NOON)


def test_what_was_read_is_stored_to_the_last_unit_and_only_where_it_changed(store: Store) -> None:
    """Created, unchanged, changed, gone; another account's rows and other chains are left alone."""
    assert stored(store, reading(1, {GOLD: MOST, OLD: 7, NATIVE: 0})) == Tally(processed=2, created=2)
    assert raws(store) == {(1, GOLD): MOST, (1, OLD): 7}
    assert stored(store, reading(2, {GOLD: MOST, OLD: 7, NATIVE: 0})) == Tally(processed=2, unchanged=2)
    assert stored(store, reading(3, {GOLD: MOST - 1, OLD: 0, NATIVE: 5})) == Tally(
        processed=2, created=1, updated=1, deleted=1
    )
    assert raws(store) == {(1, GOLD): MOST - 1, (1, NATIVE): 5}
    assert stored(store, reading(3, {GOLD: 4}, chain=10)).created == 1
    with store.write() as connection:
        holdings.store(connection, "acc_2", [reading(9, {OLD: 1})], {}, followed=[1], now=minute(9))
    assert raws(store) == {(1, GOLD): MOST - 1, (1, NATIVE): 5, (10, GOLD): 4}


def test_an_unchanged_row_is_not_written_and_known_to_be_up_to_date(sqlite_store: Store) -> None:
    """One small row says up to which block a chain was read, for all of its tokens."""
    stored(sqlite_store, reading(1, {GOLD: 5, OLD: 7}))
    statements: list[str] = []
    event.listen(sqlite_store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    stored(sqlite_store, reading(2, {GOLD: 5, OLD: 7}))
    writes = [one.split()[:2] for one in statements if one.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert writes == [["UPDATE", "checkpoints"]]
    shown = seen(sqlite_store)
    assert [one.as_of for one in shown.holdings] == [minute(2)] * 2
    (chain,) = shown.chains
    assert (chain.chain_id, chain.block_number, chain.block_hash, chain.as_of) == (1, 2, ref(2).hash, minute(2))


def test_what_could_not_be_read_keeps_its_row_and_says_since_when(store: Store) -> None:
    """A token, or all of a chain; it is never 0, and fresh again with the next reading."""
    stored(store, reading(1, {GOLD: 5, OLD: 7}), reading(1, {GOLD: 3}, chain=10))
    unknown = {GOLD: "the contract's call failed", ODD: "no number"}
    assert stored(store, reading(2, {OLD: 7}, unknown=unknown)) == Tally(processed=3, unchanged=1, rejected=2)
    stored(store, reading(3, {OLD: 8}, unknown=unknown), failure(3, chain=10))
    shown = seen(store)
    assert {(one.chain_id, one.token): one.raw for one in shown.holdings} == {(1, GOLD): 5, (1, OLD): 8, (10, GOLD): 3}
    assert {(one.chain_id, one.token): (one.stale_since, one.as_of) for one in shown.stale} == {
        (1, GOLD): (minute(2), minute(1)),
        (10, GOLD): (minute(3), minute(1)),
    }
    assert [(one.chain_id, one.as_of, one.stale_since) for one in shown.chains] == [
        (1, minute(3), minute(2)),
        (10, minute(1), minute(3)),
    ]
    assert stored(store, reading(4, {OLD: 8, GOLD: 5}), reading(4, {GOLD: 3}, chain=10)).updated == 2
    assert not seen(store).stale


def test_an_older_reading_never_overwrites_a_newer_one(store: Store) -> None:
    """Reads may end in any order, and a node may be behind; a chain that was replaced is another thing."""
    stored(store, reading(5, {GOLD: 5}))
    assert stored(store, reading(4, {GOLD: 4, OLD: 1})) == Tally()
    assert raws(store) == {(1, GOLD): 5}
    assert seen(store).chains[0].block_number == 5
    stored(store, reading(4, {GOLD: 4}, fork="b", reorged=True))
    assert raws(store) == {(1, GOLD): 4}
    assert (seen(store).chains[0].block_number, seen(store).chains[0].block_hash) == (4, ref(4, "b").hash)
    stored(store, reading(4, {GOLD: 3}, fork="c"))
    assert raws(store) == {(1, GOLD): 3}


def test_chains_that_are_no_longer_followed_go(store: Store) -> None:
    """With what is known of how far they were read; what is found of them all the same is not stored."""
    stored(store, reading(1, {GOLD: 5}), reading(1, {GOLD: 3, OLD: 2}, chain=10))
    assert stored(store, reading(2, {GOLD: 5}), reading(2, {GOLD: 9}, chain=10), followed=[1]).deleted == 2
    assert raws(store) == {(1, GOLD): 5}
    assert [one.chain_id for one in seen(store).chains] == [1]
    assert stored(store, failure(3), followed=[1]).deleted == 0


def test_values_are_exact_and_old_prices_stay_with_their_time(store: Store) -> None:
    """A price API that is down takes no value away; a price that is older than the stored one is none."""
    know(store, TokenFacts(token=GOLD, decimals=18, symbol="GLD"))
    know(store, TokenFacts(token=ODD, decimals=None, symbol="ODD", unfit="it says no decimals"))
    price = Price(price=Decimal("1234.567890123456789"), as_of=minute(0))
    held = {GOLD: MOST, ODD: 9, NATIVE: 3 * 10**18}
    prices = {(1, GOLD): price, (1, ODD): price, (1, NATIVE): Price(price=Decimal("0.1"), as_of=minute(0))}
    stored(store, reading(1, held), prices=prices)
    shown = {one.token: one for one in seen(store).holdings}
    product = str(MOST * 1234567890123456789)
    assert str(shown[GOLD].value) == f"{product[:-33]}.{product[-33:]}".rstrip("0")
    assert (shown[NATIVE].value, shown[NATIVE].amount) == (Decimal("0.3"), 3)
    assert (shown[ODD].value, shown[ODD].amount, shown[ODD].raw, shown[ODD].symbol) == (None, None, 9, "ODD")
    assert [one.token for one in seen(store).unpriced] == [ODD]
    assert seen(store).total - (shown[GOLD].value or 0) < Decimal("0.31")
    assert stored(store, reading(2, {**held, NATIVE: 10**18})).updated == 1
    native = {one.token: one for one in seen(store).holdings}[NATIVE]
    assert (native.value, native.price_as_of) == (Decimal("0.1"), minute(0))
    late = {(1, NATIVE): Price(price=Decimal(9), as_of=minute(-1))}
    assert stored(store, reading(3, {**held, NATIVE: 10**18}), prices=late).updated == 0
    newer = {(1, NATIVE): Price(price=Decimal(9), as_of=minute(5))}
    assert stored(store, reading(3, {**held, NATIVE: 10**18}), prices=newer).updated == 1


@given(st.integers(0, MOST), st.integers(0, 77), st.integers(0, 10**30), st.integers(0, 30))
def test_a_product_is_never_rounded(raw: int, decimals: int, price: int, places: int) -> None:
    """Compared with whole numbers."""
    found = worth(raw, decimals, Decimal(f"{price}E-{places}"))
    assert _whole(found, decimals + places) == raw * price


def _whole(number: Decimal, places: int) -> int:
    """`number` times 10**places, which is whole."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + places
    value = int("".join(map(str, digits)))
    assert shift >= 0 or value % 10**-shift == 0
    return value * 10**shift if shift >= 0 else value // 10**-shift


def test_cents_are_for_the_eye_alone() -> None:
    """Half a cent goes to the even one, also of an amount of 90 digits."""
    assert [str(rounded(Decimal(text))) for text in ("0.125", "0.135", "7", "1e-30")] == [
        "0.12",
        "0.14",
        "7.00",
        "0.00",
    ]
    assert str(rounded(Decimal("9" * 90 + ".005"))) == "9" * 90 + ".00"


def test_the_wallets_to_read_come_with_what_is_stored_of_them(store: Store) -> None:
    """What is held is looked for again, and the newest block of which something is stored is named."""
    stored(store, reading(3, {GOLD: 5, NATIVE: 7}), reading(4, {OLD: 1}, chain=10))
    addresses = {"acc_1": wallet(9), "acc_2": wallet(9), "acc_3": wallet(8)}
    with store.read() as connection:
        assert holdings.wallets(connection, 1, addresses) == [
            Wallet(address=wallet(9), held=frozenset([GOLD, NATIVE]), seen=ref(3)),
            Wallet(address=wallet(9)),
            Wallet(address=wallet(8)),
        ]


def test_the_coins_that_moves_are_found_by_are_those_that_are_surely_known(store: Store) -> None:
    """Never read, stale, or two accounts that disagree: the wallet counts as moved, and is read."""
    with store.write() as connection:
        for account, found in {
            "acc_1": [reading(1, {NATIVE: 7, GOLD: 1})],
            "acc_2": [reading(1, {NATIVE: 0})],
            "acc_3": [reading(1, {NATIVE: 7, GOLD: 1}), reading(2, {NATIVE: 7}, unknown={GOLD: "?"})],
            "acc_5": [reading(1, {NATIVE: 8})],
            "acc_6": [reading(1, {NATIVE: 8})],
        }.items():
            for one in found:
                holdings.store(connection, account, [one], {}, followed=[1], now=minute(9))
        found = holdings.last_reads(
            connection,
            1,
            {
                **{f"acc_{number}": wallet(number) for number in range(1, 5)},
                "acc_5": wallet(5),
                "acc_6": wallet(5),
                "acc_7": wallet(1),
            },
        )
    assert {address: one.coins for address, one in found.items()} == {
        wallet(1): None,
        wallet(2): 0,
        wallet(3): None,
        wallet(4): None,
        wallet(5): 8,
    }
    assert (found[wallet(5)].seen, found[wallet(4)].seen) == ({ref(1)}, set())


def test_how_far_a_chain_was_searched_is_kept(store: Store) -> None:
    """For all accounts together, in the transaction of what is done about the moves."""
    with store.write() as connection:
        assert progress.searched(connection, 1) is None
        progress.note_searched(connection, 1, ref(7), now=NOON)
        progress.note_searched(connection, 10, ref(3), now=NOON)
        progress.note_searched(connection, 1, ref(8), now=NOON)
        assert (progress.searched(connection, 1), progress.searched(connection, 10)) == (ref(8), ref(3))


def test_many_tokens_are_remembered_and_found(store: Store) -> None:
    """More than one statement names; what is read again replaces what stood there."""
    many = [TokenFacts(token=wallet(number), decimals=number % 30, symbol=f"T{number}") for number in range(600)]
    know(store, *many)
    know(store, TokenFacts(token=wallet(7), decimals=None, symbol=None, unfit="it says no decimals"))
    with store.read() as connection:
        found = tokens.known(connection, 1, [one.token for one in many] + [NATIVE, wallet(9_999)])
        assert not tokens.known(connection, 10, [wallet(1)])
    assert len(found) == 601
    assert (found[wallet(7)].unfit, found[wallet(8)].symbol, found[NATIVE].decimals) == (
        "it says no decimals",
        "T8",
        18,
    )


def test_a_wallet_of_many_tokens_is_found_by_the_key(sqlite_store: Store) -> None:
    """The table has millions of rows."""
    with sqlite_store.read() as connection:
        statement = select(table_of(Holding)).where(table_of(Holding).c.account_id == "acc_1")
        text = statement.compile(compile_kwargs={"literal_binds": True})
        (plan,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
    assert "SEARCH holdings USING INDEX" in plan[3]


@pytest.mark.parametrize("text", ["1:0xab", "0:0x"])
def test_a_block_is_kept_as_text(text: str) -> None:
    """As a checkpoint's cursor."""
    assert str(BlockRef.parse(text)) == text
