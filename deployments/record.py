"""What `syncline up` itself has to say: on the terminal, and with its time in `logs/up.log`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from deployments.log_writer import Log
from syncline.settings import Settings

__all__ = ["open_record"]


@contextmanager
def open_record(settings: Settings, say: Callable[[str], None]) -> Generator[Callable[[str], None]]:
    """A function that says a line and puts it on record; `say` prints a line for the user."""
    logs = settings.home / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = Log(logs / "up.log")

    def record(line: str) -> None:
        say(line)
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds').replace('+00:00', 'Z')} {line}\n".encode())

    try:
        yield record
    finally:
        log.close()
