"""`syncline metrics`: how the syncs fared."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

from syncline.model.session import Status, SyncSession
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]
Keep = Callable[..., SyncSession]


def test_json_has_the_names_of_the_other_commands(syncline: Syncline, keep: Keep) -> None:
    """A script reads names and instants of one kind; the API keeps those of the seed."""
    for number in range(12):
        keep(id=f"good-{number:02}")
    keep(id="bad", status=Status.FAILED, error_message="500")
    found = json.loads(syncline("metrics", "products", "--json").stdout)
    assert list(found) == ["metrics", "history"]
    assert list(found["metrics"]) == [
        "total_syncs",
        "successful_syncs",
        "failed_syncs",
        "success_rate",
        "avg_duration_ms",
        "last_sync_at",
        "last_sync_status",
    ]
    assert (found["metrics"]["total_syncs"], found["metrics"]["failed_syncs"]) == (13, 1)
    assert len(found["history"]) == 10
    assert found["metrics"]["last_sync_at"] == found["history"][0]["started_at"]


def test_without_a_source_json_has_each_by_its_name(syncline: Syncline, keep: Keep) -> None:
    """One call serves a monitor of the whole instance."""
    keep()
    found = json.loads(syncline("metrics", "--json").stdout)
    assert {"customers", "products"} <= set(found)
    assert found["products"]["metrics"]["avg_duration_ms"] == 80_000
    assert found["customers"]["history"] == []


def test_the_table_has_a_line_for_each_source(syncline: Syncline, keep: Keep) -> None:
    """Which source fails most is seen by looking down a column."""
    keep()
    keep(id="bad", status=Status.CRASHED)
    lines = {line.split()[0]: line for line in syncline("metrics").stdout.splitlines()[2:]}
    assert "50.0 %" in lines["products"]
    assert "1 min 20 s" in lines["products"]
    assert "3 min ago" in lines["products"]
    assert lines["customers"].split()[1:] == ["0", "0", "0", "-", "-", "-", "-"]


def test_an_unknown_source_is_refused_with_those_that_exist(syncline: Syncline, store: Store) -> None:
    """A misspelled name must not look like a source without syncs."""
    done = syncline("metrics", "product")
    assert done.returncode == 2
    assert "no source is named 'product'; there are: airdrops, " in done.stderr
