"""Writes the output of a child to its log, which it keeps bounded: `python log_writer.py LOG`, output on its input.

A process of its own, so that no line is lost when `syncline up` is killed: it ends with the last process that writes
to it. It is started by its path, without the packages of the environment, and takes 7 MB.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

__all__ = ["KEPT", "LIMIT_BYTES", "Log", "main"]

LIMIT_BYTES = 10_000_000
"""At this size a log becomes `NAME.log.1`."""
KEPT = 2
"""So many older ones are kept."""
_CHUNK_BYTES = 65_536


class Log:
    """A file that takes whole lines up to a limit, then goes on as a new one."""

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES, kept: int = KEPT) -> None:
        """Go on with the file at `path`."""
        self._path, self._limit_bytes, self._kept = path, limit_bytes, kept
        self._open()

    def write(self, data: bytes) -> None:
        """Append `data`; a line that it ends stays with its beginning."""
        if self._size + len(data) > self._limit_bytes:
            end = data.find(b"\n") + 1
            self._append(data[:end])
            data = data[end:]
            if end:
                self._begin_anew()
        self._append(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _append(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a full disk must not stop the child, whose output would not be read then
            while data:
                written = os.write(self._descriptor, data)
                self._size += written
                data = data[written:]

    def _begin_anew(self) -> None:
        self.close()
        with contextlib.suppress(OSError):
            for number in range(self._kept, 0, -1):
                older = self._numbered(number - 1)
                if older.exists():
                    older.replace(self._numbered(number))
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size


def main(path: Path) -> None:
    """Write until the standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what the child says at its end is to be kept as well
    log = Log(path)
    while data := os.read(sys.stdin.fileno(), _CHUNK_BYTES):
        log.write(data)
    log.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
