"""What holds of prices whichever API tells them: both shapes, over real HTTP, against the sandbox."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from support.priced import price_book

import sandbox
from sandbox.evm.address import checksummed
from syncline.clock import ManualClock
from syncline.portfolios.prices import Coin, Price
from syncline.portfolios.prices_book import Priced
from syncline.portfolios.prices_settings import PriceSettings, Shape
from syncline.portfolios.tables import NATIVE
from syncline.store.engine import Store

PATHS = {Shape.COINGECKO: "coingecko", Shape.DEFILLAMA: "llama"}
USDC = (1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
SHIB = (1, "0x95aD61b0a150d79219dCF64E1E6Cc01f0B64C4cE")
UNKNOWN = (1, checksummed("0x5a11d00000000000000000000000000000000a05"))


@pytest.fixture
def box(clock: ManualClock) -> Iterator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, wallets=1, clock=clock.now) as served:
        yield served


@pytest.fixture(params=list(Shape))
def settings(request: pytest.FixtureRequest) -> PriceSettings:
    return PriceSettings(shape=request.param, requests_per_minute=1000)


def everything(box: sandbox.Box) -> list[Coin]:
    """All tokens of both chains, priced or not."""
    return [(node.chain.id, checksummed(token)) for node in box.evm.nodes.values() for token in node.chain.tokens]


def ask(box: sandbox.Box, store: Store, settings: PriceSettings, *wanted: Coin) -> Priced:
    async def asked() -> Priced:
        async with price_book(store, settings, url=f"{box.url}/{PATHS[settings.shape]}") as book:
            return await book.prices(wanted)

    return asyncio.run(asked())


def truth(box: sandbox.Box) -> dict[Coin, Price]:
    """What the sandbox's market says now."""
    return {
        (chain_id, checksummed(token)): Price(price=quote.price, as_of=datetime.fromtimestamp(quote.time, UTC))
        for (chain_id, token), quote in box.prices.tokens.items()
    }


def test_all_prices_of_all_chains_are_exact(
    box: sandbox.Box, sqlite_store: Store, settings: PriceSettings, clock: ManualClock
) -> None:
    """To the last digit, also those that a float would round; a token without a price has none, and is no failure."""
    box.prices.set(*SHIB, Decimal("0.000017423100000000000000000000000000001"))
    found = ask(box, sqlite_store, settings, *everything(box))
    assert found.known == truth(box)
    assert (found.refused, found.failure, UNKNOWN in found.known) == ({}, None, False)
    assert found.requests == (1 if settings.shape is Shape.DEFILLAMA else 3)


def test_prices_are_shared_until_they_are_old(
    box: sandbox.Box, store: Store, settings: PriceSettings, clock: ManualClock
) -> None:
    """A second process asks for nothing that a first one knows; a token without a price is asked for more rarely."""
    wanted = everything(box)
    first = ask(box, store, settings, *wanted)
    clock.advance(seconds=299)
    box.prices.tick()
    again = ask(box, store, settings, *wanted)
    assert (again.known, again.requests) == (first.known, 0)
    clock.advance(seconds=1)
    box.prices.forget()
    assert ask(box, store, settings, *wanted).known == truth(box)
    assert len(box.prices.asked) == len({NATIVE, *(coin for coin in first.known if coin[1] != NATIVE)})
    assert not any(UNKNOWN[1].lower() in name for name in box.prices.asked)
    clock.advance(seconds=21_600)
    ask(box, store, settings, *wanted)
    assert any(UNKNOWN[1].lower() in name for name in box.prices.asked)


