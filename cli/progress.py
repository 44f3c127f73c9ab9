"""The progress of a run: what its session has done so far, read from the database, and the bar of `syncline sync`."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Thread

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from cli import console
from cli.tables import number
from syncline.errors import SynclineError
from syncline.model.policies import Mode
from syncline.model.session import SyncSession
from syncline.model.target import Target
from syncline.store import heartbeats, sessions
from syncline.store.engine import Store
from syncline.words import ago, counted, span

__all__ = ["POLL_SECONDS", "Reading", "describe", "read", "shown"]

POLL_SECONDS = 0.2
_WIDE = 100
_STARTING = "starting"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A running session at one instant.

    Attributes:
        session_id: which session.
        mode: what it really does; an incremental run may have become a full one.
        at: the instant.
        started_at: when it began.
        pages: pages stored so far.
        total_pages: how many there will be, None where the upstream does not tell.
        items: items read so far.
        attempt: 1, or more after retries.
        waiting_for: what it waits for, None while it works.
        waiting_until: until when, where that is known.
    """

    session_id: str
    mode: Mode
    at: datetime
    started_at: datetime
    pages: int = 0
    total_pages: int | None = None
    items: int = 0
    attempt: int = 1
    waiting_for: str | None = None
    waiting_until: datetime | None = None

    @property
    def items_per_second(self) -> float:
        """The mean speed since it began."""
        return self.items / self._elapsed if self._elapsed > 0 else 0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at the mean speed so far; None before it can be told."""
        if not self.total_pages or not self.pages or self._elapsed <= 0:
            return None
        return max(self.total_pages - self.pages, 0) * self._elapsed / self.pages

    @property
    def _elapsed(self) -> float:
        return (self.at - self.started_at).total_seconds()


def read(store: Store, target: Target, *, since: datetime) -> Reading | None:
    """The newest running session of the target that began at `since` or later; None where there is none."""
    now = store.clock.now()
    with store.read() as connection:
        open_sessions = [
            session
            for session in sessions.running(connection, target.source)
            if session.started_at >= since and session.target == target
        ]
        return _reading(connection, open_sessions[-1], now) if open_sessions else None


def _reading(connection: Connection, session: SyncSession, now: datetime) -> Reading:
    beat = heartbeats.find(connection, session.target)
    return Reading(
        session_id=session.id,
        mode=session.mode,
        at=now,
        started_at=session.started_at,
        pages=session.pages_processed,
        total_pages=session.total_pages,
        items=session.items_processed,
        attempt=session.retry_count + 1,
        waiting_for=beat.waiting_for if beat else None,
        waiting_until=beat.waiting_until if beat else None,
    )


@contextmanager
def shown(label: str, look: Callable[[], Reading | None]) -> Generator[None]:
    """Draw what `look` sees, until the block ends; nothing where stderr is no terminal.

    The work itself stays in the main thread, where Ctrl-C and SIGTERM reach it; the looking is done beside it.
    """
    terminal = console.errors()
    if not terminal.is_terminal:
        yield
        return
    bar_width = 30 if terminal.width >= _WIDE else 12
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width),
        TextColumn("{task.fields[said]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=terminal, transient=True) as progress:
        task = progress.add_task(label, total=None, said=_STARTING)
        stop = Event()
        watcher = Thread(target=_follow, args=(progress, task, look, stop), daemon=True, name="progress")
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join(timeout=5)


def describe(reading: Reading) -> str:
    """The words beside the bar: pages, items, speed, time left, or what it waits for."""
    pages = counted(reading.pages, "page")
    if reading.total_pages:
        pages = f"{number(reading.pages)}/{counted(reading.total_pages, 'page')}"
    parts = [pages, counted(reading.items, "item")]
    if reading.waiting_for is not None:
        return " · ".join([*parts, _waiting(reading)])
    parts.append(f"{number(round(reading.items_per_second))}/s")
    if reading.seconds_left is not None:
        parts.append(f"{span(reading.seconds_left)} left")
    if reading.attempt > 1:
        parts.append(f"attempt {reading.attempt}")
    return " · ".join(parts)


def _waiting(reading: Reading) -> str:
    until = f" ({ago(reading.waiting_until, reading.at)})" if reading.waiting_until else ""
    return f"waits: {reading.waiting_for}{until}"


def _follow(progress: Progress, task: TaskID, look: Callable[[], Reading | None], stop: Event) -> None:
    """Look and draw, until told to stop."""
    while not stop.wait(POLL_SECONDS):
        try:
            reading = look()
        except (SynclineError, SQLAlchemyError):
            continue  # the database is busy, or being made: what is drawn stays
        if reading is not None:
            progress.update(task, completed=reading.pages, total=reading.total_pages, said=describe(reading))
