"""The progress bar of `syncline sync`: a picture of the session's row, drawn on stderr while the session runs."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Thread

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from sqlalchemy.exc import SQLAlchemyError

from cli import console
from cli.tables import number
from cli.watch import Reading
from syncline.errors import SynclineError
from syncline.words import ago, counted, span

__all__ = ["POLL_SECONDS", "describe", "shown"]

POLL_SECONDS = 0.2
_WIDE = 100
_STARTING = "starting"


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
