"""The Unix socket in the state folder, through which a command that only reads (a look) is run by a fork.

Used by both ends, and loads little: the command's own process has done its work once the fork runs.

1. The fork sends `HELLO`. Descriptors that are not taken up would stay open in the socket after the command has ended,
   and a pipe behind it would have no end.
2. The command sends a `Request` and its descriptors 0, 1 and 2 and its working directory (SCM_RIGHTS, unix(7)).
3. The fork answers `READY`; where it cannot take the command's place, it ends, and the command runs by itself.
4. The command sends `GO`, and from then on the command is the fork's. The command sends `INTERRUPT` at each Ctrl-C.
5. The fork sends the exit code in one byte. An end without it: the fork was killed.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "GO",
    "HELLO",
    "INTERRUPT",
    "READY",
    "SOCKET",
    "Request",
    "connect",
    "is_own_user",
    "listen",
    "receive",
    "same_for_both",
    "send",
]

SOCKET = "looks.sock"
"""Its name in the state folder."""
HELLO, READY, GO, INTERRUPT = b"h", b"r", b"g", b"i"
_DESCRIPTORS = 4
_LENGTH_BYTES = 4
_BACKLOG = 16
_MOST_BYTES = 32 * 2**20
"""More than the kernel lets a process have as its environment, each byte written as a JSON escape."""
_NAMESPACES = ("mnt", "net", "pid", "user")
_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""


class Request(NamedTuple):  # a dataclass takes the command's process 0.01 CPU s to import
    """What a fork needs to take the place of a command.

    Attributes:
        same: what must be the same in both processes (`same_for_both`).
        arguments: the command line, without the program.
        environment: all variables.
        streams: how stdout and stderr write text: encoding, errors, write_through.
        ignores_interrupt: whether Ctrl-C does nothing, as for a background process of a shell script.
    """

    same: Sequence[object]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    streams: Sequence[Sequence[Any]]
    ignores_interrupt: bool


def same_for_both() -> list[object]:
    """What this process has from its start: another program, Python, user or container must run the command itself."""
    root = Path("/").stat()
    return [
        str(Path(__file__).parent),
        sys.version,
        sys.prefix,
        list(sys.flags),
        list(sys.warnoptions),
        sys.getfilesystemencoding(),
        os.environ.get("PYTHONPATH"),
        [*os.getresuid(), *os.getresgid(), *sorted(os.getgroups())],
        [root.st_dev, root.st_ino],
        [str(Path(f"/proc/self/ns/{name}").readlink()) for name in _NAMESPACES],
    ]


def listen(home: Path) -> socket.socket:
    """A socket that listens in the folder `home`, in the place of one that an earlier process left or has.

    Raises:
        OSError: the folder cannot hold one.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        with _folder(home) as folder:
            beside = f"{folder}/{SOCKET}.{os.getpid()}"
            listener.bind(beside)
            try:
                Path(beside).chmod(0o600)
                listener.listen(_BACKLOG)
                Path(beside).replace(f"{folder}/{SOCKET}")
            except OSError:
                Path(beside).unlink(missing_ok=True)
                raise
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def connect(home: Path, timeout_seconds: float) -> socket.socket:
    """A connection to the process that listens in the folder `home`.

    Raises:
        OSError: none does.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_seconds)
    try:
        with _folder(home) as folder:
            connection.connect(f"{folder}/{SOCKET}")
    except OSError:
        connection.close()
        raise
    return connection


@contextmanager
def _folder(home: Path) -> Generator[str]:
    """A short name of the folder: the path of a socket has at most 107 bytes (unix(7))."""
    descriptor = os.open(home, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def is_own_user(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to the same user."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, user, _group = _CREDENTIALS.unpack(told)
    return bool(user == os.geteuid())


def send(connection: socket.socket, request: Request, descriptors: Sequence[int]) -> None:
    """Send the request with the `descriptors`: stdin, stdout, stderr, and the working directory."""
    body = json.dumps(request._asdict()).encode()
    socket.send_fds(connection, [len(body).to_bytes(_LENGTH_BYTES, "big")], descriptors)
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Request, list[int]]:
    """The request and its descriptors.

    Raises:
        ValueError: it is none.
        OSError: the other end is gone.
    """
    head, descriptors, _flags, _address = socket.recv_fds(connection, _LENGTH_BYTES, _DESCRIPTORS)
    length = int.from_bytes(head, "big")
    if len(head) < _LENGTH_BYTES or len(descriptors) != _DESCRIPTORS or length > _MOST_BYTES:
        raise ValueError("this is no request")
    body = bytearray()
    while len(body) < length:
        part = connection.recv(length - len(body))
        if not part:
            raise ConnectionResetError
        body += part
    found: dict[str, Any] = json.loads(body)
    return Request(**found), descriptors
