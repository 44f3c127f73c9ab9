"""Python processes that need not import Prefect: forks of one that has loaded the libraries, and none of our code.

A fork takes on an environment and a folder, and runs `-m MODULE …` or `-c CODE …` as a new interpreter would: our own
modules are imported from where it looks then, such as a copy of the project. What Prefect reads of the environment when
it is imported must be in the environment that the fork is given.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO

__all__ = ["Process", "context", "run"]

_LIBRARIES = (
    "alembic.command",
    "pendulum",
    "prefect.artifacts",
    "prefect.cli",
    "prefect.concurrency.asyncio",
    "prefect.engine",
    "prefect.flow_engine",
    "prefect.runner",
    "prefect.task_engine",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlmodel",
    "typer",
    "yaml",
)
_TESTS = Path(__file__).parents[1]
_CONTEXT = multiprocessing.get_context("forkserver")


def context() -> ForkServerContext:
    """What makes such forks for functions; each test process has one fork server for all, which loads at its start."""
    _CONTEXT.set_forkserver_preload(list(_LIBRARIES))
    return _CONTEXT


class Process:
    """One of them, to be used as `subprocess.Popen` is."""

    def __init__(self, *words: str, env: Mapping[str, str], cwd: Path | None = None) -> None:
        """Start `python WORDS`, which begin with `-m MODULE` or `-c CODE`; it reads nothing."""
        self.stdout, out = _pipe()
        self.stderr, err = _pipe()
        self._process = context().Process(target=_become, args=(words, dict(env), str(cwd or Path.cwd()), out, err))
        self._process.start()
        out.close()
        err.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the signal's number with a minus; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            TimeoutExpired: it has not ended within so many seconds.
        """
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote to both streams, once it has ended; it is killed where it does not end in time."""
        said = ["", ""]

        def read(index: int, stream: IO[str]) -> None:
            with stream:
                said[index] = stream.read()

        readers = [threading.Thread(target=read, args=one) for one in enumerate((self.stdout, self.stderr))]
        for reader in readers:
            reader.start()
        try:
            self.wait(timeout)
        finally:
            self._process.kill()
            for reader in readers:
                reader.join()
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once; what it wrote and was not read is lost."""
        self._process.kill()
        self._process.join()
        self.stdout.close()
        self.stderr.close()


def run(*words: str, env: Mapping[str, str], cwd: Path | None = None, timeout: float = 200) -> CompletedProcess[str]:
    """Run `python WORDS` to its end, as `subprocess.run` does."""
    process = Process(*words, env=env, cwd=cwd)
    said, complained = process.communicate(timeout)
    return CompletedProcess(words, process.wait(), said, complained)


def _pipe() -> tuple[IO[str], Connection]:
    reader, writer = os.pipe()
    return os.fdopen(reader, encoding="utf-8"), Connection(writer, readable=False)


def _become(words: tuple[str, ...], env: Mapping[str, str], cwd: str, out: Connection, err: Connection) -> None:
    """In the fork: run as `python WORDS` would in the folder `cwd` with the environment `env`."""
    for stream, end in ((1, out), (2, err)):
        os.dup2(end.fileno(), stream)
        end.close()
    _take_on(env, cwd)
    try:
        if words[0] == "-m":
            sys.path.insert(0, cwd)
            sys.argv = list(words[1:])
            warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, "")
            sys.argv = ["-c", *words[2:]]
            exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - as python -c does
    finally:  # multiprocessing ends the process without
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]


def _take_on(env: Mapping[str, str], cwd: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    time.tzset()
    for name in [name for name in sys.modules if name.partition(".")[0] == "support"]:
        del sys.modules[name]
    installed = [entry for entry in sys.path if entry and Path(entry) != _TESTS]
    sys.path[:] = [*filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *installed]
    import_module("prefect.context").refresh_global_settings_context()
    import_module("prefect.logging.configuration").setup_logging()
