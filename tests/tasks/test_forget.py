"""Files that Prefect leaves behind for each failed run."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

from tasks.forget import delete_old_files, forget_results, results_folder


def test_only_old_files_right_in_the_folder_go(tmp_path: Path) -> None:
    """The exception of a run that failed today may still be looked at; folders and links are somebody else's."""
    folder, eight_days_ago = tmp_path / "storage", time.time() - 8 * 86_400
    (folder / "below").mkdir(parents=True)
    outside = tmp_path / "outside"
    for path in (folder / "old", folder / "new", folder / "below" / "old", outside):
        path.write_text("pickle")
    (folder / "link").symlink_to(outside)
    for path in (folder / "old", folder / "below" / "old", outside):
        os.utime(path, (eight_days_ago, eight_days_ago))
    assert delete_old_files(folder, 7, dry_run=True) == 1
    assert (folder / "old").exists()
    assert delete_old_files(folder, 7) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["below", "link", "new"]
    assert outside.exists()
    assert (folder / "below" / "old").exists()


def test_a_folder_that_prefect_never_made_is_empty(tmp_path: Path) -> None:
    """No run has failed yet."""
    assert delete_old_files(tmp_path / "storage", 7) == 0


def test_results_of_other_peoples_flows_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's Prefect keeps those of all its flows in one folder, and some of them are caches of weeks of work."""
    theirs, ours = tmp_path / "prefect-of-the-worker", results_folder(tmp_path / "home")
    eight_days_ago = time.time() - 8 * 86_400
    for folder in (theirs, ours):
        folder.mkdir(parents=True)
        (folder / "old").write_text("pickle")
        os.utime(folder / "old", (eight_days_ago, eight_days_ago))
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "home"))
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: theirs}):
        assert asyncio.run(forget_results.fn()) == {"results": 1}
    assert (theirs / "old").exists()
    assert not (ours / "old").exists()
