"""Nothing that a user starts tells anybody of it, or leaves anything outside the state folder."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.terminal import fresh_env, listening, terminal

PYTHON = sys.executable
SYNCLINE = [str(Path(PYTHON).with_name("syncline"))]
FLOW_OF_A_WORKER = "import prefect; import flows.products; print(flows.products.sync_products.name)"
ALEMBIC = """
from deployments.local.home import own_home
from syncline.settings import load_settings
from syncline.store import schema
from syncline.store.engine import open_store
own_home(load_settings())
print(schema.upgrade(open_store(load_settings())))
"""


def _name(value: object) -> str:
    return " ".join(map(str, value[-2:]))[:30].replace("\n", " ") if isinstance(value, list) else ""  # pyright: ignore[reportUnknownArgumentType] - pytest gives any value


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([*SYNCLINE, "doctor"], "syncline:"),
        ([*SYNCLINE, "doctor", "--plan"], "budget"),
        ([*SYNCLINE, "db", "upgrade"], "the database is at"),
        ([*SYNCLINE, "breaker", "show", "products"], "syncline:"),
        ([*SYNCLINE, "sources"], "products"),
        ([*SYNCLINE, "up"], "SYNCLINE_UPSTREAMS__"),
        ([*SYNCLINE, "prefect", "version"], "3."),
        ([PYTHON, "-m", "cli", "version"], "0."),
        ([PYTHON, "-m", "web"], "syncline:"),
        ([PYTHON, "-m", "deployments"], ""),
        ([PYTHON, "-c", ALEMBIC], "0017"),
        ([PYTHON, "-c", "import flows.products, deployments.doctor; print('loaded')"], "loaded"),
    ],
    ids=_name,
)
def test_an_entry_point_tells_nobody_and_leaves_nothing(tmp_path: Path, command: Sequence[str], said: str) -> None:
    """Prefect shows a notice, makes a device id and sends both, in a terminal, unless it is told not to in time."""
    with listening() as proxy:
        env = fresh_env(tmp_path, proxy, SYNCLINE_PREFECT_API_URL="http://127.0.0.1:1/api")
        if "import flows" in command[-1]:
            env["PREFECT_HOME"] = str(tmp_path / "state" / "prefect")  # no entry point, which would say so
            (tmp_path / "state").mkdir()
        with terminal(command, env=env, folder=tmp_path / "work") as shown:
            shown.process.wait(timeout=200)
        assert said in shown.text.replace("\r\n", "\n")
        assert "usage data" not in shown.text
        assert "Warning" not in shown.text
        assert proxy.heard == []
    for name in ("user", "tmp", "work"):
        assert list((tmp_path / name).rglob("*")) == [], shown.text
    assert [path for path in (tmp_path / "state").rglob("*") if "telemetry" in path.name] == []


def test_the_notice_would_be_seen_where_prefect_is_not_told(tmp_path: Path) -> None:
    """Prefect imported alone does all of it: the test above would see it."""
    with listening() as proxy:
        env = fresh_env(tmp_path, proxy)
        with terminal([PYTHON, "-c", "import prefect"], env=env, folder=tmp_path / "work") as shown:
            shown.process.wait(timeout=200)
        assert "usage data" in shown.text
    assert list((tmp_path / "user").rglob("device_id")) != []


def test_a_run_in_a_workers_process_tells_nothing_more(tmp_path: Path) -> None:
    """There Prefect comes first, and no variable of ours can be set before; its notes of flows and runs are refused."""
    with listening() as proxy:
        env = fresh_env(tmp_path, proxy)
        with terminal([PYTHON, "-c", FLOW_OF_A_WORKER], env=env, folder=tmp_path / "work") as shown:
            shown.process.wait(timeout=200)
        assert "sync-products" in shown.text
    noted = {path.name for path in (tmp_path / "user").rglob("*") if path.is_file()}
    assert not {name for name in noted if "flow" in name}
