"""What `syncline jobs` changes: dead letters are retried and dropped, one by one or all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import typer

from cli import console
from cli.instance import Instance, actor, opened
from syncline.errors import ConfigurationError, JobStateError, UnknownJobError
from syncline.jobs import dead_letters
from syncline.jobs.dead_letters import Handled
from syncline.model.job import JobStatus
from syncline.store import job_counts, job_pages
from syncline.store.job_pages import WantedJobs
from syncline.words import counted

__all__ = ["drop", "retry"]


def retry(ids: Sequence[int], *, all_failed: bool, source: str | None, yes: bool) -> int:
    """Queue these dead letters again; 1 if one could not be."""
    _check(ids, all_failed=all_failed, source=source, command="retry")
    with opened() as instance:
        if all_failed:
            return _all(instance, source, "retry", dead_letters.retry_all, yes=yes)
        return _each(ids, lambda job_id: _retried(instance, job_id))


def drop(ids: Sequence[int], *, all_failed: bool, source: str | None, yes: bool) -> int:
    """Delete these dead letters; 1 if one could not be."""
    _check(ids, all_failed=all_failed, source=source, command="drop")
    with opened() as instance:
        if all_failed:
            return _all(instance, source, "drop", dead_letters.drop_all, yes=yes)
        return _each(ids, lambda job_id: _dropped(instance, job_id))


def _check(ids: Sequence[int], *, all_failed: bool, source: str | None, command: str) -> None:
    if all_failed == bool(ids):
        raise ConfigurationError(f"name the jobs, or all: `syncline jobs {command} JOB…` or `--all-failed`")
    if source is not None and not all_failed:
        raise ConfigurationError("--source goes with --all-failed; jobs that are named need none")


def _retried(instance: Instance, job_id: int) -> str:
    queued = dead_letters.retry(instance.store, job_id, actor=actor())
    return f"job {job_id} is queued again, high" + (f", as a part of job {queued}" if queued != job_id else "")


def _dropped(instance: Instance, job_id: int) -> str:
    dead_letters.drop(instance.store, job_id, actor=actor())
    return f"job {job_id} is dropped"


def _each(ids: Sequence[int], change: Callable[[int], str]) -> int:
    """Change each; one that cannot be keeps the others not."""
    code = 0
    for job_id in dict.fromkeys(ids):
        try:
            console.line(change(job_id))
        except (JobStateError, UnknownJobError) as error:
            console.complain(str(error))
            code = 1
    return code


def _all(instance: Instance, source: str | None, word: str, change: Callable[..., Handled], *, yes: bool) -> int:
    with instance.store.read() as connection:
        wanted = WantedJobs(status=JobStatus.FAILED, source=source)
        some = job_pages.page(connection, wanted, limit=1).jobs
        number = job_counts.by_status(connection)[1]
    if not some:
        console.line("there are no dead letters")
        return 0
    of = f" of {source}" if source is not None else f" ({number:,})"
    if not yes and not typer.confirm(f"{word} all dead letters{of}?"):
        console.line("nothing was changed")
        return 1
    done = change(instance.store, source=source, actor=actor())
    past = {"retry": "queued again", "drop": "dropped"}[word]
    console.line(f"{counted(done.done, 'dead letter')} {past}")
    if done.left:
        console.warn(f"{done.left:,} stay: their accounts are paused or need attention, or are gone")
    return 0
