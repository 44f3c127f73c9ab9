"""What headers say of an upstream's rate limits: when it may be asked again, and how many requests are left until when.

| header | meaning | source |
| --- | --- | --- |
| `Retry-After` | seconds, or an HTTP date; wins over the others | RFC 9110, section 10.2.3 |
| `RateLimit: "default";r=0;t=12` | seconds until a spent quota is refilled | draft-ietf-httpapi-ratelimit-headers |
| `RateLimit: limit=10, remaining=0, reset=12`, `RateLimit-Reset: 12` | the same, in older drafts | drafts 00 to 07 |
| `X-RateLimit-Reset`, `X-Rate-Limit-Reset` | (milli)seconds since 1970, or seconds from now when small | providers |

Providers also write an ISO 8601 instant or an HTTP date where a number belongs, and an epoch where seconds belong: each
field is read in all of these forms. Where a field comes twice, the longest wait is obeyed.

A reset whose quota has something left is not what refused us: X's 429s may describe another endpoint's.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from syncline.model.page import Headers

__all__ = ["Quota", "http_date", "read_quota", "retry_at", "wait_seconds"]

_LARGEST_WAIT_SECONDS = 366 * 86_400
"""Longer waits are ignored: some servers send a date or a number of their own in place of a wait."""
_SMALLEST_EPOCH = 100_000_000
"""Below this (March 1973) a reset is counted from now, above it from 1970."""
_SMALLEST_EPOCH_MS = 100_000_000_000
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d")
_TIMES = re.compile(r"(?<!mon|tue|wed|thu|fri|sat|sun|day),", re.IGNORECASE)
"""What stands between several times of one field: a comma, but not the one after the weekday of an HTTP date."""
_MOST_REMAINING = 999_999_999
"""A larger rest limits nothing."""
_QUOTAS = ("ratelimit", "x-ratelimit", "x-rate-limit")


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """So many requests are left until the upstream counts anew."""

    remaining: int
    until: datetime


def retry_at(headers: Headers, now: datetime) -> datetime | None:
    """The instant from which the upstream lets us ask again; None if it names none that lies ahead of `now`."""
    named = _retry_after(headers.get("retry-after"), now)
    if named is not None:
        return named
    return max(_resets(headers, now), default=None)


def read_quota(headers: Headers, now: datetime) -> Quota | None:
    """The tightest quota of which both the rest and the end are told; None if none is, or it makes no sense.

    Understood are `RateLimit: "default";r=5;t=12` and its older form `limit=10, remaining=5, reset=12` (IETF drafts),
    and the pairs `RateLimit-Remaining` and `-Reset`, `X-RateLimit-…`, `X-Rate-Limit-…`. Any answer may have them.
    """
    told = list(_structured(headers.get("ratelimit") or ""))
    told += [(_remaining(headers, name), wait_seconds(headers.get(f"{name}-reset") or "", now)) for name in _QUOTAS]
    quotas = [
        Quota(remaining=int(left), until=until)
        for left, wait in told
        if left is not None and left <= _MOST_REMAINING and wait is not None and (until := _ahead(wait, now))
    ]
    return min(quotas, key=lambda quota: (quota.remaining, -quota.until.timestamp()), default=None)


def http_date(text: str | None) -> datetime | None:
    """The instant of an HTTP date (RFC 9110, section 5.6.7), UTC; None if `text` is none."""
    if text is None:
        return None
    try:
        instant = parsedate_to_datetime(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def wait_seconds(field: str, now: datetime) -> float | None:
    """The seconds from `now` to the instant that a field names, the longest where it names several.

    Proxies that each add a header of their own make it `50, 53`. None if no instant is named, or an absurd one.
    """
    waits = [wait for text in _TIMES.split(field) if (wait := _wait(text.strip(), now)) is not None]
    return max((wait for wait in waits if wait <= _LARGEST_WAIT_SECONDS), default=None)


def _wait(text: str, now: datetime) -> float | None:
    """The seconds from `now` to a number, an ISO 8601 instant or an HTTP date; below 0: it is past."""
    if _NUMBER.fullmatch(text):
        return _from_now(float(text), now)
    instant = _iso_instant(text) if _ISO_DATE.match(text) else http_date(text)
    return None if instant is None else (instant - now).total_seconds()


def _iso_instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(text: str | None, now: datetime) -> datetime | None:
    wait = None if text is None else wait_seconds(text, now)
    return None if wait is None else _ahead(wait, now)


def _resets(headers: Headers, now: datetime) -> Iterator[datetime]:
    """All instants at which a spent quota is refilled: the latest is the one to wait for."""
    waits = [wait for left, wait in _structured(headers.get("ratelimit") or "") if not left]
    named = (wait_seconds(headers.get(f"{name}-reset") or "", now) for name in _QUOTAS if not _remaining(headers, name))
    waits += [wait for wait in named if wait is not None]
    for wait in waits:
        instant = _ahead(wait, now)
        if instant is not None:
            yield instant


def _remaining(headers: Headers, quota: str) -> float | None:
    """How much of the quota is left; None if that is not told."""
    left = (headers.get(f"{quota}-remaining") or "").strip()
    return float(left) if _NUMBER.fullmatch(left) else None


def _structured(field: str) -> Iterator[tuple[float | None, float]]:
    """Each quota of a `RateLimit` field: what is left of it, if that is told, and the seconds until its refill."""
    quotas = [field] if "reset" in field else re.split(r",(?=\s*[\"\w*])", field)
    for quota in quotas:
        left = re.search(r"\b(?:r|remaining)=(\d{1,15})\b", quota)
        wait = re.search(r"\b(?:t|reset)=(\d{1,15})\b", quota)
        if wait:
            yield (float(left[1]) if left else None), float(wait[1])


def _from_now(value: float, now: datetime) -> float:
    if value >= _SMALLEST_EPOCH_MS:
        return value / 1000 - now.timestamp()
    return value - now.timestamp() if value >= _SMALLEST_EPOCH else value


def _ahead(seconds: float, now: datetime) -> datetime | None:
    """`now` moved by `seconds`, rounded up to a microsecond; None if that is no wait, or an absurd one."""
    if not 0 < seconds <= _LARGEST_WAIT_SECONDS:
        return None
    return now + timedelta(microseconds=math.ceil(seconds * 1_000_000))
