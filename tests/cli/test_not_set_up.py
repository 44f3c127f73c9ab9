"""Sources whose upstream has no address, in the terminal."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from cli.timetable import not_set_up
from syncline.settings import Settings, UpstreamSettings
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def test_sources_says_which_are_not_set_up(syncline: Syncline, store: Store) -> None:
    """Not every shop has feeds."""
    lines = syncline("sources").stdout.splitlines()
    assert "not set up" in next(line for line in lines if line.startswith("quests"))


def test_a_manual_run_names_the_setting(syncline: Syncline, store: Store) -> None:
    """The first thing that is missing, in one line, before anything is started."""
    done = syncline("sync", "quests")
    assert done.returncode == 2
    assert "SYNCLINE_UPSTREAMS__QUESTS__BASE_URL is not set" in done.stderr


def test_the_schedule_of_such_a_source_names_the_setting(home: Path) -> None:
    """Prefect may still know it from an earlier start; it is not scheduled all the same."""
    found = not_set_up(Settings(upstreams={"points": UpstreamSettings(base_url="https://points.example")}))
    assert "points" not in found
    assert (found["quests"].active, found["quests"].words) == (
        False,
        "not set up: SYNCLINE_UPSTREAMS__QUESTS__BASE_URL is not set",
    )
