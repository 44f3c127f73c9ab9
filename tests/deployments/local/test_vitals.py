"""A child that hangs is told from one that works, from a busy machine, and from one that was suspended."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.instance import eventually, free_port

from deployments.local.child import Child
from deployments.local.supervisor import Supervisor
from deployments.local.vitals import (
    SIGNS_VARIABLE,
    Look,
    Patience,
    Silence,
    answers_at,
    cpu_seconds,
    give_signs,
    touches,
)

PATIENCE = Patience(silent_seconds=60, starting_seconds=300)
TOUCHING = """
import asyncio
from deployments.local.vitals import give_signs
asyncio.run(give_signs())
"""
SERVING = """
import os, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
SILENT = "import time\nwhile True:\n    time.sleep(3600)\n"


def seconds_until_too_long(silence: Silence, *, step: float, signs: int) -> float:
    """How long, in steps of the parent's clock, the child is silent before it is said to hang."""
    begin = now = silence.at
    while not silence.is_too_long(PATIENCE):
        now += step
        silence = silence.after(now, signs)
    return now - begin


def test_a_silent_child_hangs_after_a_minute_and_a_starting_one_after_five() -> None:
    """It imports and migrates first; and what answered before answers within a minute on any machine."""
    started = Silence(at=100, signs=3)
    assert seconds_until_too_long(started, step=0.25, signs=3) == 300.25
    assert seconds_until_too_long(started.after(130, 4), step=0.25, signs=4) == 60.25


def test_a_silent_child_that_uses_the_cores_has_five_times_as_long() -> None:
    """On a machine with twenty wanting two cores, a server that works does not answer; another one would not either."""
    silence, now = Silence(at=0, signs=0).after(1, 1), 1.0
    while not silence.is_too_long(PATIENCE):
        now += 0.5
        silence = silence.after(now, 1, cpu_seconds=now / 20)
    assert now == pytest.approx(301, abs=1)


def test_the_use_of_the_cores_is_told_of_a_process_that_lives() -> None:
    """Of one that is gone there is nothing to tell."""
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) == before:
        pass
    assert cpu_seconds(2**22 + 1) == 0


def test_each_sign_ends_the_silence() -> None:
    """One slow answer in a row of good ones is no reason."""
    silence = Silence(at=0, signs=0)
    for second in range(1, 3_000):
        silence = silence.after(second, second // 50)
        assert not silence.is_too_long(PATIENCE)


@pytest.mark.parametrize("away_seconds", [120.0, 86_400.0])
def test_a_machine_that_slept_says_nothing_of_its_children(away_seconds: float) -> None:
    """A laptop that was closed for a night would else have all of them killed when it wakes."""
    heard = Silence(at=0, signs=0).after(1, 1)
    assert not heard.after(1 + away_seconds, 1).is_too_long(PATIENCE)
    assert heard.after(1 + away_seconds, 1).seconds == 1
    assert heard.after(-away_seconds, 1).seconds == 0


def test_any_answer_is_a_sign_and_none_is_not() -> None:
    """A web app whose database is away says so, and lives; a socket that takes connections may be of a stopped one."""
    with socket.create_server(("127.0.0.1", 0)) as stopped:
        assert not answers_at(f"http://127.0.0.1:{free_port()}/health")()
        port, answered = stopped.getsockname()[1], list[bool]()
        asking = threading.Thread(target=lambda: answered.append(answers_at(f"http://127.0.0.1:{port}/health")()))
        asking.start()
        connection, _ = stopped.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        asking.join()
        connection.close()
    assert answered == [True]


def test_a_touch_is_a_sign_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of a process that stands still stays as it is, however the clocks are set."""
    file = tmp_path / "signs"
    look = touches(file)
    assert not look()
    monkeypatch.setenv(SIGNS_VARIABLE, str(file))

    async def begun() -> None:
        signs = asyncio.create_task(give_signs())
        await asyncio.sleep(0)
        signs.cancel()

    asyncio.run(begun())
    assert look()
    assert not look()
    os.utime(file, (0, 0))
    assert look()


def watched(supervisor: Supervisor, until: Callable[[], object | None], what: str) -> None:
    """Watch the supervisor from another thread, until that comes true."""
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    try:
        eventually(until, what)
    finally:
        supervisor.stopped.set()
        watching.join()


@pytest.mark.parametrize("name", ["touching", "serving"])
def test_a_stopped_child_is_ended_and_started_again(tmp_path: Path, name: str) -> None:
    """SIGSTOP ends nothing: its port stays taken, its runs stay due, and no exit code tells of it."""
    (tmp_path / f"{name}.py").write_text({"touching": TOUCHING, "serving": SERVING}[name])
    port, file, said = free_port(), tmp_path / "signs", list[str]()
    looks: dict[str, Look] = {"touching": touches(file), "serving": answers_at(f"http://127.0.0.1:{port}/")}
    seen = list[bool]()

    def look() -> bool:
        seen.append(looks[name]())
        return seen[-1]

    env = os.environ | {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[3]}", "PORT": f"{port}"}
    patience = Patience(silent_seconds=7, starting_seconds=60, look_every_seconds=0.2)
    with Supervisor(tmp_path, say=said.append, patience=patience) as supervisor:
        child = supervisor.start(name, [name], env=env | {SIGNS_VARIABLE: str(file)}, look=look)
        eventually(lambda: any(seen[:-1]) or None, "sign of life")  # and that one is counted
        begin = time.monotonic()
        os.kill(child.pid, signal.SIGSTOP)
        watched(supervisor, lambda: len(said) == 2 or None, "second start")
        assert time.monotonic() - begin > 7
        assert child.exit_code == -signal.SIGKILL
    assert said == [
        f"{name} gave no sign of life for 7 s and was ended; starting it again in 1 s",
        f"{name} is started again",
    ]


def test_a_child_that_never_gives_a_sign_is_given_longer(tmp_path: Path) -> None:
    """A start is slow on a busy machine; one that does not come to its end is a hang all the same."""
    (tmp_path / "silent.py").write_text(SILENT)
    said, patience = list[str](), Patience(silent_seconds=0.5, starting_seconds=3, look_every_seconds=0.1)
    with Supervisor(tmp_path, say=said.append, patience=patience) as supervisor:
        child: Child = supervisor.start(
            "web", ["silent"], env=os.environ | {"PYTHONPATH": str(tmp_path)}, look=touches(tmp_path / "none")
        )
        watched(supervisor, lambda: child.exit_code, "end of the silent child")
    assert said[0] == "web gave no sign of life for 3 s and was ended; starting it again in 1 s"
