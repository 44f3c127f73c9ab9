"""`syncline rounds freeze` as its user knows it: the installed command, a real X, a Prefect server that is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.instance import Instance
from support.rounds import add_entries, opened

import sandbox
from syncline.contests import snapshots
from syncline.contests.overview import Delivery, find, snapshot_fits
from syncline.contests.tables import EntryStatus, RoundStatus
from syncline.store import audit
from syncline.store.engine import Store

SECRET = "whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3Rz"


def _freeze(box: sandbox.Box, number: int, beside: dict[str, str]) -> subprocess.CompletedProcess[str]:
    env = beside | {
        "SYNCLINE_UPSTREAMS__X__BASE_URL": f"{box.url}/x",
        "SYNCLINE_UPSTREAMS__X__TOKEN": box.x_token,
        "SYNCLINE_UPSTREAMS__X__USER_ID": "1888000000000000001",
        "SYNCLINE_SNAPSHOT_URL": f"{box.url}/inbox",
        "SYNCLINE_SNAPSHOT_SECRET": SECRET,
    }
    command = [sys.executable, "-m", "cli.main", "rounds", "freeze", str(number)]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.slow
def test_a_round_is_frozen_here_and_now(served: Instance, store: Store, home: Path) -> None:
    """A host ends a contest from a terminal: what cannot be checked is named, and the next try asks for that alone."""
    with sandbox.serving(products=1, customers=1, pools=1, mentions=60, inbox_secret=SECRET) as box:
        gone, puzzling, *_ = ids = box.x.tweets.public_ids()
        box.x.tweets.delete(gone)
        box.x.problems[puzzling] = "moon-phase"
        add_entries(store, opened(store), dict.fromkeys(ids, EntryStatus.PUBLIC))
        first = _freeze(box, 1, served.beside(home))
        box.x.problems.clear()
        second = _freeze(box, 1, served.beside(home))
    assert first.returncode == 1
    assert first.stdout.splitlines()[-1].startswith("round 1 is not frozen yet: `syncline rounds freeze 1` goes on")
    assert f"1 of 60 entries could not be checked: {puzzling}" in first.stderr
    assert (second.returncode, second.stderr) == (0, "")
    with store.read() as connection:
        one, snapshot, log = find(connection, 1), snapshots.find(connection, 1), audit.latest(connection)
    assert one is not None
    assert snapshot is not None
    said = f"round 1 is frozen: 60 entries (59 public, 0 protected, 1 deleted), {snapshot.content_hash}"
    assert second.stdout.splitlines()[-1] == said
    assert (one.round.status, one.delivery, snapshot_fits(snapshot)) == (RoundStatus.FROZEN, Delivery.SENT, True)
    assert box.x.asked()[gone] == 1  # also by the second run
    assert len(box.inbox.accepted()) == 1
    assert [entry.action for entry in log] == ["round.freeze", "round.freeze"]
