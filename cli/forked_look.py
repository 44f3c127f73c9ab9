"""A command that only reads, run by a fork of the fork server of a running `syncline up`.

The fork has imported all that such a command needs, which takes ten times as long as what it does; little is imported
here. Where no fork is to be had, for whatever reason, the command runs by itself. Once a fork has begun, it is the
command.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.look_socket import GO, HELLO, INTERRUPT, READY, Request, connect, is_own_user, same_for_both, send

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LOOKS", "exit_code", "said_home"]

LOOKS = frozenset({"status", "history", "explain", "metrics", "rejects", "audit", "sources"})
"""The commands that only read, and take a moment."""
_HERE = frozenset({"--help", "--install-completion", "--show-completion"})
"""With one of these, a command prints what depends on variables that Typer reads when it is imported."""
_SWITCH, _HOME = "SYNCLINE_FORK_LOOKS", "SYNCLINE_HOME"
_OFF = frozenset({"0", "false", "f", "no", "n", "off"})
_ANSWER_SECONDS = 2.0
_LOST = "the process that ran the command was ended from outside; it may have run out of memory"


def exit_code(arguments: Sequence[str]) -> int | None:
    """Have the command run by a fork, and return its exit code; None where this process must run it itself."""
    if not _is_look(arguments) or sys.platform != "linux":
        return None
    connection = _begun(arguments)
    if connection is None:
        return None
    with connection:
        code = connection.recv(1)
    if code:
        return code[0]
    from cli import console  # noqa: PLC0415 - loads what the fork saves

    console.complain(_LOST)
    return 1


def _is_look(arguments: Sequence[str]) -> bool:
    return bool(arguments) and arguments[0] in LOOKS and _HERE.isdisjoint(arguments)


def _begun(arguments: Sequence[str]) -> socket.socket | None:
    """A connection with a fork that runs the command; None where there is none."""
    try:
        connection = _ready(arguments)
    except Exception:  # noqa: BLE001 - the command does without, and says itself what is wrong
        return None
    if connection is None:
        return None
    try:
        _relay_interrupts(connection)
        connection.sendall(GO)
    except OSError:
        connection.close()
        return None
    return connection


def _ready(arguments: Sequence[str]) -> socket.socket | None:
    """A connection with a fork that waits to begin."""
    if _said().get(_SWITCH, "").lower() in _OFF:
        return None
    connection = connect(said_home(), _ANSWER_SECONDS)
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        if is_own_user(connection) and connection.recv(1) == HELLO:
            send(connection, _request(arguments), [0, 1, 2, folder])
            if connection.recv(1) == READY:
                connection.settimeout(None)
                return connection
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(folder)
    connection.close()
    return None


def _request(arguments: Sequence[str]) -> Request:
    streams = [(one.encoding, one.errors, getattr(one, "write_through", False)) for one in (sys.stdout, sys.stderr)]
    return Request(
        same=same_for_both(),
        arguments=arguments,
        environment=dict(os.environ),
        streams=streams,
        ignores_interrupt=signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    )


def said_home() -> Path:
    """The state folder, as far as plain lines say it: known at once, and not surely.

    A fork of another instance's server reads the settings anew, and looks where they say.
    """
    return Path(_said().get(_HOME, ".syncline"))


def _said() -> dict[str, str]:
    """What the environment and plain lines of `.env` say, by the name in capitals."""
    try:
        lines = Path(".env").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    pairs = [line.removeprefix("export ").partition("=") for line in lines]
    found = {name.strip().upper(): value.strip().strip("'\"") for name, _sign, value in pairs}
    return found | {name.upper(): value for name, value in os.environ.items()}


def _relay_interrupts(connection: socket.socket) -> None:
    """Hand each Ctrl-C to the fork, which ends as the command does; a signal that ends this process ends the fork."""

    def relay(*_: object) -> None:
        connection.send(INTERRUPT)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, relay)
