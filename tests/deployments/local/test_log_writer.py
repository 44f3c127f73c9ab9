import os
import signal
import subprocess
import sys
from pathlib import Path

from deployments.local import log_writer
from deployments.local.child import Child
from deployments.local.log_writer import Log


def test_a_log_is_bounded_and_loses_no_line(tmp_path: Path) -> None:
    """Nothing grows for ever; and a line that is cut in two could not be searched for."""
    path = tmp_path / "a.log"
    lines = [f"line {number:04} {'x' * (number % 50)}\n".encode() for number in range(400)]
    data = b"".join(lines)
    log = Log(path, limit_bytes=6_000, kept=2)
    for start in range(0, len(data), 97):  # pieces that end anywhere
        log.write(data[start : start + 97])
    log.close()
    files = [path.with_name(f"a.log{end}") for end in (".2", ".1", "")]
    assert b"".join(file.read_bytes() for file in files) == data
    assert all(file.read_bytes().endswith(b"\n") for file in files)
    assert all(file.stat().st_size <= 6_000 + 97 for file in files)


def test_the_oldest_file_goes(tmp_path: Path) -> None:
    """So many are kept, and no more."""
    log = Log(tmp_path / "a.log", limit_bytes=100, kept=2)
    for number in range(100):
        log.write(f"{number:09}\n".encode())
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_the_writer_outlives_a_signal_to_end_and_ends_with_the_output(tmp_path: Path) -> None:
    """What a child says while it is ended is what one looks for later."""
    command = [sys.executable, "-I", "-S", log_writer.__file__, str(tmp_path / "a.log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        writer.stdin.write(b"before\n")
        writer.stdin.flush()
        while not (tmp_path / "a.log").exists() or not (tmp_path / "a.log").read_bytes():
            assert writer.poll() is None  # by its first line its handlers stand
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            writer.send_signal(number)
        writer.stdin.write(b"after\n")
        writer.stdin.close()
        assert writer.wait(timeout=60) == 0
    assert (tmp_path / "a.log").read_bytes() == b"before\nafter\n"


def test_a_child_whose_log_writer_is_killed_gets_another(tmp_path: Path) -> None:
    """Else it would wait for ever with its next line."""
    script = "print('x' * 200_000, flush=True); print('last')"  # more than a pipe holds
    child = Child("a", [sys.executable, "-c", script], env=dict(os.environ), log=tmp_path / "a.log")
    child._writer.kill()  # pyright: ignore[reportPrivateUsage]
    child._writer.wait()  # pyright: ignore[reportPrivateUsage]
    child.keep_log()
    child._process.wait(timeout=60)  # pyright: ignore[reportPrivateUsage]
    assert child.last_lines(1) == ["last"]
    child.stop()
