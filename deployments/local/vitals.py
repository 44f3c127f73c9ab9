"""Signs of life of a child: an answer over HTTP, or a file that it touches; and when their absence means that it hangs.

A process that is stopped, or whose event loop stands still, has not ended: its parent sees that only by its silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

__all__ = [
    "SIGNS_VARIABLE",
    "Look",
    "Patience",
    "Silence",
    "Vitals",
    "answers_at",
    "cpu_seconds",
    "give_signs",
    "touches",
]

SIGNS_VARIABLE = "SYNCLINE_RUNNER_SIGNS"
"""Names the file that the runner touches."""
_TOUCH_EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
"""As long as one look waits for an answer."""
_MOST_SECONDS = 1.0
"""Of the time between two judgements so much counts as silence."""
_WORKING = 0.2
"""The part of it that counts where the process has used a core meanwhile."""
_USER_TICKS, _SYSTEM_TICKS = 11, 12
"""Fields of /proc/PID/stat behind the command's name, counted from 0."""
Look: TypeAlias = Callable[[], bool]
"""Whether the child gave a sign of life since the last call, or gives one now."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a child may be silent.

    Attributes:
        silent_seconds: once it has given a sign; on a busy machine an answer may take long.
        starting_seconds: before its first sign: it imports, and may bring a database up to date.
        look_every_seconds: between two looks.
    """

    silent_seconds: float = 60
    starting_seconds: float = 300
    look_every_seconds: float = 5


@dataclass(frozen=True, kw_only=True)
class Silence:
    """How long a child has been silent, in seconds in which its parent was awake.

    A machine that was suspended, or so busy that the parent itself stood still, says nothing of the child: of the time
    between two calls of `after` at most a second counts. Of a process that has used a core meanwhile it is a fifth: it
    works, or others take the cores from it, as they would from the one that is started in its place.

    Attributes:
        at: when it was last asked, in seconds of any steady clock.
        signs: how many signs there had been by then.
        seconds: how long there has been none.
        has_begun: whether this process has given a sign at all.
        cpu_seconds: what it had used of the cores by then.
    """

    at: float
    signs: int
    seconds: float = 0
    has_begun: bool = False
    cpu_seconds: float = 0.0

    def after(self, now: float, signs: int, cpu_seconds: float = 0.0) -> Silence:
        """The silence at `now`, when there have been so many `signs`, and the process has used so much of a core."""
        if signs != self.signs:
            return Silence(at=now, signs=signs, has_begun=True, cpu_seconds=cpu_seconds)
        passed = min(max(0, now - self.at), _MOST_SECONDS)
        if cpu_seconds > self.cpu_seconds:
            passed *= _WORKING
        seconds = self.seconds + passed
        return Silence(at=now, signs=signs, seconds=seconds, has_begun=self.has_begun, cpu_seconds=cpu_seconds)

    def is_too_long(self, patience: Patience) -> bool:
        """Whether the child hangs."""
        return self.seconds > (patience.silent_seconds if self.has_begun else patience.starting_seconds)


class Vitals:
    """Looks at one child from a thread, because a look may take long; counts the signs that it saw.

    Attributes:
        signs: how many.
    """

    def __init__(self, look: Look, *, every_seconds: float) -> None:
        """Begin to look, `every_seconds`."""
        self.signs = 0
        self._look = look
        self._every_seconds = every_seconds
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="vitals", daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(self._every_seconds):
            if self._look():
                self.signs += 1


def answers_at(url: str, *, method: str = "GET") -> Look:
    """Whether there is an answer at `url`, which has no TLS: any one, also one that tells of a trouble."""
    parts = urlsplit(url)

    def look() -> bool:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, parts.path)
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        else:
            return True
        finally:
            connection.close()

    return look


def cpu_seconds(pid: int) -> float:
    """What a process has used of the cores so far; 0 where the system does not tell (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def touches(file: Path) -> Look:
    """Whether `file` was touched since the last call; by its own times alone, whatever clock is set meanwhile."""
    seen: int | None = None

    def look() -> bool:
        nonlocal seen
        try:
            touched: int | None = file.stat().st_mtime_ns
        except OSError:
            touched = None
        before, seen = seen, touched
        return touched is not None and touched != before

    return look


async def give_signs() -> None:
    """Touch the file that the environment names, if it does, until cancelled: the event loop goes round."""
    name = os.environ.get(SIGNS_VARIABLE)
    while name is not None:
        _touch(Path(name))
        await asyncio.sleep(_TOUCH_EVERY_SECONDS)


def _touch(file: Path) -> None:
    with contextlib.suppress(OSError):  # a full disk, perhaps; the next time may do better
        file.touch(mode=0o600)