@pytest.mark.parametrize("how", ["negative", "zero", "nan", "absurd", "text", "null"])
def test_a_price_that_is_none_leaves_the_old_one(
    box: sandbox.Box, sqlite_store: Store, settings: PriceSettings, clock: ManualClock, how: str
) -> None:
    """With its time, and with the reason why; the others of the answer count."""
    first = ask(box, sqlite_store, settings, USDC, SHIB)
    clock.advance(seconds=301)
    box.prices.tick()
    box.faults.add("bad_rows", how=how, path=f"/{PATHS[settings.shape]}/*")
    found = ask(box, sqlite_store, settings, USDC, SHIB)
    (spoiled,) = found.refused
    other = SHIB if spoiled == USDC else USDC
    assert found.known == {spoiled: first.known[spoiled], other: truth(box)[other]}


def test_what_an_answer_leaves_out_keeps_its_price_for_a_week(
    box: sandbox.Box, sqlite_store: Store, settings: PriceSettings, clock: ManualClock
) -> None:
    """An answer in part is no proof that a token has no price; in the end it is forgotten."""
    first = ask(box, sqlite_store, settings, USDC, SHIB)
    box.faults.add("page_cap", size=1, count=None, path=f"/{PATHS[settings.shape]}/*")
    clock.advance(seconds=301)
    box.prices.tick()
    found = ask(box, sqlite_store, settings, USDC, SHIB).known
    assert len([coin for coin in found if found[coin] == first.known[coin]]) == 1
    clock.advance(seconds=7 * 86_400)
    box.prices.tick()
    assert len(ask(box, sqlite_store, settings, USDC, SHIB).known) == 1


@pytest.mark.parametrize("kind", ["status", "html", "malformed", "cut_body", "drop", "unauthorized", "rate_limited"])
def test_an_api_in_bad_weather_fails_nobody(
    box: sandbox.Box, sqlite_store: Store, settings: PriceSettings, clock: ManualClock, kind: str
) -> None:
    """The last prices with their time, and fresh ones as soon as it is over."""
    first = ask(box, sqlite_store, settings, USDC, SHIB)
    clock.advance(seconds=301)
    box.prices.tick()
    more = {"status": {"code": 502}, "rate_limited": {"retry_after": 5}}
    box.faults.add(kind, path=f"/{PATHS[settings.shape]}/*", **more.get(kind, {}))
    found = ask(box, sqlite_store, settings, USDC, SHIB)
    assert (found.known, found.failure is None) == (first.known, False)
    clock.advance(seconds=61)
    assert ask(box, sqlite_store, settings, USDC, SHIB).known == {
        coin: price for coin, price in truth(box).items() if coin in {USDC, SHIB}
    }


def test_the_budget_is_one_for_all_and_keeps_the_quota(
    box: sandbox.Box, store: Store, settings: PriceSettings, clock: ManualClock
) -> None:
    """The API refuses none, over all processes; what does not fit into a minute waits for the next."""
    tight = settings.model_copy(update={"requests_per_minute": 3, "coins_per_request": 2})
    box.prices.settings = box.prices.settings.changed({"per_window": 3})
    wanted = [coin for coin in everything(box) if coin[0] == 1 and coin[1] != NATIVE]
    known: list[int] = []
    for _ in range(4):
        found = ask(box, store, tight, *wanted)
        known.append(len(found.known))
        assert found.failure is None or "the budget prices:requests is spent until" in found.failure
        clock.advance(seconds=61)
    assert known[0] < known[1] <= known[-1] == len([coin for coin in truth(box) if coin in wanted])
    assert box.prices.windows[PATHS[tight.shape]].refused == 0


def test_callers_at_once_ask_for_each_token_once(
    box: sandbox.Box, sqlite_store: Store, settings: PriceSettings
) -> None:
    """A claim of forty wallets holds the same stablecoins forty times."""

    async def asked() -> list[Priced]:
        async with price_book(sqlite_store, settings, url=f"{box.url}/{PATHS[settings.shape]}") as book:
            return list(await asyncio.gather(*(book.prices([USDC, SHIB]) for _ in range(8))))

    found = asyncio.run(asked())
    assert (sum(one.requests for one in found), {len(one.known) for one in found}) == (1, {2})
