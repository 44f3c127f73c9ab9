"""The libraries that one would take instead, each as its documentation says.

pyrate-limiter is the only one that keeps a limit across processes in SQLite or PostgreSQL. The others count in memory,
each process for itself: they show what a decision costs without a database.
"""

import logging
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from typing import Any

import aiolimiter
import limits
import pybreaker
import throttled
from filelock import FileLock
from psycopg_pool import ConnectionPool
from pyrate_limiter import Limiter, PostgresBucket, Rate, SQLiteBucket

from benchmarks.resilience.ground import LIMIT, Ground
from benchmarks.resilience.laps import Decide, Lap, lap, lap_of_awaited

__all__ = [
    "aiolimiter_in_memory",
    "limits_in_memory",
    "pybreaker_in_memory",
    "pyrate",
    "pyrate_limiter",
    "throttled_in_memory",
]

_MANY = 10**6
_DAY_SECONDS = 86_400
_LEAK_EVERY = 500


@contextmanager
def pyrate(ground: Ground, *, admits: bool) -> Generator[Callable[[float], Lap]]:
    """60 a millisecond, which admits whatever is asked for; or 60 a day, which are spent."""
    period_seconds, table = (0.001, "wide") if admits else (_DAY_SECONDS, "spent")
    with pyrate_limiter(ground, table, period_seconds=period_seconds) as decide:
        if not admits:
            for _ in range(10 * LIMIT):
                decide()
        yield partial(lap, lambda: decide() is admits)


@contextmanager
def pyrate_limiter(ground: Ground, table: str, *, period_seconds: float) -> Generator[Decide]:
    """A limiter of all processes: by a file lock beside SQLite, by a table lock on PostgreSQL.

    It forgets what has left the window as often as keeps its table small.
    """
    logging.getLogger("pyrate_limiter").setLevel(logging.CRITICAL)
    rate = Rate(LIMIT, round(period_seconds * 1000))
    with ExitStack() as stack:
        bucket: Any
        if ground.kind == "sqlite":
            bucket = _file_locked(str(ground.folder / f"pyrate-{table}.db"), rate)
        else:
            address = ground.store.url.set(drivername="postgresql").render_as_string(hide_password=False)
            pool: Any = stack.enter_context(ConnectionPool(address, min_size=1, max_size=2, open=True))
            bucket = PostgresBucket(pool, table, [rate])
        limiter = Limiter(bucket)
        stack.callback(limiter.close)
        asked = count(1)

        def decide() -> bool:
            if next(asked) % _LEAK_EVERY == 0:
                bucket.leak(bucket.now())
            return bool(limiter.try_acquire("request", blocking=False))

        yield decide


class _PatientLock(FileLock):
    """What pyrate-limiter's `acquire(False)` meant before filelock 4 refused it, except that it waits its turn."""

    def acquire(self, timeout: float | None = None, **options: Any) -> Any:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride] - as it is called
        return super().acquire(None if timeout is False else timeout, **options)


def _file_locked(path: str, rate: Rate) -> SQLiteBucket:
    lock = _PatientLock(f"{path}.lock")
    with lock:
        made = SQLiteBucket.init_from_file([rate], db_path=path)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            made.conn.execute(f"PRAGMA {pragma}")
    return SQLiteBucket([rate], made.conn, table=made.table, lock=lock)


@contextmanager
def limits_in_memory(ground: Ground, *, admits: bool) -> Generator[Callable[[float], Lap]]:
    """The moving window of `limits`."""
    del ground
    limiter: Any = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
    item = limits.RateLimitItemPerSecond(_MANY) if admits else limits.RateLimitItemPerDay(LIMIT)
    yield _spent(lambda: limiter.hit(item, "request"), admits=admits)


@contextmanager
def throttled_in_memory(ground: Ground, *, admits: bool) -> Generator[Callable[[float], Lap]]:
    """The token bucket of throttled-py."""
    del ground
    quota = throttled.per_sec(_MANY, burst=_MANY) if admits else throttled.per_day(LIMIT, burst=LIMIT)
    limiter = throttled.Throttled(using="token_bucket", quota=quota, store=throttled.MemoryStore())
    yield _spent(lambda: not limiter.limit("request").limited, admits=admits)


def _spent(decide: Decide, *, admits: bool) -> Callable[[float], Lap]:
    if not admits:
        for _ in range(2 * LIMIT):
            decide()
    return partial(lap, lambda: decide() is admits)


@contextmanager
def aiolimiter_in_memory(ground: Ground) -> Generator[Callable[[float], Lap]]:
    """The leaky bucket of aiolimiter; it blocks instead of denying."""
    del ground

    def laps(seconds: float) -> Lap:
        return lap_of_awaited(aiolimiter.AsyncLimiter(_MANY, 1).acquire, seconds)

    yield laps


@contextmanager
def pybreaker_in_memory(ground: Ground) -> Generator[Callable[[float], Lap]]:
    """A closed breaker of pybreaker, and a call that does nothing."""
    del ground
    breaker: Any = pybreaker.CircuitBreaker(fail_max=5)
    yield partial(lap, lambda: breaker.call(bool, 1))
