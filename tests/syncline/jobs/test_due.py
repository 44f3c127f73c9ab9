"""When an account is due next."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncline.jobs.due import Freshness, MarketHours, Rhythm, is_stale, next_due, rhythm_of, spread

MONDAY = datetime(2026, 1, 19, tzinfo=UTC)
WORKDAYS = (0, 1, 2, 3, 4)
DAY_HOURS = MarketHours(opens=time(9), closes=time(17))
_UNSPREAD = next(key for key in map(str, range(100_000)) if abs(spread(key) - 1) < 1e-6)
"""An account's name whose interval is spread by less than a millionth."""


def near(instant: datetime) -> object:
    return pytest.approx(instant.timestamp(), abs=0.1)


def rhythm(market: MarketHours = DAY_HOURS, *, market_seconds: float = 300, off_seconds: float = 900) -> Rhythm:
    return rhythm_of(Freshness(market_seconds=market_seconds, off_seconds=off_seconds, market=market), {})


def due_after(rhythm: Rhythm, ended: datetime, **more: float) -> float:
    failures = int(more.get("failures", 0))
    return next_due(
        rhythm, ended, key=_UNSPREAD, failures=failures, interval_seconds=more.get("interval_seconds")
    ).timestamp()


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("UTC", date(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 10, 25)),
        ("America/New_York", date(2026, 3, 8)),
        ("America/New_York", date(2026, 11, 1)),
        ("Australia/Sydney", date(2026, 4, 5)),
        ("Australia/Sydney", date(2026, 10, 4)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
        ("Asia/Kathmandu", date(2026, 4, 5)),  # UTC + 5:45
        ("Pacific/Kiritimati", date(2026, 4, 5)),  # UTC + 14
    ],
)
@pytest.mark.parametrize(("opens", "closes"), [(time(9), time(17)), (time(22), time(6)), (time(0), time(0))])
def test_market_hours_are_those_of_the_clock_on_the_wall(zone: str, around: date, opens: time, closes: time) -> None:
    """Every half an hour over a change of the clocks, a weekend and a holiday."""
    holiday = around + timedelta(days=1)
    market = MarketHours(opens=opens, closes=closes, timezone=zone, days=WORKDAYS, holidays=frozenset({holiday}))
    start = datetime(around.year, around.month, around.day, tzinfo=UTC) - timedelta(days=3)
    for third in range(2, 96 * 5, 3):
        at = start + timedelta(minutes=10 * third)
        assert market.is_open(at) == _on_the_wall(market, at.astimezone(ZoneInfo(zone))), at


def _on_the_wall(market: MarketHours, local: datetime) -> bool:
    now, day = local.time(), local.date()
    if market.opens < market.closes:
        begun = day if market.opens <= now < market.closes else None
    elif now >= market.opens:
        begun = day
    else:
        begun = day - timedelta(days=1) if now < market.closes else None
    return begun is not None and begun.weekday() in market.days and begun not in market.holidays


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        (timedelta(hours=12), timedelta(hours=12, minutes=5)),
        (timedelta(hours=3), timedelta(hours=3, minutes=15)),
        (timedelta(hours=9), timedelta(hours=9, minutes=5)),  # the first instant belongs to the hours
        (timedelta(hours=8, minutes=50), timedelta(hours=9)),  # due as they begin, and not at 8:55
        (timedelta(hours=8, minutes=57), timedelta(hours=9, minutes=2)),
        (timedelta(hours=8, minutes=40), timedelta(hours=8, minutes=55)),
        (timedelta(hours=16, minutes=54), timedelta(hours=16, minutes=59)),
        (timedelta(hours=16, minutes=58), timedelta(hours=17, minutes=13)),
        (timedelta(hours=23, minutes=50), timedelta(days=1, minutes=5)),
    ],
)
def test_the_interval_is_that_of_the_hours_in_which_it_ends(ended: timedelta, due: timedelta) -> None:
    """Nothing is due by the market's rhythm before the market opens, nor after it has closed."""
    assert due_after(rhythm(), MONDAY + ended) == near(MONDAY + due)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        (timedelta(hours=12), timedelta(hours=12, minutes=15)),
        (timedelta(hours=3), timedelta(hours=3, minutes=5)),
        (timedelta(hours=8, minutes=57), timedelta(hours=9, minutes=12)),
        (timedelta(hours=16, minutes=50), timedelta(hours=17)),
        (timedelta(hours=16, minutes=57), timedelta(hours=17, minutes=2)),
    ],
)
def test_the_hours_outside_the_market_may_be_the_busier_ones(ended: timedelta, due: timedelta) -> None:
    """A user may ask for a sync every five minutes at night, and every fifteen by day."""
    own = rhythm(market_seconds=900, off_seconds=300)
    assert due_after(own, MONDAY + ended) == near(MONDAY + due)


