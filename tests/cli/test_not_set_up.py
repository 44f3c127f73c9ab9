"""Sources whose upstream has no address, in the terminal."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

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


def test_the_state_of_such_a_source_names_the_setting(syncline: Syncline, store: Store) -> None:
    """Prefect may still know it from an earlier start; it does not run all the same, and that is no problem."""
    told = json.loads(syncline("status", "quests", "--json").stdout)[0]
    assert (told["state"], told["healthy"], told["next_run_at"]) == ("not set up", True, None)
    assert told["next_run"]["why"] == "never: SYNCLINE_UPSTREAMS__QUESTS__BASE_URL is not set"
