"""Forgetting: history that is older than the settings keep it, in the database and in Prefect's folder of results."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from syncline.store.retention import prune_history
from tasks.context import open_store, settings

__all__ = ["delete_old_files", "forget_records", "forget_results", "results_folder"]

_DAY_SECONDS = 86_400


@task(name="forget-records", cache_policy=NO_CACHE, persist_result=False, retries=2, retry_delay_seconds=60)
async def forget_records() -> dict[str, int]:
    """Delete old sessions, rejects, holds and audit entries; returns how many of each."""
    return await asyncio.to_thread(prune_history, open_store(), settings().keep)


@task(name="forget-results", cache_policy=NO_CACHE, persist_result=False)
async def forget_results() -> dict[str, int]:
    """Delete what Prefect keeps of failed runs: a file with the exception of each, which it never deletes itself.

    Only in the instance's own folder: a worker's folder, in a user's home, also holds the results of other flows.
    """
    found = settings()
    return {"results": await asyncio.to_thread(delete_old_files, results_folder(found.home), found.keep.results_days)}


def results_folder(home: Path) -> Path:
    """Where Prefect keeps results in an instance's `home`."""
    return home / "prefect" / "storage"


def delete_old_files(folder: Path, days: float, *, dry_run: bool = False) -> int:
    """Delete, or only count, the files right in `folder` that were last written more than `days` ago."""
    before, found = time.time() - days * _DAY_SECONDS, 0
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # another process deletes as well
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime < before:
                if not dry_run:
                    path.unlink()
                found += 1
    return found
