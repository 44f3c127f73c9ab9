"""The fork server: a process that has imported everything and opened nothing. Each run is a fork of it.

`python -m deployments.fork_server FD` reads orders from the socket with the file descriptor FD, and ends when the other
end closes it, as it does when the runner ends. A run's process of its own spends 1.6 CPU seconds on imports; a fork
spends none, and shares the memory that they take. With `HOME MODULE` behind it, commands that only read are forks too
(`deployments.looks`); a run goes before them.

A run is forked twice, and the process in between ends at once: the kernel then makes the runner its parent, which has
asked for such processes (`deployments.forking`). So the runner itself waits for each run and reads its exit code, also
where the fork server is killed meanwhile.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from deployments.exiting import run_exit_functions
from deployments.looks import Looks

__all__ = ["LENGTH_BYTES", "READY", "main"]

READY = b"ready\n"
"""What it says once everything is imported."""
LENGTH_BYTES = 4
"""An order is its length in this many bytes, most significant first, and the run's environment as JSON."""
_LOOKS = 2
"""From this place on the command line names what looks need."""
_ENGINE = "prefect.engine"
_IMPORTS = (
    _ENGINE,
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "encodings.ascii",
    "encodings.idna",
    "prefect._internal.observers",
    "prefect._internal.pytz",
    "prefect.artifacts",
    "prefect.concurrency.asyncio",
    "prefect.events.worker",
    "prefect.flow_engine",
    "prefect.logging.handlers",
    "prefect.task_engine",
    "prefect.utilities.visualization",
    "rich._emoji_codes",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)
"""What a run imports besides the flows, much of it only once it works; what is missing here costs each run its time."""


def main() -> None:
    """Import, say so, and fork until the other end closes the socket; a fork does its work and ends the process."""
    gc.disable()  # a collection would touch, and so copy, the memory that forks share
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches the whole group; the runner ends the runs
    orders = socket.socket(fileno=int(sys.argv[1]))
    looks = Looks(Path(sys.argv[2]), sys.argv[3]) if len(sys.argv) > _LOOKS else None
    import_module("deployments.environment").enter()
    _import_everything(looks)
    if threading.active_count() > 1:
        sys.exit("the fork server does not fork: an import has started a thread, which no fork would have")
    gc.collect()
    gc.freeze()
    try:
        orders.sendall(READY)
        work = _next_fork(orders, looks)
    except (BrokenPipeError, ConnectionResetError):  # the runner has ended
        if looks is not None:
            looks.close()
        return
    work()


def _import_everything(looks: Looks | None) -> None:
    """Import what forks need; what cannot be imported is left to the run, which fails with the reason."""
    for module in _IMPORTS:
        with contextlib.suppress(ImportError):  # of another version, perhaps; the run imports what it needs
            import_module(module)
    try:
        import_module("flows.registry").entries()
        import_module("deployments.prebuilding").build()
    except Exception as error:  # noqa: BLE001 - a mistake in one flow must not keep the others from running
        sys.stderr.write(f"fork server: {error}\n")
    try:
        if looks is not None:
            looks.open()
    except Exception as error:  # noqa: BLE001 - commands run by themselves then
        sys.stderr.write(f"fork server: `syncline status` and the like are not forked: {error}\n")


def _next_fork(orders: socket.socket, looks: Looks | None) -> Callable[[], NoReturn]:
    """Fork whenever one is asked for; returns in forks alone: what the fork is to do.

    Raises:
        ConnectionResetError: in the server, once the other end has closed the socket.
    """
    while True:
        ready = _ready([orders.fileno(), *([] if looks is None else looks.descriptors)])
        if orders.fileno() in ready:  # before looks, however many there are
            ordered = _order(orders)
            if ordered is not None:
                if looks is not None:
                    looks.drop()
                return partial(_run, *ordered)
        elif looks is not None:
            connection = looks.tend(ready)
            if connection is not None:
                orders.close()
                return partial(looks.run, connection)


def _ready(descriptors: Iterable[int]) -> set[int]:
    """Those of the descriptors that have news, once one has."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _event in poll.poll()}


def _order(orders: socket.socket) -> tuple[dict[str, str], int] | None:
    """Fork for an order; returns its environment and its gate in the fork, None in the server."""
    head, gates, _flags, _address = socket.recv_fds(orders, LENGTH_BYTES, 1)
    if len(head) < LENGTH_BYTES:
        raise ConnectionResetError
    env: dict[str, str] = json.loads(_exactly(orders, int.from_bytes(head, "big")))
    _adopt(env)
    try:
        pid = _fork_away()
    except OSError as error:
        sys.stderr.write(f"fork server: {error}\n")
        pid = -1
    if pid == 0:
        orders.close()
        return env, gates[0]
    for gate in gates:
        os.close(gate)
    orders.sendall(f"{pid}\n".encode())
    return None


def _adopt(env: dict[str, str]) -> None:
    """Read Prefect's settings of `env` here where they are new, once for all runs: reading them takes 0.1 CPU s."""
    wanted = _prefect_settings(env)
    current = _prefect_settings(os.environ)
    if wanted == current:
        return
    for name in current.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)
    import_module("prefect.context").refresh_global_settings_context()
    import_module("prefect.logging.configuration").setup_logging()


def _prefect_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Those that are the same for all runs; what concerns one run has two underscores."""
    return {name: value for name, value in env.items() if name.startswith("PREFECT_") and name[8:9] != "_"}


def _exactly(orders: socket.socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        part = orders.recv(length - len(received))
        if not part:
            raise ConnectionResetError
        received += part
    return bytes(received)


def _fork_away() -> int:
    """Fork a process that is not a child of this one; returns its pid, and 0 in the process itself.

    Raises:
        OSError: the system has no room for another process.
    """
    read_end, write_end = os.pipe()
    between = os.fork()
    if between == 0:
        pid = _forked_or_none()
        if pid == 0:
            os.close(read_end)
            os.close(write_end)
            return 0
        os.write(write_end, b"" if pid is None else str(pid).encode())
        os._exit(0)
    os.close(write_end)
    said = os.read(read_end, 32)
    os.close(read_end)
    os.waitpid(between, 0)  # once it has ended, the run has the runner as its parent
    if not said:
        raise OSError("the system refused another process")
    return int(said)


def _forked_or_none() -> int | None:
    try:
        return os.fork()
    except OSError:
        return None


def _run(env: dict[str, str], gate: int) -> NoReturn:
    """Run the flow as `python -m prefect.engine` would with the environment `env`, and end the process.

    Nothing is begun before the runner has written to the `gate`; where it closes it, it has given the run to somebody
    else.
    """
    begins = os.read(gate, 1)
    os.close(gate)
    if not begins:
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    gc.enable()
    os._exit(_ended(_engine()))


def _engine() -> int:
    """Run Prefect's engine; the exit code of the process that it would have had."""
    warnings.filterwarnings("ignore", f"'{_ENGINE}' found in sys.modules", RuntimeWarning)
    sys.argv = [_ENGINE]
    try:
        runpy.run_module(_ENGINE, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the interpreter would end with this code, whatever it is
        traceback.print_exc()
        return 1
    return 0


def _ended(code: int) -> int:
    """End as the interpreter does; the exit code."""
    run_exit_functions()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


if __name__ == "__main__":
    main()