@pytest.mark.parametrize(
    ("market", "ended", "due"),
    [
        (MarketHours(days=()), MONDAY, MONDAY + timedelta(hours=20)),  # it never opens
        (MarketHours(days=WORKDAYS), MONDAY - timedelta(hours=10), MONDAY + timedelta(hours=9)),  # Sunday to Monday
        (MarketHours(opens=time(0), closes=time(0)), MONDAY, MONDAY + timedelta(minutes=5)),  # it never closes
        (MarketHours(holidays=frozenset({MONDAY.date()})), MONDAY, MONDAY + timedelta(hours=20)),
    ],
)
def test_a_long_interval_ends_as_the_market_opens(market: MarketHours, ended: datetime, due: datetime) -> None:
    """An account that is synced every twenty hours off the market is not asleep as it opens."""
    assert due_after(rhythm(market, off_seconds=20 * 3600), ended) == near(due)


def test_a_market_that_never_closes_has_one_rhythm() -> None:
    """The night's shorter interval never begins, also not at midnight, where one day's hours end and the next begin."""
    own = rhythm(MarketHours(opens=time(0), closes=time(0)), market_seconds=900, off_seconds=300)
    assert due_after(own, MONDAY - timedelta(minutes=4)) == near(MONDAY + timedelta(minutes=11))


@pytest.mark.parametrize(("failures", "minutes"), [(0, 5), (1, 10), (2, 20), (6, 320), (7, 320), (500, 320)])
def test_an_account_that_fails_is_tried_less_often(failures: int, minutes: int) -> None:
    """5 minutes * 2^failures, six times doubled at most."""
    always = rhythm(MarketHours(opens=time(0), closes=time(0)))
    assert due_after(always, MONDAY, failures=failures) == near(MONDAY + timedelta(minutes=minutes))


def test_adaptive_freshness_knows_no_hours() -> None:
    """Its interval is in place of both, and grows with failures alike."""
    assert due_after(rhythm(), MONDAY, interval_seconds=1234) == near(MONDAY + timedelta(seconds=1234))
    assert due_after(rhythm(), MONDAY, interval_seconds=100, failures=1) == near(MONDAY + timedelta(seconds=200))


def test_accounts_are_spread_evenly_by_a_tenth() -> None:
    """What was queued together comes apart: 10,000 names fill each tenth of the span to a tenth, within a third."""
    factors = sorted(spread(f"0x{number:040x}") for number in range(10_000))
    assert 0.9 <= factors[0] < 0.901
    assert 1.099 < factors[-1] <= 1.1
    for tenth in range(10):
        low = 0.9 + 0.02 * tenth
        assert 700 < sum(low <= factor < low + 0.02 for factor in factors) < 1_300
    assert spread("a") == spread("a")


@pytest.mark.parametrize(
    ("settings", "market_seconds", "off_seconds"),
    [
        ({}, 300, 900),
        ({"frequency_seconds": 600}, 600, 600),  # one wish counts for all hours
        ({"frequency_seconds": 600, "off_hours_frequency_seconds": 1200}, 600, 1200),
        ({"off_hours_frequency_seconds": 1200}, 300, 1200),
        ({"frequency_seconds": 1}, 60, 60),  # not shorter than the operator allows
        ({"frequency_seconds": 10**7}, 86_400, 86_400),
    ],
)
def test_an_account_has_its_own_rhythm_within_limits(
    settings: dict[str, object], market_seconds: float, off_seconds: float
) -> None:
    """A user's setting wins over the source's, the operator's limits over both."""
    own = rhythm_of(Freshness(), settings)
    assert (own.market_seconds, own.off_seconds) == (market_seconds, off_seconds)


def test_an_account_has_its_own_market() -> None:
    """Zone, hours and weekends are a user's; holidays are the operator's."""
    policy = Freshness(market=MarketHours(holidays=frozenset({MONDAY.date()})))
    hours = {"from": "22:30", "to": "05:00", "days": ["mon", "sat", "sun"]}
    own = rhythm_of(policy, {"timezone": "Asia/Tokyo", "market_hours": hours, "weekends": False, "stale_seconds": 7})
    expected = MarketHours(
        opens=time(22, 30), closes=time(5), timezone="Asia/Tokyo", days=(0,), holidays=frozenset({MONDAY.date()})
    )
    assert (own.market, own.stale_seconds) == (expected, 7)


@pytest.mark.parametrize(("age", "stale"), [(None, True), (3600, False), (3600.001, True), (-5, False)])
def test_what_was_not_read_for_an_hour_is_stale(age: float | None, stale: bool) -> None:  # noqa: FBT001 - a table
    """The threshold itself is not stale."""
    last = None if age is None else MONDAY - timedelta(seconds=age)
    assert is_stale(rhythm(), last, MONDAY) is stale
