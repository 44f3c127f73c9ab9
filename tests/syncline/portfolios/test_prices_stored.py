"""Prices in the database: several processes write the same tokens, in any order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from syncline.clock import ManualClock
from syncline.portfolios import prices_stored
from syncline.portfolios.prices import Coin, Price
from syncline.store.engine import Store

ONE, OTHER = (1, "0x" + "a" * 40), (8453, "0x" + "a" * 40)


def save(store: Store, told: dict[Coin, Price], *untold: Coin) -> None:
    now = store.clock.now()
    store.transact(lambda at: prices_stored.save(at, told, untold, now=now, forget=now - timedelta(days=7)))


def known(store: Store) -> dict[Coin, tuple[Price | None, float]]:
    """The price of each, and how many seconds ago it was asked for."""
    now = store.clock.now()
    with store.read() as connection:
        rows = prices_stored.read(connection, [ONE, OTHER, (1, "0x" + "b" * 40)])
    return {coin: (prices_stored.price_in(row), (now - row.fetched_at).total_seconds()) for coin, row in rows.items()}


def test_an_older_price_never_replaces_a_newer_one(store: Store, clock: ManualClock) -> None:
    """One process asked first and is answered last; another API may be behind."""
    new, old = (
        Price(price=Decimal(cost), as_of=clock.now() - timedelta(seconds=age)) for cost, age in ((2, 10), (1, 60))
    )
    save(store, {ONE: new})
    clock.advance(seconds=5)
    save(store, {ONE: old, OTHER: old})
    assert known(store) == {ONE: (new, 0), OTHER: (old, 0)}
    same = Price(price=Decimal("2.0001"), as_of=new.as_of)
    save(store, {ONE: same})
    assert known(store)[ONE] == (same, 0)


def test_a_token_without_an_answer_counts_as_asked_and_is_forgotten_in_the_end(
    store: Store, clock: ManualClock
) -> None:
    """It keeps its price until that is a week old; then it is as one that never had any."""
    price = Price(price=Decimal("0." + "0" * 29 + "1"), as_of=clock.now())
    save(store, {ONE: price}, OTHER)
    clock.advance(seconds=7 * 86_400)
    save(store, {}, ONE)
    assert known(store) == {ONE: (price, 0), OTHER: (None, 7 * 86_400)}
    clock.advance(seconds=1)
    save(store, {}, OTHER, ONE)
    assert known(store) == {ONE: (None, 0), OTHER: (None, 0)}
    fresh = Price(price=Decimal(3), as_of=clock.now() - timedelta(days=30))
    save(store, {ONE: fresh})
    assert known(store)[ONE] == (fresh, 0)


def test_many_processes_may_write_the_same_tokens_at_once(store: Store, clock: ManualClock) -> None:
    """The newest price of each wins, whatever the order, and no two wait for each other for ever."""
    coins = [(1, f"0x{number:040x}") for number in range(1, 1_201)]
    priced = [Price(price=Decimal(age + 1), as_of=clock.now() - timedelta(seconds=age)) for age in range(8)]

    def write(turn: int) -> None:
        mixed = coins if turn % 2 else coins[::-1]
        save(store, dict.fromkeys(mixed[turn:], priced[turn]), *mixed[:turn])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    with store.read() as connection:
        found = prices_stored.read(connection, coins)
    assert {prices_stored.price_in(found[coin]) for coin in coins} == {priced[0]}
