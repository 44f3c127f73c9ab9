from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from threading import RLock
from typing import Any

import orjson

from sandbox.clock import Clock, stamp
from sandbox.dice import dice
from sandbox.paging import Kind as Paging

FIRST_SERIAL = 1001
"""Lower ones are free, for items that are inserted early."""
EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
"""About when the items of the first hour were made."""

Item = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Tail:
    """What stands around the items of a page."""

    total: int
    next_cursor: str | None
    next_url: str | None

    @property
    def more(self) -> bool:
        """Whether items come after this page."""
        return self.next_url is not None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """All that a feed must know of its items, and of how it shows them."""

    name: str
    path: str
    """Below the feed's own base."""
    paging: Paging | None
    """None: all items in one answer."""
    key: str
    """The field that tells items apart."""
    title: str
    """The field that names an item for people."""
    make: Callable[[Random, int, str], Item]
    """An item from dice, its serial number and an instant."""
    alter: Callable[[Random, Item, str], None]
    """Changes an item in place, at an instant."""
    envelope: Callable[[list[bytes], Tail], bytes]
    """The body of a page."""
    in_header: bool = False
    """Whether the next page's URL stands in the `Link` header."""


class Feed:
    """The items of one feed, in the order of their serial numbers.

    Every method may be called from any thread; hold `lock` to have several see the same items.
    """

    def __init__(self, kind: Kind, *, seed: int, count: int, clock: Clock) -> None:
        self.kind = kind
        self.lock = RLock()
        self._clock = clock
        self._changes = dice(seed, f"feeds:{kind.name}:changes")
        self._next_serial = FIRST_SERIAL + count
        self._items: dict[int, bytes] = {}
        chance = dice(seed, f"feeds:{kind.name}")
        for serial in range(FIRST_SERIAL, self._next_serial):
            made_at = EPOCH + timedelta(seconds=chance.randrange(90 * 86_400))
            self._items[serial] = orjson.dumps(kind.make(chance, serial, stamp(made_at)))
        self.serials = list(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> list[Item]:
        """All items, as they are now."""
        with self.lock:
            return [orjson.loads(self._items[serial]) for serial in self.serials]

    def bodies(self, serials: list[int]) -> list[bytes]:
        """The JSON of items that are there."""
        return [self._items[serial] for serial in serials]

    def key(self, serial: int) -> int | str:
        """The key of an item that is there."""
        found: int | str = orjson.loads(self._items[serial])[self.kind.key]
        return found

    def behind(self, serial: int) -> int:
        """The position of the first item that comes after a serial number, whether or not one with it is there."""
        return bisect_right(self.serials, serial)

    def create(self, count: int = 1, *, early: bool = False) -> list[int]:
        """Make items behind all others, or before them; answers their serial numbers."""
        return [self._create(early=early) for _ in range(count)]

    def update(self, serial: int, **fields: object) -> None:
        """Change an item, as chance has it or as given."""
        with self.lock:
            item = orjson.loads(self._items[serial])
            if fields:
                item.update(fields)
            else:
                self.kind.alter(self._changes, item, stamp(self._clock()))
            self._items[serial] = orjson.dumps(item)

    def delete(self, serial: int) -> None:
        """Remove an item; raises KeyError where there is none."""
        with self.lock:
            del self._items[serial]
            self.serials.remove(serial)

    def change(self, *, create: int = 0, update: int = 0, delete: int = 0) -> Mapping[str, list[int | str]]:
        """Create, update and delete so many items (or as many as there are), none twice; answers their keys.

        Which ones, and how they change, follows from the seed and the changes before.
        """
        with self.lock:
            picked = self._changes.sample(self.serials, min(update + delete, len(self.serials)))
            updated, deleted = picked[:update], picked[update:]
            gone = [self.key(serial) for serial in deleted]
            for serial in updated:
                self.update(serial)
            for serial in deleted:
                self.delete(serial)
            created = self.create(create)
            return {
                "created": [self.key(serial) for serial in created],
                "updated": [self.key(serial) for serial in updated],
                "deleted": gone,
            }

    def tick(self) -> None:
        """The few changes that a little time brings."""
        with self.lock:
            chance = self._changes.randrange
            self.change(create=chance(2), update=1 + chance(3), delete=chance(2))

    def _create(self, *, early: bool) -> int:
        with self.lock:
            first = early and bool(self.serials)
            serial = self.serials[0] - 1 if first else self._next_serial
            self._items[serial] = orjson.dumps(self.kind.make(self._changes, serial, stamp(self._clock())))
            self.serials.insert(0 if first else len(self.serials), serial)
            self._next_serial += not first
            return serial
