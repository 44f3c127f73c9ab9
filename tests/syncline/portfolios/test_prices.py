"""What is believed of a price, and what the settings say of the API."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from syncline.errors import ConfigurationError
from syncline.portfolios.prices import Price, Quoted, UnfitPriceError, believed
from syncline.portfolios.prices_settings import COINS, PLATFORMS, PriceSettings, Shape
from syncline.settings import load_settings

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("time", "as_of"),
    [
        (Decimal(SECONDS - 60), NOW - timedelta(seconds=60)),
        (Decimal(SECONDS - 60) * 1000 + 250, NOW - timedelta(seconds=59.75)),
        (Decimal(1672531200), datetime(2023, 1, 1, tzinfo=UTC)),
        (Decimal(SECONDS + 3600), NOW),
        (None, NOW),
    ],
)
def test_a_price_keeps_its_digits_and_the_providers_time(time: Decimal | None, as_of: datetime) -> None:
    """An old price is shown as old, and none as of tomorrow."""
    written = Decimal("0.99991200000000000100")
    price = believed(Quoted(price=written, time=time), now=NOW)
    assert (price, str(price.price)) == (Price(price=written, as_of=as_of), "0.99991200000000000100")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (Quoted(price=None), "no number, but None"),
        (Quoted(price="1.5 or so"), "no number, but '1.5 or so'"),
        (Quoted(price=True), "no number"),
        (Quoted(price={"usd": Decimal(1)}), "no number"),
        (Quoted(price=Decimal("NaN")), "no number, but NaN"),
        (Quoted(price=Decimal("-Infinity")), "not above 0"),
        (Quoted(price=Decimal("Infinity")), "absurd: Infinity"),
        (Quoted(price=Decimal("-1.5")), "not above 0, but -1.5"),
        (Quoted(price=Decimal(0)), "not above 0, but 0"),
        (Quoted(price=Decimal("-0.0")), "not above 0"),
        (Quoted(price=Decimal("1e40")), "absurd: 1E[+]40 US dollars"),
        (Quoted(price=Decimal("1e-31")), "absurd"),
        (Quoted(price=Decimal("1e999999")), "absurd"),
        (Quoted(price=Decimal("0." + "1" * 61)), "absurd: 0.1+…"),
        (Quoted(price=Decimal(1), time="now"), "its time is no number"),
        (Quoted(price=Decimal(1), time=Decimal("NaN")), "its time is no number"),
        (Quoted(price=Decimal(1), time=Decimal(12)), "its time is none: 12 seconds"),
        (Quoted(price=Decimal(1), time=Decimal("1e30")), "its time is none"),
        (Quoted(price=Decimal(1), confidence=Decimal("0.49")), "confidence is 0.49, below 0.5"),
        (Quoted(price=Decimal(1), confidence=Decimal("NaN")), "confidence is NaN"),
    ],
)
def test_what_is_no_price_is_refused_with_the_reason(told: Quoted, reason: str) -> None:
    """One wrong price of one token makes a fortune, or a loss, of every portfolio that holds it."""
    with pytest.raises(UnfitPriceError, match=reason):
        believed(told, now=NOW, least_confidence=0.5)


def test_confidence_counts_only_where_it_is_told() -> None:
    """CoinGecko has none."""
    for sure in (None, Decimal("0.5"), "high"):
        assert believed(Quoted(price=Decimal(1), confidence=sure), now=NOW, least_confidence=0.5).price == 1


def test_settings_name_the_shape_and_what_it_calls_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of one's own is named in addition to those that are known, and may go before them."""
    monkeypatch.setenv("SYNCLINE_PRICES__SHAPE", "defillama")
    monkeypatch.setenv("SYNCLINE_PRICES__PLATFORMS", '{"31337": "anvil", "1": "eth"}')
    monkeypatch.setenv("SYNCLINE_PRICES__COINS", '{"31337": "ethereum"}')
    settings = load_settings().prices
    assert (settings.shape, settings.platform(31337), settings.platform(1)) == (Shape.DEFILLAMA, "anvil", "eth")
    assert (settings.platform(8453), settings.platform(7), settings.coin(31337)) == ("base", None, "ethereum")
    assert [set(PLATFORMS[shape]) == set(COINS) for shape in Shape] == [True, True]
    assert PriceSettings().shape is Shape.COINGECKO


@pytest.mark.parametrize(
    ("name", "value"),
    [("SHAPE", "coinbase"), ("PLATFORMS", '{"1": "a/b"}'), ("COINS", '{"x": "y"}'), ("COINS_PER_REQUEST", "0")],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Also one whose value would break the address that is asked."""
    monkeypatch.setenv(f"SYNCLINE_PRICES__{name}", value)
    with pytest.raises(ConfigurationError, match=f"SYNCLINE_PRICES__{name}"):
        load_settings()
