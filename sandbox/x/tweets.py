from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from threading import RLock
from typing import Any

from sandbox.clock import Clock
from sandbox.dice import dice
from sandbox.x.snowflake import created_at, lowest_id
from sandbox.x.words import PEOPLE, SAYINGS

HISTORY = timedelta(days=3)
"""How far back the mentions of the start reach."""
FIRST_AUTHOR = 1_500_000_000_000_000_000


@dataclass(frozen=True, kw_only=True)
class Tweet:
    """A tweet that mentions us."""

    id: int
    author_id: str
    text: str
    earlier: tuple[int, ...] = ()
    """The ids of the versions before it, the first one first."""

    def as_json(self, fields: Iterable[str]) -> dict[str, Any]:
        """As X shows it: id, text and edit history always, of the `fields` those that there are."""
        more: dict[str, Any] = {
            "author_id": self.author_id,
            "created_at": created_at(self.id),
            "conversation_id": str(self.id),
            "lang": "en",
            "public_metrics": {
                "retweet_count": 0, "reply_count": 0, "like_count": self.id % 7, "quote_count": 0,
                "bookmark_count": 0, "impression_count": self.id % 1000,
            },
        }  # fmt: skip
        history = [str(version) for version in (*self.earlier, self.id)]
        always = {"id": str(self.id), "text": self.text, "edit_history_tweet_ids": history}
        return always | {name: more[name] for name in fields if name in more}


class Tweets:
    """All tweets that mention us, in the order of their ids; those that are gone stay known.

    Ids are text, as X gives them. Every method may be called from any thread; hold `lock` to have several see the same.
    """

    def __init__(self, *, seed: int, count: int, clock: Clock) -> None:
        self.lock = RLock()
        self.deleted: set[int] = set()
        self.edited: set[int] = set()
        """Versions that a later one has taken the place of: timelines leave them out, lookups show them."""
        self.protected: set[str] = set()
        """Authors whose tweets only their followers see."""
        chance = dice(seed, "x")
        self.authors = [str(FIRST_AUTHOR + chance.randrange(10**17)) for _ in PEOPLE]
        self._clock = clock
        self._changes = dice(seed, "x:changes")
        self._by_id: dict[int, Tweet] = {}
        self.ids: list[int] = []
        """All ids, rising."""
        ages = sorted((chance.random() * HISTORY for _ in range(count)), reverse=True)
        now = clock()
        for age in ages:
            self._put(chance, lowest_id(now - age))

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, tweet_id: int) -> Tweet | None:
        """The tweet with an id, whether or not it is shown."""
        return self._by_id.get(tweet_id)

    def is_public(self, tweet_id: int) -> bool:
        """Whether everybody sees it: it is there, and its author is not protected."""
        tweet = self._by_id.get(tweet_id)
        return tweet is not None and tweet_id not in self.deleted and tweet.author_id not in self.protected

    def is_listed(self, tweet_id: int) -> bool:
        """Whether timelines show it: it is public, and the last version of itself."""
        return self.is_public(tweet_id) and tweet_id not in self.edited

    def public_ids(self) -> list[str]:
        """The ids of all tweets that everybody sees, newest first."""
        with self.lock:
            return [str(tweet_id) for tweet_id in reversed(self.ids) if self.is_public(tweet_id)]

    def add(self, count: int = 1, *, author_id: str | None = None, text: str | None = None) -> list[str]:
        """Have us mentioned now, by somebody or by this author; answers the ids, rising."""
        with self.lock:
            return [
                str(self._put(self._changes, lowest_id(self._clock()), author_id=author_id, text=text))
                for _ in range(count)
            ]

    def delete(self, tweet_id: str) -> None:
        """Have a tweet deleted; raises KeyError where there is none."""
        with self.lock:
            if int(tweet_id) not in self._by_id or int(tweet_id) in self.deleted:
                raise KeyError(tweet_id)
            self.deleted |= {int(tweet_id), *self._by_id[int(tweet_id)].earlier}

    def edit(self, tweet_id: str, text: str) -> str:
        """Have a tweet edited, which makes one with an id of its own; answers that id, raises KeyError."""
        with self.lock:
            before = self._by_id[int(tweet_id)]
            new = self._put(self._changes, lowest_id(self._clock()), author_id=before.author_id, text=text)
            self._by_id[new] = replace(self._by_id[new], earlier=(*before.earlier, before.id))
            self.edited.add(before.id)
            return str(new)

    def protect(self, author_id: str, *, protected: bool = True) -> None:
        """Have an author go protected, or come back; raises KeyError for one who is not known."""
        with self.lock:
            if author_id not in self.authors:
                raise KeyError(author_id)
            (self.protected.add if protected else self.protected.discard)(author_id)

    def tick(self) -> None:
        """What a little time brings: mentions, now and then a deletion, rarely an author who goes or comes back."""
        with self.lock:
            chance = self._changes
            self.add(chance.randrange(3))
            public = self.public_ids()
            if public and chance.randrange(3) == 0:
                self.delete(chance.choice(public[:100]))
            if chance.randrange(6) == 0:
                back = bool(self.protected) and chance.randrange(2) == 0
                self.protect(chance.choice(sorted(self.protected) if back else self.authors), protected=not back)

    def _put(self, chance: Random, lowest: int, *, author_id: str | None = None, text: str | None = None) -> int:
        author = author_id or chance.choice(self.authors)
        if author not in self.authors:
            self.authors.append(author)
        last = self.ids[-1] if self.ids else 0
        tweet_id = max(lowest + chance.randrange(1 << 12), last + 1)
        said = text or f"@syncline {chance.choice(SAYINGS)}"
        self._by_id[tweet_id] = Tweet(id=tweet_id, author_id=author, text=said)
        self.ids.append(tweet_id)
        return tweet_id
