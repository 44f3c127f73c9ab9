import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from deployments.run_processes import RunProcesses
from syncline.store.leases import Process


def test_a_run_lives_as_long_as_its_process(tmp_path: Path) -> None:
    """A fact tells at once what a timeout would tell after a minute and a half, or wrongly."""
    processes, flow_run = RunProcesses(folder=tmp_path / "runs"), uuid4()
    assert processes.lives(flow_run) is None
    processes.begin(flow_run, Process.current())
    assert processes.lives(flow_run) is True
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as run:
        processes.begin(flow_run, Process.of(run.pid))
        assert processes.lives(flow_run) is True
        run.kill()
    assert processes.lives(flow_run) is False
    processes.end(flow_run)
    assert processes.lives(flow_run) is None
    assert list((tmp_path / "runs").iterdir()) == []


def test_another_process_with_its_id_is_not_taken_for_it(tmp_path: Path) -> None:
    """Ids are used again, and after a boot they begin anew; of another machine's process nothing is known here."""
    processes, flow_run, here = RunProcesses(folder=tmp_path / "runs"), uuid4(), Process.current()
    processes.begin(flow_run, replace(here, started=here.started + 1))
    assert processes.lives(flow_run) is False
    processes.begin(flow_run, replace(here, boot_id="another"))
    assert processes.lives(flow_run) is None


def test_a_file_that_cannot_be_read_or_written_tells_nothing(tmp_path: Path) -> None:
    """Runs begin all the same, and time tells of dead ones."""
    folder, flow_run = tmp_path / "runs", uuid4()
    processes = RunProcesses(folder=folder)
    folder.write_text("in the way")
    processes.begin(flow_run, Process.current())
    processes.end(flow_run)
    processes.forget_old(before=0)
    assert processes.lives(flow_run) is None
    folder.unlink()
    folder.mkdir()
    for text in ("", "[]", '{"pid": 1}'):
        (folder / str(flow_run)).write_text(text)
        assert processes.lives(flow_run) is None


def test_what_a_killed_runner_left_is_taken_away_in_the_end(tmp_path: Path) -> None:
    """One file for each run that a machine was switched off in would stay for ever."""
    processes, old, new = RunProcesses(folder=tmp_path), uuid4(), uuid4()
    for flow_run in (old, new):
        processes.begin(flow_run, Process.current())
    assert stat.S_IMODE((tmp_path / str(new)).stat().st_mode) == 0o600
    os.utime(tmp_path / str(old), (100, 100))
    processes.forget_old(before=200)
    assert [file.name for file in tmp_path.iterdir()] == [str(new)]
