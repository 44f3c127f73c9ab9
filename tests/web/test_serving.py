import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, **values: str) -> dict[str, str]:
    own = {"SYNCLINE_HOME": str(home), "PREFECT_HOME": str(home / "prefect"), "DO_NOT_TRACK": "1"}
    return {**os.environ, **own, **values}


@contextmanager
def serving(env: dict[str, str]) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-m", "web"], stderr=subprocess.PIPE, text=True, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_app_serves_and_ends_cleanly(sqlite_url: str, tmp_path: Path, ending: signal.Signals) -> None:
    """`syncline up` starts it as a child, and one signal ends it, without a traceback."""
    port = str(free_port())
    nowhere = f"http://127.0.0.1:{free_port()}/api"
    env = environment(tmp_path, SYNCLINE_DATABASE_URL=sqlite_url, SYNCLINE_WEB_PORT=port)
    with serving(env | {"SYNCLINE_PREFECT_API_URL": nowhere}) as process:
        assert process.stderr is not None
        assert any("startup complete" in line for line in process.stderr)
        answers = [httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30) for path in ("/", "/health")]
        process.send_signal(ending)
        complaints = process.stderr.read()
        process.wait(20)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "Traceback" not in complaints


@pytest.mark.slow
def test_a_port_in_use_is_named(sqlite_url: str, tmp_path: Path) -> None:
    """Two instances on one port are told apart from a defect."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with serving(environment(tmp_path, SYNCLINE_DATABASE_URL=sqlite_url, SYNCLINE_WEB_PORT=port)) as process:
            _, complaints = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"SYNCLINE_WEB_PORT={port}: address already in use" in complaints
    assert "Traceback" not in complaints


@pytest.mark.slow
def test_a_database_without_tables_is_one_clear_line(tmp_path: Path) -> None:
    """The app does not begin on a database that would fail each request."""
    env = environment(tmp_path, SYNCLINE_DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}")
    with serving(env) as process:
        _, complaints = process.communicate(timeout=120)
    assert process.returncode == 1
    assert complaints.splitlines() == [
        "syncline: the database lacks migrations: run `syncline db upgrade` (`syncline up` does it by itself)"
    ]
