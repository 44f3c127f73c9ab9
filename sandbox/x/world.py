from collections import deque
from dataclasses import asdict, dataclass
from email.utils import format_datetime
from typing import Any

import msgspec

from sandbox.clock import Clock, stamp, utc_now
from sandbox.dice import dice
from sandbox.windows import Window
from sandbox.x.settings import Settings
from sandbox.x.tweets import Tweets
from sandbox.x.windows import other_headers, window_headers

USER_ID = "1888000000000000001"
"""Whom the tweets mention: the only user."""

KEPT = 10_000
"""So many lookups are kept."""


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """One request for tweets by id that was answered."""

    time: str
    """When, ISO 8601 in UTC."""
    ids: list[str]
    """What it asked for, in its order."""


class X:
    """All that X knows: the same for the same seed and clock, until it is changed."""

    def __init__(self, *, seed: int, mentions: int, clock: Clock = utc_now) -> None:
        self.user_id = USER_ID
        self.clock = clock
        self.settings = Settings()
        self.tweets = Tweets(seed=seed, count=mentions, clock=clock)
        self.windows = {"mentions": Window(), "lookups": Window()}
        self.problems: dict[str, str] = {}
        """Tweets by id of which a lookup tells a problem of this kind, which nobody may know, in place of the tweet."""
        self.lookups: deque[Lookup] = deque(maxlen=KEPT)
        """Oldest first; the newest only, where they are many."""
        self._seed = seed

    def limit(self, endpoint: str) -> int:
        """How many requests a window of `mentions` or `lookups` admits now."""
        limits = {"mentions": self.settings.mentions_limit, "lookups": self.settings.lookups_limit}
        return limits[endpoint]

    def admits(self, endpoint: str) -> bool:
        """Whether the endpoint's window has room for one more request, which then is counted."""
        seconds = self.settings.window_seconds
        return self.windows[endpoint].take(self.clock(), limit=self.limit(endpoint), seconds=seconds)

    def headers(self, endpoint: str, *, refused: bool = False) -> dict[str, str]:
        """What every answer of the endpoint says of the time and of its window; a 429 may mean another one."""
        now, seconds = self.clock(), self.settings.window_seconds
        told = window_headers(self.windows[endpoint], now, limit=self.limit(endpoint), seconds=seconds)
        if refused and self.settings.foreign_headers:
            told = other_headers(now)
        return {"Date": format_datetime(now, usegmt=True), **told}

    def is_silent(self, tweet_id: str) -> bool:
        """Whether a lookup says nothing of this tweet when it is gone; the same for the same seed."""
        return dice(self._seed, f"x:silent:{tweet_id}").random() < self.settings.silent_part

    def looked_up(self, ids: list[str]) -> None:
        """Put a lookup on record."""
        self.lookups.append(Lookup(time=stamp(self.clock()), ids=ids))

    def asked(self) -> dict[str, int]:
        """How often each tweet was asked for by id."""
        times: dict[str, int] = {}
        for lookup in list(self.lookups):
            for tweet_id in lookup.ids:
                times[tweet_id] = times.get(tweet_id, 0) + 1
        return times

    def forget(self) -> None:
        """Forget what was asked for, and what the windows admitted."""
        self.lookups.clear()
        self.windows.update(mentions=Window(), lookups=Window())

    def state(self) -> dict[str, Any]:
        """What `GET /sandbox/x` shows."""
        tweets = self.tweets
        with tweets.lock:
            return {
                "user_id": self.user_id,
                "settings": msgspec.to_builtins(self.settings),
                "tweets": len(tweets),
                "public": len(tweets.public_ids()),
                "deleted": [str(tweet_id) for tweet_id in sorted(tweets.deleted)],
                "authors": tweets.authors,
                "protected": sorted(tweets.protected),
                "windows": {name: self._shown(name) for name in self.windows},
            }

    def _shown(self, endpoint: str) -> dict[str, Any]:
        window, now, seconds = self.windows[endpoint], self.clock(), self.settings.window_seconds
        limit = self.limit(endpoint)
        open_now = window.is_open(now, seconds)
        return asdict(window) | {
            "began": None if window.began is None else stamp(window.began),
            "used": window.used if open_now else 0,
            "limit": limit,
            "open": open_now,
        }
