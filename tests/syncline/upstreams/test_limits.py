from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.upstreams.limits import http_date, retry_at

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
FIELDS = (
    "Retry-After",
    "RateLimit",
    "RateLimit-Reset",
    "X-RateLimit-Reset",
    "x-rate-limit-reset",
)
RESETS = ("Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset")
INSTANTS = (
    "2026-03-01T12:00:50Z",
    "2026-03-01T12:00:50.000Z",
    "2026-03-01T13:00:50+01:00",
    "2026-03-01 12:00:50",
    "Sun, 01 Mar 2026 12:00:50 GMT",
)
"""Fifty seconds ahead, as providers write it where a number belongs."""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30),
        ({"RateLimit": '"default";r=0;t=12'}, 12),
        ({"RateLimit": '"burst";r=5;t=2, "daily";r=0;t=600'}, 600),
        ({"RateLimit": '"burst";r=0;t=2, "daily";r=0;t=600'}, 600),
        ({"RateLimit": "limit=100, remaining=0, reset=50"}, 50),
        ({"RateLimit-Reset": "30"}, 30),
        ({"X-RateLimit-Reset": str(EPOCH + 45)}, 45),
        ({"X-RateLimit-Reset": str((EPOCH + 45) * 1000)}, 45),
        ({"x-rate-limit-reset": str(EPOCH + 900)}, 900),
        ({"X-RateLimit-Reset": "20"}, 20),
        ({"Retry-After": "7", "X-RateLimit-Reset": str(EPOCH + 900)}, 7),
        ({"Retry-After": "soon", "RateLimit-Reset": "9"}, 9),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"}, 20),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "3", "RateLimit-Reset": "40"}, 40),
        ({"Retry-After": "50, 53"}, 53),
        ({"Retry-After": "20, soon"}, 20),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT, 45"}, 45),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT, Sun, 01 Mar 2026 12:00:40 GMT"}, 40),
        ({"Retry-After": "Sunday, 01-Mar-26 12:00:30 GMT"}, 30),
        ({"Retry-After": str(EPOCH + 33)}, 33),
        *(({field: text}, 50) for field in RESETS for text in INSTANTS),
    ],
)
def test_the_upstreams_own_time_is_read(headers: dict[str, str], seconds: float) -> None:
    """Asking before that time earns another refusal, and often a longer one."""
    assert retry_at(httpx.Headers(headers), NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": "-5"},
        {"Retry-After": "tomorrow"},
        {"Retry-After": "1e400"},
        {"Retry-After": "99999999999999"},
        {"Retry-After": "Sun, 01 Mar 2026 11:59:59 GMT"},
        {"Retry-After": "Sun, 99 Mar 2026 11:59:59 GMT"},
        {"Retry-After": "2026-03-01T11:59:59Z"},
        {"X-RateLimit-Reset": "2026-03-01T25:00:00Z"},
        {"X-RateLimit-Reset": "9999-12-31T23:59:59-23:00"},
        {"X-RateLimit-Reset": str(EPOCH - 10)},
        {"RateLimit": '"default";r=50;t=12'},
        {"RateLimit": "nonsense"},
        {"x-rate-limit-remaining": "449", "x-rate-limit-reset": str(EPOCH + 3)},
    ],
)
def test_junk_and_times_gone_by_name_no_time(headers: dict[str, str]) -> None:
    """A header that makes no sense must leave the decision to our own backoff."""
    assert retry_at(httpx.Headers(headers), NOW) is None


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(st.characters(codec="latin-1"), max_size=60)))
def test_no_header_can_break_the_reader_or_send_it_back_in_time(headers: dict[str, str]) -> None:
    """What an upstream writes into its headers is beyond our control."""
    when = retry_at(_headers(headers), NOW)
    assert when is None or NOW < when <= NOW + timedelta(days=366)


@given(st.sampled_from(FIELDS), st.integers(-(10**18), 10**18))
def test_any_number_is_a_sane_wait_or_none(field: str, number: int) -> None:
    """Epochs, milliseconds, deltas and overflows share these fields."""
    when = retry_at(_headers({field: str(number)}), NOW)
    assert when is None or NOW < when <= NOW + timedelta(days=366)


@given(st.integers(1, 31_000_000))
def test_seconds_and_date_say_the_same(seconds: int) -> None:
    """RFC 9110 lets the server choose between the two."""
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_at(_headers({"Retry-After": date}), NOW) == retry_at(_headers({"Retry-After": str(seconds)}), NOW)


def test_two_headers_of_one_name_are_one_list() -> None:
    """Each proxy on the way may add its own; httpx joins them by commas, and the longest of them is obeyed."""
    twice = httpx.Headers([("Retry-After", "50"), ("Retry-After", "53")])
    assert retry_at(twice, NOW) == NOW + timedelta(seconds=53)


def test_a_date_is_read_as_utc() -> None:
    """The Date header is what clock skew is measured by."""
    assert http_date("Sun, 01 Mar 2026 12:00:00 GMT") == NOW
    assert http_date("yesterday") is None
    assert http_date(None) is None


def _headers(fields: dict[str, str]) -> httpx.Headers:
    return httpx.Headers([(name.encode(), value.encode("latin-1")) for name, value in fields.items()])
