"""`syncline sync` as its user knows it: the installed command, a real upstream, nothing else running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox


@pytest.mark.slow
def test_a_source_is_brought_up_to_date_on_a_new_machine(home: Path) -> None:
    """The first thing that anybody tries: no server, no database, one command."""
    with sandbox.serving(seed=7, products=250, customers=1) as box:
        upstream = {
            "SYNCLINE_UPSTREAMS__ERP__BASE_URL": box.url,
            "SYNCLINE_UPSTREAMS__ERP__TOKEN": box.token,
        }
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", "sync", "products", "--mode", "full"],
            env=os.environ | upstream,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("products (full) completed · ")
    assert "250 created, 0 updated, 0 unchanged, 0 deleted" in done.stdout
    assert done.stdout.count("\n") == 1
