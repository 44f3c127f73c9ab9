"""Files that Prefect leaves behind for each failed run."""

import os
import time
from pathlib import Path

from tasks.forget import delete_old_files


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
