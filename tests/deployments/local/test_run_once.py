import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

import pytest
from support import warm
from support.instance import Instance, eventually

import sandbox
from deployments.client import open_client
from syncline.model.session import Status, SyncSession

pytestmark = pytest.mark.slow

RUN = """
import json, os, sys
from pathlib import Path
from deployments.local.run_once import run_once
from syncline.model.policies import Mode
from syncline.settings import load_settings
session = run_once(load_settings(), "products", mode=Mode.FULL)
from tasks.context import open_store
open_store().close()  # the flow's own, which lasts as long as its process
opened = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
left = len([path for path in opened if Path(path).name.startswith("syncline.db")])
print(json.dumps([session.status, session.trigger, session.items_created, session.flow_run_id is not None, left]))
"""


def _run_here(env: Mapping[str, str]) -> list[object]:
    """In a process of its own, for Prefect reads its environment once."""
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_manual_run_needs_no_server_of_anybody(tmp_path: Path, prefect_home: Callable[[Path], None]) -> None:
    """`syncline sync products` is the first thing that a new user types."""
    prefect_home(tmp_path)
    with sandbox.serving(products=7) as box:
        env = os.environ | {
            "SYNCLINE_HOME": str(tmp_path),
            "SYNCLINE_PREFECT_PORT": "9",
            "SYNCLINE_UPSTREAMS__ERP__BASE_URL": box.url,
            "SYNCLINE_UPSTREAMS__ERP__TOKEN": box.token,
        }
        *told, left_open = _run_here(env)
    assert told == ["completed", "manual", 7, True]
    assert left_open == 0, "a program that runs many sources would run out of connections"


def test_a_manual_run_is_seen_by_the_server_that_is_there(calm: Instance) -> None:
    """Anyone who watches Prefect's UI sees what a colleague does at the terminal, in the same database."""
    status, trigger, *_ = _run_here(calm.env)
    assert (status, trigger) == ("completed", "manual")
    assert calm.sessions("products")[0].trigger == "manual"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_asked_to_end_leaves_a_cancelled_session(calm: Instance, number: signal.Signals) -> None:
    """By Ctrl-C, by the system, or because its terminal is gone; Prefect tells the same, without a traceback."""
    calm.box.faults.add("hang", path="/erp/products", count=None)
    before = len(calm.sessions("products"))
    process = warm.Process("-m", "cli.main", "sync", "products", env=calm.env)
    try:
        eventually(lambda: calm.box.faults.orders()[0].struck, "request")
        process.send_signal(number)
        said = "".join(process.communicate(timeout=90))
    finally:
        process.kill()
    (session, *_earlier) = calm.sessions("products")
    assert (len(calm.sessions("products")), session.status, process.returncode) == (before + 1, Status.CANCELLED, 130)
    assert "Traceback" not in said
    assert asyncio.run(_state_name(calm, session)) == "Cancelled"


async def _state_name(calm: Instance, session: SyncSession) -> str | None:
    async with open_client(calm.settings) as client:
        return (await client.read_flow_run(UUID(session.flow_run_id))).state_name
