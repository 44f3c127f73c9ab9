"""How many requests an upstream says are left, read from the headers of any answer."""

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncline.model.page import Headers
from syncline.upstreams.limits import wait_seconds

__all__ = ["Quota", "read_quota"]

_REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """So many requests are left until the upstream counts anew."""

    remaining: int
    until: datetime


def read_quota(headers: Headers, now: datetime) -> Quota | None:
    """The tightest quota of which both the rest and the end are told; None where none is, or it makes no sense.

    Understood are `RateLimit: "default";r=5;t=12` and its older form `limit=10, remaining=5, reset=12` (IETF drafts),
    and the pairs `RateLimit-Remaining` and `-Reset`, `X-RateLimit-…`, `X-Rate-Limit-…`.
    """
    pairs = _structured(headers.get("ratelimit") or "")
    for remaining, reset in zip(_REMAINING, _RESETS, strict=True):
        rest = re.fullmatch(r"\s*(\d{1,9})\s*", headers.get(remaining) or "")
        wait = wait_seconds(headers.get(reset) or "", now)
        if rest is not None and wait is not None:
            pairs.append((int(rest[1]), wait))
    told = [(rest, wait) for rest, wait in pairs if wait > 0]
    if not told:
        return None
    rest, wait = min(told, key=lambda pair: (pair[0], -pair[1]))
    return Quota(remaining=rest, until=now + timedelta(microseconds=math.ceil(wait * 1_000_000)))


def _structured(field: str) -> list[tuple[int, float]]:
    quotas = [field] if "reset" in field else re.split(r",(?=\s*[\"\w*])", field)
    found: list[tuple[int, float]] = []
    for quota in quotas:
        rest = re.search(r"\b(?:r|remaining)=(\d{1,9})\b", quota)
        wait = re.search(r"\b(?:t|reset)=(\d{1,9})\b", quota)
        if rest and wait:
            found.append((int(rest[1]), float(wait[1])))
    return found
