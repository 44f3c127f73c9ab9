import asyncio
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed
from support.calls import counting_calls

import tasks.context
from flows.products import sync_products
from syncline.errors import ConfigurationError
from syncline.settings import load_settings
from tasks.context import settings
from tasks.flow_hooks import close_completed


@pytest.mark.usefixtures("instance")
def test_a_run_reads_its_settings_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading takes some hundredths of a CPU second, and two of them in one run could differ."""
    monkeypatch.setenv("SYNCLINE_DATABASE_LOCK_SECONDS", "7")  # as a process that has read nothing yet
    flow_run = FlowRun(id=uuid4(), flow_id=uuid4(), name="products-incremental")
    with counting_calls(load_settings) as reads:
        asyncio.run(sync_products.fn())
        asyncio.run(close_completed(sync_products, flow_run, Completed()))
        assert reads() == 1


@pytest.mark.usefixtures("instance")
def test_another_environment_or_folder_is_read_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that changes its environment must not work with what stood there before."""
    before = settings()
    assert settings() is before
    monkeypatch.setenv("SYNCLINE_WEB_PORT", "8181")
    assert settings().web_port == 8181
    (tmp_path / ".env").write_text("SYNCLINE_SANDBOX_PORT=8191\n")
    monkeypatch.chdir(tmp_path)
    assert settings().sandbox_port == 8191


FORKING = """
import os, pathlib
from tasks.context import settings
before = settings().sandbox_port
pathlib.Path(".env").write_text("SYNCLINE_SANDBOX_PORT=8191")
if (forked := os.fork()) == 0:
    os._exit(settings().sandbox_port == 8191 != before)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) != 1)
"""


def test_a_fork_reads_anew(tmp_path: Path) -> None:
    """The fork server lives for weeks; a run has what the files say when it begins."""
    env = dict(os.environ) | {"PYTHONPATH": str(Path(tasks.context.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", FORKING], cwd=tmp_path, env=env, check=False, timeout=60)
    assert done.returncode == 0


def test_settings_that_cannot_be_read_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that says what is wrong says so each time."""
    monkeypatch.setenv("SYNCLINE_WEB_PORT", "none")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="SYNCLINE_WEB_PORT"):
            settings()
