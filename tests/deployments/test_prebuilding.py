"""What runs share is built before they are forked: in a fresh process, as the fork server prepares itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import deployments

pytestmark = pytest.mark.slow

PREPARED = """
import sys
from deployments import environment, fork_server
environment.enter()
fork_server._import_everything(None)
from sqlalchemy.orm import Mapper, configure_mappers
from deployments.prebuilding import unbuilt
from flows.registry import sources_with_dataset
from sqlalchemy import inspect
print(*(f"{model.__module__}.{model.__name__}" for model in unbuilt()))
print(all(inspect(source.required_dataset.table, raiseerr=True).configured for source in sources_with_dataset()))
"""


def test_the_fork_server_builds_what_each_run_would_build(tmp_path: Path) -> None:
    """A run would spend a tenth of a CPU second on Prefect's models and our tables, and then throw them away."""
    env = dict(os.environ) | {
        "PYTHONPATH": str(Path(deployments.__file__).parents[1]),
        "SYNCLINE_HOME": str(tmp_path),
    }
    said = subprocess.run(
        [sys.executable, "-c", PREPARED], env=env, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    unbuilt, configured = said.stdout.split("\n")[:2]
    assert (unbuilt, configured) == ("", "True")
