"""What a fork does to take the place of a command that only reads.

It adopts what the command's process has (environment, working directory, descriptors) and then runs the same code as
it would. That reads the settings anew: the fork looks at the instance that they name, whichever started the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import BinaryIO, NoReturn, TextIO, TypeAlias, cast

from deployments.exiting import run_exit_functions
from deployments.local.running_code import LoadedCode
from deployments.look_socket import GO, HELLO, INTERRUPT, READY, Request, receive, same_for_both

__all__ = ["Main", "run_look"]

Main: TypeAlias = Callable[[Sequence[str]], int]
"""Runs a command line; returns its exit code."""

_ASK_SECONDS = 3.0
"""A fork that has not been told to begin by then ends."""
_FLUSH_FAILED = 120
"""The interpreter's exit code where stdout cannot be flushed at its end."""


def run_look(connection: socket.socket, main: Main, code: LoadedCode) -> NoReturn:
    """Take the place of the command at the other end of the `connection`, and end with its exit code.

    Where that cannot be (the `code` on disk is another by now, it is another Python's process) the fork ends without a
    word, and the command runs by itself.
    """
    try:
        request, descriptors = _agreed(connection, code)
    except Exception:  # noqa: BLE001 - whatever it is, the command's process does without the fork
        os._exit(0)
    _become(request, descriptors)
    _follow_command(connection)
    ended = _exit_code(main, request.arguments)
    with contextlib.suppress(OSError):
        connection.send(bytes([ended & 0xFF]))
    os._exit(ended & 0xFF)


def _agreed(connection: socket.socket, code: LoadedCode) -> tuple[Request, list[int]]:
    """The request, once the command has said that the fork is to run it."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _ASK_SECONDS)  # ends the fork
    connection.sendall(HELLO)
    request, descriptors = receive(connection)
    if list(request.same) != same_for_both() or not code.is_current():
        os._exit(0)
    connection.sendall(READY)
    if connection.recv(1) != GO:
        os._exit(0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return request, descriptors


def _become(request: Request, descriptors: Sequence[int]) -> None:
    """Have what the command's process has; what it set itself, it sets by the same code here."""
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    *streams, folder = descriptors
    os.fchdir(folder)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    sys.stdout = sys.__stdout__ = _text("<stdout>", 1, *request.streams[0])
    sys.stderr = sys.__stderr__ = _text("<stderr>", 2, *request.streams[1])
    sys.argv = ["syncline", *request.arguments]
    signal.signal(signal.SIGINT, signal.SIG_IGN if request.ignores_interrupt else signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _forget_logging()
    gc.enable()


def _text(name: str, descriptor: int, encoding: str, errors: str, write_through: bool) -> TextIOWrapper:  # noqa: FBT001 - as they come
    """A stream as the interpreter makes it; the server's would go on as for what its descriptor was before."""
    raw = FileIO(descriptor, "w", closefd=False)
    raw.name = name
    buffer = raw if write_through else BufferedWriter(raw)
    buffered_lines = raw.isatty() or name == "<stderr>"
    stream = TextIOWrapper(
        cast("BinaryIO", buffer), encoding, errors, "\n", line_buffering=buffered_lines, write_through=write_through
    )
    vars(stream)["mode"] = "w"  # as it is shown where stdout cannot be flushed
    return stream


def _forget_logging() -> None:
    """Log as a new process does: Prefect's settings have given the server's loggers handlers of their own."""
    known = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    for logger in known:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate, logger.disabled = True, False
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)


def _follow_command(connection: socket.socket) -> None:
    """From now on follow the command: be interrupted when it is, end when it has ended."""

    def news(*_: object) -> None:
        try:
            told = connection.recv(16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            told = b""
        if not told:
            os._exit(1)  # the output is no longer read
        if INTERRUPT in told:
            signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGIO, news)
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
    news()  # what came before no signal tells


def _exit_code(main: Main, arguments: Sequence[str]) -> int:
    """Run the command; the exit code that its own process would have had, once all it wrote is out."""
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the interpreter would end with this code, whatever it is
        traceback.print_exc()
        code = 1
    run_exit_functions()
    return code if _is_flushed(sys.stdout) else _FLUSH_FAILED


def _is_flushed(stream: TextIO) -> bool:
    """Flush what is left; where that fails, say so as the interpreter does."""
    try:
        stream.flush()
    except OSError as error:
        sys.stderr.write(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}\n")
        return False
    return True
