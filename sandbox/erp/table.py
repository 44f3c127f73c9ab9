from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from threading import RLock
from typing import Generic

import msgspec

from sandbox.clock import Clock, stamp
from sandbox.dice import dice
from sandbox.erp.rows import Kind, RowT, life_dates
from sandbox.erp.selection import Selection

FIRST_SERIAL = 1001
"""Lower ones are free, for rows that are inserted early."""

Key = int | str


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of the rows that a change created, updated and deleted."""

    created: list[Key] = []
    updated: list[Key] = []
    deleted: list[Key] = []


class Table(Generic[RowT]):
    """The rows of one dataset, each kept as its JSON, in order of id and of updated_at.

    Every method may be called from any thread; hold `lock` to have several see the same rows.
    """

    def __init__(self, kind: Kind[RowT], *, seed: int, count: int, clock: Clock) -> None:
        self.kind = kind
        self.lock = RLock()
        self._clock = clock
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._encoder = msgspec.json.Encoder(decimal_format="number")
        self._changes = dice(seed, f"{kind.name}:changes")
        self._rows: dict[int, tuple[str, bytes]] = {}
        self._fill(dice(seed, kind.name), count)
        self._serials = list(self._rows)
        self._by_time = sorted((updated_at, serial) for serial, (updated_at, _) in self._rows.items())
        self._next_serial = FIRST_SERIAL + count
        self._selections: dict[tuple[str, bool], Selection] = {}

    def _fill(self, chance: Random, count: int) -> None:
        for serial in range(FIRST_SERIAL, FIRST_SERIAL + count):
            row = self.kind.make(chance, serial, *life_dates(chance))
            self._rows[serial] = (row.updated_at, self._encoder.encode(row))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RowT]:
        """All rows by rising id, as they are now."""
        with self.lock:
            bodies = [self._rows[serial][1] for serial in self._serials]
        return (msgspec.json.decode(body, type=self.kind.row) for body in bodies)

    def keys(self) -> list[Key]:
        """All ids, rising."""
        with self.lock:
            return [self.kind.key(serial) for serial in self._serials]

    def get(self, key: Key) -> RowT | None:
        """The row of an id."""
        body = self.json(key)
        return None if body is None else msgspec.json.decode(body, type=self.kind.row)

    def json(self, key: Key) -> bytes | None:
        """The row of an id, as it is sent."""
        with self.lock:
            held = self._rows.get(self.kind.serial(key) or 0)
        return None if held is None else held[1]

    def bodies(self, serials: list[int]) -> list[bytes]:
        """The JSON of rows that are there."""
        return [self._rows[serial][1] for serial in serials]

    def updated_at(self, serial: int) -> str:
        """When a row that is there was updated."""
        return self._rows[serial][0]

    def create(self, count: int = 1, *, early: bool = False) -> list[Key]:
        """Make rows with the next ids, or with the highest free ones below all others; answers the ids."""
        with self.lock:
            return [self.kind.key(self._create(early=early)) for _ in range(count)]

    def update(self, key: Key, **fields: object) -> None:
        """Change a row, as chance has it or as given, and its updated_at with it.

        Raises:
            KeyError: there is no such row.
        """
        with self.lock:
            row = self.get(key)
            if row is None:
                raise KeyError(key)
            changed = fields or self.kind.alter(self._changes, row)
            self._put(
                self.kind.serial(key) or 0,
                msgspec.structs.replace(row, **{"updated_at": self._now(), **changed}),
            )

    def delete(self, key: Key) -> None:
        """Remove a row; raises KeyError where there is none."""
        with self.lock:
            if self.json(key) is None:
                raise KeyError(key)
            self._remove(self.kind.serial(key) or 0)

    def change(self, *, create: int = 0, update: int = 0, delete: int = 0) -> Touched:
        """Create, update and delete so many rows (or as many as there are), no row twice.

        Which rows, and how they change, follows from the seed and the changes before.
        """
        with self.lock:
            picked = self._changes.sample(self._serials, min(update + delete, len(self._serials)))
            keys = [self.kind.key(serial) for serial in picked]
            for key in keys[:update]:
                self.update(key)
            for key in keys[update:]:
                self.delete(key)
            return Touched(created=self.create(create), updated=keys[:update], deleted=keys[update:])

    def tick(self) -> Touched:
        """The few changes that a little time brings."""
        with self.lock:
            chance = self._changes.randrange
            return self.change(create=chance(3), update=1 + chance(5), delete=chance(2))

    def select(self, *, since: str = "", newest_first: bool = False) -> Selection:
        """The rows with updated_at of at least `since` in order; good until the next change (hold `lock`)."""
        asked = (since, newest_first)
        if asked not in self._selections:
            self._selections[asked] = self._select(since, newest_first=newest_first)
        return self._selections[asked]

    def _select(self, since: str, *, newest_first: bool) -> Selection:
        if not since:
            marks = self._by_time if newest_first else self._serials
            return Selection(marks=marks, falling=newest_first)
        recent = list(islice(self._by_time, bisect_left(self._by_time, (since, 0)), None))
        return Selection(marks=recent if newest_first else sorted(serial for _, serial in recent), falling=newest_first)

    def _now(self) -> str:
        """The present, but later than ever before, so that no two changes share an updated_at."""
        self._latest = max(self._clock(), self._latest + timedelta(microseconds=1))
        return stamp(self._latest)

    def _create(self, *, early: bool) -> int:
        serial = self._next_serial
        if early and self._serials:
            serial = self._serials[0] - 1
        else:
            self._next_serial += 1
        now = self._now()
        self._put(serial, self.kind.make(self._changes, serial, now, now))
        return serial

    def _put(self, serial: int, row: RowT) -> None:
        if serial in self._rows:
            self._remove(serial)
        self._rows[serial] = (row.updated_at, self._encoder.encode(row))
        insort(self._serials, serial)
        insort(self._by_time, (row.updated_at, serial))
        self._selections.clear()

    def _remove(self, serial: int) -> None:
        updated_at, _ = self._rows.pop(serial)
        del self._serials[bisect_right(self._serials, serial) - 1]
        del self._by_time[bisect_left(self._by_time, (updated_at, serial))]
        self._selections.clear()
