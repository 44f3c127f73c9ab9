"""What the price clients send, and what they make of answers, at the HTTP edge."""

import asyncio
import re
from collections.abc import Generator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx
from support.edge import BASE, requests_of
from support.priced import price_book

from syncline.clock import ManualClock
from syncline.portfolios.prices import Coin, Price
from syncline.portfolios.prices_book import Priced
from syncline.portfolios.prices_settings import PriceSettings, Shape
from syncline.portfolios.tables import NATIVE
from syncline.store.engine import Store

USDC = (1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
DAI = (1, "0x6B175474E89094C44Da98b954EedeAC495271d0F")
BASE_USDC = (8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")
ETH, BASE_ETH = (1, NATIVE), (8453, NATIVE)
GECKO, LLAMA = PriceSettings(), PriceSettings(shape=Shape.DEFILLAMA)
SIMPLE = f"{BASE}/api/v3/simple"


@pytest.fixture
def edge() -> Generator[respx.Router]:
    """Stands where the network begins; every route must be asked, and nothing that has none."""
    router = respx.Router(assert_all_mocked=True)
    yield router
    router.assert_all_called()


def ask(
    store: Store, edge: respx.Router, *wanted: Coin, settings: PriceSettings = GECKO, times: int = 1, **how: str
) -> Priced:
    """The last of so many askings, one after the other."""

    async def asked() -> Priced:
        transport = httpx.MockTransport(edge.async_handler)
        async with price_book(store, settings, transport=transport, **{"url": BASE, **how}) as book:
            return [await book.prices(wanted) for _ in range(times)][-1]

    return asyncio.run(asked())


def token_price(coin: Coin, text: str, **more: object) -> httpx.Response:
    """CoinGecko's answer of one token, with a number as it is written here."""
    rest = "".join(f', "{name}": {value}' for name, value in more.items())
    return httpx.Response(200, text=f'{{"{coin[1].lower()}": {{"usd": {text}{rest}}}}}')


def test_coingecko_is_asked_for_each_chain_and_once_for_all_their_coins(
    edge: respx.Router, sqlite_store: Store, clock: ManualClock
) -> None:
    """Two chains with one coin ask for it once; the key stands in its header alone; digits are those of the answer."""
    at = int(clock.now().timestamp()) - 90
    tokens = edge.get(f"{SIMPLE}/token_price/ethereum").mock(token_price(USDC, "0.99987100", last_updated_at=at))
    base = edge.get(f"{SIMPLE}/token_price/base").respond(json={})
    coins = edge.get(f"{SIMPLE}/price").respond(text='{"ethereum": {"usd": 3.12055e+3}}')
    found = ask(sqlite_store, edge, USDC, DAI, BASE_USDC, ETH, BASE_ETH, token="hush-hush-key")
    as_of = clock.now() - timedelta(seconds=90)
    eth = Price(price=Decimal("3120.55"), as_of=clock.now())
    assert found.known == {USDC: Price(price=Decimal("0.99987100"), as_of=as_of), ETH: eth, BASE_ETH: eth}
    assert (found.refused, found.failure, found.requests) == ({}, None, 3)
    assert str(found.known[USDC].price) == "0.99987100"
    (request,) = requests_of(tokens)
    assert dict(request.url.params) == {
        "contract_addresses": f"{DAI[1].lower()},{USDC[1].lower()}",
        "vs_currencies": "usd",
        "include_last_updated_at": "true",
        "precision": "full",
    }
    assert (request.headers["x-cg-demo-api-key"], "hush" in str(request.url)) == ("hush-hush-key", False)
    assert requests_of(coins)[0].url.params["ids"] == "ethereum"
    assert base.call_count == 1


def test_defillama_is_asked_for_all_chains_at_once(edge: respx.Router, sqlite_store: Store, clock: ManualClock) -> None:
    """Its answers repeat the names that were sent, whatever the case; what is too uncertain is refused."""
    names = [f"ethereum:{USDC[1].lower()}", f"base:{BASE_USDC[1].lower()}", "coingecko:ethereum"]
    at = int(clock.now().timestamp()) - 5
    rows = [
        {"price": price, "timestamp": at, "symbol": "S", "confidence": sure} for price, sure in ((1.25, 0.99), (1, 0.2))
    ]
    body = {"coins": {f"ethereum:{USDC[1].upper()}": rows[0], names[1]: rows[1], names[2]: {**rows[0], "price": 3000}}}
    route = edge.get(url__startswith=f"{BASE}/prices/current/").respond(json=body)
    found = ask(sqlite_store, edge, USDC, BASE_USDC, ETH, BASE_ETH, settings=LLAMA)
    as_of = clock.now() - timedelta(seconds=5)
    assert {coin: str(price.price) for coin, price in found.known.items()} == {
        USDC: "1.25",
        ETH: "3000",
        BASE_ETH: "3000",
    }
    assert {price.as_of for price in found.known.values()} == {as_of}
    assert found.refused == {BASE_USDC: "its confidence is 0.2, below 0.5"}
    (request,) = requests_of(route)
    assert set(request.url.path.rpartition("/")[2].split(",")) == set(names)


@pytest.mark.parametrize(
    ("settings", "url", "path"),
    [
        (GECKO, BASE, "/api/v3/simple/price"),
        (GECKO, f"{BASE}/api/v3/", "/api/v3/simple/price"),
        (LLAMA, f"{BASE}/x", "/x/prices/current/coingecko:ethereum"),
    ],
)
def test_base_urls_may_hold_a_path(
    edge: respx.Router, sqlite_store: Store, settings: PriceSettings, url: str, path: str
) -> None:
    """CoinGecko's documentation gives its address with and without /api/v3."""
    edge.get(f"{BASE}{path}").respond(json={"coins": {}} if settings is LLAMA else {})
    assert ask(sqlite_store, edge, ETH, settings=settings, url=url).failure is None


def test_a_hundred_coins_go_into_a_request(edge: respx.Router, sqlite_store: Store) -> None:
    """Two hundred and fifty tokens are three requests, of which none is sent twice while prices are fresh."""
    many = [(1, f"0x{number:040x}") for number in range(1, 251)]
    route = edge.get(f"{SIMPLE}/token_price/ethereum").respond(json={})
    assert ask(sqlite_store, edge, *many, *many, times=2).requests == 0
    sizes = [len(request.url.params["contract_addresses"].split(",")) for request in requests_of(route)]
    assert sizes == [100, 100, 50]
    assert max(len(str(request.url)) for request in requests_of(route)) < 8_000


def _takes(most: int, *, bad: str = "") -> Any:  # noqa: ANN401 - a side effect of respx
    """An API that takes so many addresses, and never a bad one."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params["contract_addresses"].split(",")
        if len(asked) > most or bad in asked:
            return httpx.Response(400, json={"status": {"error_code": 10012}})
        return httpx.Response(200, json={one: {"usd": 2} for one in asked})

    return answer


def test_an_api_that_takes_fewer_coins_is_found_out_once(edge: respx.Router, sqlite_store: Store) -> None:
    """The size is halved until it fits, and kept; some plans take one address a request."""
    many = [(1, f"0x{number:040x}") for number in range(1, 61)]
    route = edge.get(f"{SIMPLE}/token_price/ethereum").mock(side_effect=_takes(20))
    assert len(ask(sqlite_store, edge, *many, settings=PriceSettings(requests_per_minute=1000)).known) == 60
    assert [len(one.url.params["contract_addresses"].split(",")) for one in requests_of(route)] == [
        60,
        30,
        15,
        15,
        15,
        15,
    ]


@pytest.mark.parametrize("place", [0, 37, 59])
def test_a_coin_that_the_api_rejects_is_set_aside(edge: respx.Router, sqlite_store: Store, place: int) -> None:
    """One address that is not to its taste must not take the prices from all others, wherever it stands."""
    many = [(1, f"0x{number:040x}") for number in range(1, 61)]
    route = edge.get(f"{SIMPLE}/token_price/ethereum").mock(side_effect=_takes(100, bad=many[place][1]))
    found = ask(sqlite_store, edge, *many, settings=PriceSettings(requests_per_minute=1000))
    assert (len(found.known), found.refused) == (59, {many[place]: "the price API rejects it (400)"})
    assert (found.failure, route.call_count < 16) == (None, True)


@pytest.mark.parametrize("settings", [GECKO, LLAMA])
@pytest.mark.parametrize(
    "failing",
    [
        (httpx.Response(503), "prices failed [(]503"),
        (httpx.Response(429, headers={"Retry-After": "7"}), "prices asks to slow down"),
        (httpx.Response(401), "refuses us [(]401[)]: check SYNCLINE_UPSTREAMS__PRICES__TOKEN and SYNCLINE_PRICES__KEY"),
        (httpx.Response(404), "prices rejected the request"),
        (httpx.Response(400), "prices rejected the request"),
        (httpx.Response(200, text="<html>"), "a web page instead"),
        (httpx.Response(200, text='{"coins": {"a"'), "cut or no JSON"),
        (httpx.Response(200, text="[" * 100_000), "cut or no JSON"),
        (httpx.Response(200, text="[]"), "no list of prices; check SYNCLINE_UPSTREAMS__PRICES__BASE_URL"),
        (httpx.Response(200, json={"coins": [], "a": 1}), "no list of prices"),
        (httpx.Response(200, json={"coins": {"a": 1}, "b": 1}), "no list of prices"),
        (httpx.Response(200, json={"status": {"error_code": 1}}), "an error instead of prices"),
        (httpx.Response(200, json={"error": "sorry"}), "an error instead of prices"),
        (httpx.ConnectError("no way"), "could not be read"),
    ],
)
def test_an_api_that_fails_leaves_the_old_price_with_its_time(
    edge: respx.Router, sqlite_store: Store, clock: ManualClock, settings: PriceSettings, failing: tuple[Any, str]
) -> None:
    """No portfolio fails for it, and what fails is not asked again at once."""
    good = token_price(USDC, "1.5") if settings is GECKO else httpx.Response(
        200, json={"coins": {f"ethereum:{USDC[1].lower()}": {"price": 1.5}}}
    )  # fmt: skip
    answer, said = failing
    route = edge.get(url__startswith=BASE).mock(side_effect=[good, answer])
    first = ask(sqlite_store, edge, USDC, settings=settings).known
    clock.advance(seconds=301)
    found = ask(sqlite_store, edge, USDC, settings=settings, times=3)
    assert found.known == first == {USDC: Price(price=Decimal("1.5"), as_of=clock.now() - timedelta(seconds=301))}
    assert found.failure is not None
    assert re.search(said, found.failure)
    assert route.call_count == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "it is no number, but NaN"),
        ("-Infinity", "it is not above 0, but -Infinity"),
        ("-1", "it is not above 0, but -1"),
        ("0.0", "it is not above 0, but 0.0"),
        ("1e40", "it is absurd: 1E+40 US dollars"),
        ("1e99999999999999999999", "it is no number, but '1e99999999999999999999'"),
        ("null", "it is no number, but None"),
        ('"1.5"', "it is no number, but '1.5'"),
    ],
)
def test_a_price_that_is_none_changes_nothing(
    edge: respx.Router, sqlite_store: Store, clock: ManualClock, text: str, reason: str
) -> None:
    """The old one stays, the other tokens of the answer are priced, and it is asked for again as ever."""
    both = f'{{"{USDC[1].lower()}": {{"usd": {text}}}, "{DAI[1].lower()}": {{"usd": 1e0}}}}'
    answers = [token_price(USDC, "1.5"), httpx.Response(200, text=both)]
    edge.get(f"{SIMPLE}/token_price/ethereum").mock(side_effect=answers)
    began = clock.now()
    ask(sqlite_store, edge, USDC)
    clock.advance(seconds=301)
    found = ask(sqlite_store, edge, USDC, DAI)
    assert found.refused == {USDC: reason}
    assert found.known == {
        USDC: Price(price=Decimal("1.5"), as_of=began),
        DAI: Price(price=Decimal(1), as_of=clock.now()),
    }


def test_a_chain_without_a_name_is_told_and_a_rejected_group_leaves_the_others(
    edge: respx.Router, sqlite_store: Store
) -> None:
    """A platform that the API does not know must not take the prices from other chains."""
    settings = PriceSettings(platforms={5: "nowhere"})
    edge.get(f"{SIMPLE}/token_price/nowhere").respond(404, json={"error": "coin not found"})
    edge.get(f"{SIMPLE}/token_price/ethereum").mock(token_price(USDC, "1"))
    lost, odd, coin = (5, USDC[1]), (31337, USDC[1]), (31337, NATIVE)
    found = ask(sqlite_store, edge, lost, odd, coin, (1, USDC[1]), settings=settings)
    assert set(found.known) == {USDC}
    assert 'set SYNCLINE_PRICES__PLATFORMS={"31337": "…"}' in found.refused[odd]
    assert 'set SYNCLINE_PRICES__COINS={"31337": "…"}' in found.refused[coin]
    assert "404" in (found.failure or "")
    assert lost not in found.refused
