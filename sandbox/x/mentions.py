"""One page of mentions, newest first."""

import re
from base64 import b32decode, b32encode
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sandbox.x.problems import InvalidRequestError, Json
from sandbox.x.snowflake import lowest_id
from sandbox.x.tweets import Tweets

DEFAULT_SIZE, SMALLEST_SIZE, LARGEST_SIZE = 10, 5, 100
HIGHEST_ID = 1 << 63
PARAMETERS = frozenset(
    {"since_id", "until_id", "start_time", "end_time", "max_results", "pagination_token", "exclude"}
    | {"expansions", "tweet.fields", "user.fields", "media.fields", "place.fields", "poll.fields"}
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a request asks for: ids above `since` and below `until`, and so many."""

    since: int
    until: int
    size: int


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """What the query asks for.

    Raises:
        InvalidRequestError: a parameter is wrong.
    """
    for name, value in query.items():
        if name not in PARAMETERS:
            known = ",".join(sorted(PARAMETERS))
            raise InvalidRequestError(name, value, f"The query parameter [{name}] is not one of [{known}]")
    above = [_id(query, "since_id"), _instant(query, "start_time", less=1)]
    below = [_id(query, "until_id"), _instant(query, "end_time"), _token(query)]
    return Wanted(
        since=max((bound for bound in above if bound is not None), default=0),
        until=min((bound for bound in below if bound is not None), default=HIGHEST_ID),
        size=_size(query),
    )


def page_ids(tweets: Tweets, wanted: Wanted, *, reach: int, cap: int) -> tuple[list[int], str | None]:
    """The ids of a page, and the token of the one behind it; hold the tweets' lock.

    The size counts tweets that are not shown as well, as at X: a page may be short, or empty, though others follow.
    """
    first = max(bisect_right(tweets.ids, wanted.since), len(tweets) - reach)
    stop = bisect_left(tweets.ids, wanted.until)
    start = max(first, stop - min(wanted.size, cap))
    ids = tweets.ids[start:stop][::-1]
    return ids, _token_of(ids[-1]) if ids and start > first else None


def body(rows: list[Json], next_token: str | None) -> Json:
    """The answer; `data` is left out where there is nothing."""
    meta: Json = {"result_count": len(rows)}
    if rows:
        meta |= {"newest_id": rows[0]["id"], "oldest_id": rows[-1]["id"]}
    if next_token is not None:
        meta["next_token"] = next_token
    return {"data": rows, "meta": meta} if rows else {"meta": meta}


def _token_of(tweet_id: int) -> str:
    return b32encode(f"<{tweet_id}".encode()).decode().rstrip("=").lower()


def _token(query: Mapping[str, str]) -> int | None:
    token = query.get("pagination_token")
    if token is None:
        return None
    try:
        plain = b32decode(token.upper() + "=" * (-len(token) % 8)).decode()
        return int(plain.removeprefix("<"))
    except ValueError:
        said = f"The `pagination_token` query parameter value [{token}] is not valid"
        raise InvalidRequestError("pagination_token", token, said) from None


def _id(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text):
        said = f"The `{name}` query parameter value [{text}] does not match ^[0-9]{{1,19}}$"
        raise InvalidRequestError(name, text, said)
    return int(text)


def _instant(query: Mapping[str, str], name: str, *, less: int = 0) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError(text)  # noqa: TRY301 - one way to say both
        return lowest_id(datetime.fromisoformat(text)) - less
    except ValueError:
        said = f"The `{name}` query parameter value [{text}] does not match yyyy-MM-ddTHH:mm:ssZ"
        raise InvalidRequestError(name, text, said) from None


def _size(query: Mapping[str, str]) -> int:
    text = query.get("max_results", str(DEFAULT_SIZE))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not SMALLEST_SIZE <= int(text) <= LARGEST_SIZE:
        bounds = f"between {SMALLEST_SIZE} and {LARGEST_SIZE}"
        said = f"The `max_results` query parameter value [{text}] is not {bounds}"
        raise InvalidRequestError("max_results", text, said)
    return int(text)
