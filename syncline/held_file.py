"""A file that counts only while the process that wrote it lives: it holds a lock of the kernel's on it (flock(2)).

The lock ends with the process, however that ends; no file that a killed process left behind is taken for true.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["hold_file", "is_held"]

_TRIES = 20
_APART_SECONDS = 0.05
"""Between tries: a process that looks whether a file is held holds it for a moment, too."""


@contextmanager
def hold_file(path: Path, text: str) -> Generator[None]:
    """Write `text` to the file at `path` and hold it; its folder must be there.

    Raises:
        BlockingIOError: another process holds it; it keeps its text.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor)
        os.truncate(descriptor, 0)
        os.write(descriptor, text.encode())
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether the process that wrote the file at `path` lives."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_APART_SECONDS)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
