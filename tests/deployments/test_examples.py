import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "deployments" / "examples"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """A misspelt directive is ignored with a warning, and with it what it should protect from."""
    text = (EXAMPLES / "syncline.service").read_text()
    assert {"Type=exec", "Restart=on-failure", "KillMode=mixed", "UMask=0077", "NoNewPrivileges=yes"} <= set(
        text.split("\n")
    )
    analyzer = shutil.which("systemd-analyze")
    if analyzer is None:
        return
    here = re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true up", text, flags=re.MULTILINE)
    here = re.sub(r"^(User|Group)=.*$", r"\1=root", here, flags=re.MULTILINE)
    (tmp_path / "syncline.service").write_text(here)
    found = subprocess.run(
        [analyzer, "verify", tmp_path / "syncline.service"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, [line for line in found.stderr.splitlines() if "syncline.service" in line]) == (0, [])


def test_the_container_runs_as_a_user_of_its_own_and_holds_no_secrets() -> None:
    """An image is pushed to places where a `.env` must not be."""
    lines = (EXAMPLES / "Containerfile").read_text().splitlines()
    assert lines.index("USER syncline") < next(number for number, line in enumerate(lines) if line.startswith("CMD"))
    assert {".env", ".syncline", ".venv", ".git"} <= set((ROOT / ".dockerignore").read_text().splitlines())
    copied = [line.split()[1] for line in lines if line.startswith("COPY")]
    assert all((ROOT / path).exists() for path in copied)


@pytest.mark.parametrize("service", ["syncline", "database"])
def test_the_compose_file_publishes_nothing_beyond_this_machine(service: str) -> None:
    """The web app has no TLS, and the database no need to be reached."""
    reader: Any = YAML(typ="safe", pure=True)
    found: Any = reader.load(EXAMPLES / "compose.yaml")["services"][service]
    assert all(str(port).startswith("127.0.0.1:") for port in found.get("ports", []))
    assert found["volumes"]
