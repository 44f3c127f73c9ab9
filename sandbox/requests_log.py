from collections import deque
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

KEPT_REQUESTS = 10_000


@dataclass(kw_only=True)
class Entry:
    """One request to an upstream, on record from its arrival on."""

    time: str
    """Its arrival, ISO 8601 in UTC."""
    method: str
    path: str
    query: str
    """The raw query text, without `?`."""
    range: str | None
    """The Range header, which pages where the query says nothing."""
    client: str | None
    """The caller's address and port: one connection, one client."""
    status: int | None = None
    """None while unanswered, and for good where the connection was dropped."""
    faults: tuple[str, ...] = ()
    """The kinds of fault that struck it."""

    def as_json(self) -> dict[str, Any]:
        """The entry as `GET /sandbox/requests` shows it."""
        return asdict(self)


class RequestLog:
    """The newest requests, oldest first; older ones are only counted."""

    def __init__(self, kept: int = KEPT_REQUESTS) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._forgotten = 0
        self._lock = Lock()

    def add(self, entry: Entry) -> None:
        """Put a request on record; its status is filled in later."""
        with self._lock:
            self._forgotten += len(self._entries) == self._entries.maxlen
            self._entries.append(entry)

    def entries(self, *, path: str | None = None, status: int | None = None) -> list[Entry]:
        """The requests kept, or those of one path and status."""
        with self._lock:
            kept = list(self._entries)
        return [e for e in kept if path in {None, e.path} and status in {None, e.status}]

    def count(self, *, path: str | None = None, status: int | None = None) -> int:
        """How many requests came since the last clear; of one path or status, how many of those kept."""
        if path is None and status is None:
            with self._lock:
                return self._forgotten + len(self._entries)
        return len(self.entries(path=path, status=status))

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._entries.clear()
            self._forgotten = 0
