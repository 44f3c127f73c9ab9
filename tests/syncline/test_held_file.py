import os
import subprocess
import sys
from pathlib import Path

import pytest

from syncline.held_file import hold_file, is_held
from syncline.settings import load_settings

HOLDER = """
import sys
from pathlib import Path
from syncline.held_file import hold_file
with hold_file(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_file_is_held_as_long_as_its_context(tmp_path: Path) -> None:
    """Its text stays behind, and counts for nothing."""
    file = tmp_path / "a"
    assert not is_held(file)
    with hold_file(file, "text"):
        assert is_held(file)
        with pytest.raises(BlockingIOError), hold_file(file, "mine"):
            pass
        assert file.read_text() == "text"
    assert not is_held(file)
    with hold_file(file, "x"):
        assert file.read_text() == "x"


def test_what_a_killed_demo_simulates_is_not_taken_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulated ERP in place of the real one would answer that all is gone, and all would be deleted."""
    setting = "SYNCLINE_UPSTREAMS__ERP__BASE_URL"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(setting, raising=False)
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    (tmp_path / ".env").write_text(f"{setting}=https://erp.example.com\n")
    text = f"{setting}=http://127.0.0.1:1\n"
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "demo.env"), text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == b"held\n"
        assert load_settings().base_url("erp") == "http://127.0.0.1:1"
        demo.kill()
        demo.wait()
        assert (tmp_path / "demo.env").read_text() == text
        assert load_settings().base_url("erp") == "https://erp.example.com"
