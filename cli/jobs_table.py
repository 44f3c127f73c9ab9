"""What `syncline jobs` shows: a table of jobs, one of them in full, and why it waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.text import Text
from sqlalchemy import Connection

from cli import console, registry
from cli.instance import Instance, opened
from cli.tables import Column, Fact, print_facts, print_table
from syncline.errors import UnknownJobError
from syncline.jobs.explain import why_waiting
from syncline.jobs.job_json import JobDetailJson, JobJson, JobState, finished_json, job_json
from syncline.model.job import JobStatus
from syncline.model.source import named
from syncline.store import accounts, job_pages, job_sessions, jobs
from syncline.store.job_pages import WantedJobs
from syncline.words import ago, iso_instant, until

__all__ = ["explain", "listed", "show"]

_COLUMNS = (
    Column(title="Job", right=True),
    Column(title="Status"),
    Column(title="Priority", rank=2),
    Column(title="Source", rank=4),
    Column(title="Account"),
    Column(title="User", rank=3, least=10),
    Column(title="Due", right=True),
    Column(title="Retries", right=True, rank=5),
    Column(title="Why", rank=1, least=20),
)
_STYLES = {JobState.QUEUED: "", JobState.PROCESSING: "cyan", JobState.COMPLETED: "green", JobState.FAILED: "red"}


def listed(named_by: Mapping[str, str | None], *, limit: int, after: int, as_json: bool) -> None:
    """Print the jobs that are wanted."""
    status = named_by["status"]
    rest: dict[str, Any] = {name: value for name, value in named_by.items() if name != "status"}
    wanted = WantedJobs(status=None if status is None else JobStatus(status), **rest)
    with opened() as instance:
        with instance.store.read() as connection:
            found = job_pages.page(connection, wanted, limit=limit, after=after)
        told = [job_json(job, str) for job in found.jobs]
        if as_json:
            console.write_json([one.model_dump() for one in told])
            return
        _print(told, instance.now())
    if found.next_after is not None:
        console.line(f"… and more: `--after {found.next_after}`")


def show(job_id: int, *, as_json: bool) -> None:
    """Print all that is known of a job."""
    with opened() as instance:
        one, now = _told(instance, job_id), instance.now()
    if as_json:
        console.write_json(one.model_dump())
        return
    print_facts(_facts(one, now))


def explain(job_id: int, *, as_json: bool) -> None:
    """Print why a job is where it is."""
    with opened() as instance:
        one = _told(instance, job_id)
    sentences = one.waits_for or [_gone(one)]
    if as_json:
        console.write_json({"id": one.id, "status": one.status.value, "explanation": sentences})
    else:
        for sentence in sentences:
            console.line(sentence)


def _told(instance: Instance, job_id: int) -> JobDetailJson:
    with instance.store.read() as connection:
        job = jobs.find(connection, job_id)
        if job is None:
            return _finished(connection, job_id)
        source = named(registry.every(), job.source)
        sentences = list(why_waiting(instance.store, connection, job, source))
        return JobDetailJson.model_validate(job_json(job, str, sentences).model_dump())


def _finished(connection: Connection, job_id: int) -> JobDetailJson:
    left = job_sessions.newest(connection, job_id)
    if left is None:
        raise UnknownJobError(job_id)
    account = accounts.find(connection, left.account_id)
    return finished_json(left, str, user_id=None if account is None else account.user_id)


def _print(told: Sequence[JobJson], now: datetime) -> None:
    if not told:
        console.line("there are no such jobs")
        return
    rows = [
        (
            str(one.id),
            Text(one.status.value, style=_STYLES.get(one.status, "")),
            "" if one.priority is None else one.priority.value,
            one.source,
            one.account_id,
            one.user_id or "",
            "" if one.scheduled_at is None else _due(one, one.scheduled_at, now),
            str(one.retry_count or ""),
            one.error or ("" if one.reason is None else one.reason.value),
        )
        for one in told
    ]
    print_table(_COLUMNS, rows)


def _due(one: JobJson, at: datetime, now: datetime) -> str:
    return until(at, now) if one.status is JobState.QUEUED and at > now else ago(at, now)


def _facts(one: JobDetailJson, now: datetime) -> list[Fact]:
    status = one.status.value + (", a dead letter" if one.dead_letter else "")
    if one.outcome is not None:
        status += f" ({one.outcome.value})"
    retries = f"{one.retry_count}" + ("" if one.max_retries is None else f" of {one.max_retries}")
    instants = {"Asked for": one.created_at, "Due": one.scheduled_at, "Began": one.started_at}
    instants |= {"Ended": one.completed_at}
    whose = one.account_id + ("" if one.user_id is None else f" of {one.user_id}")
    return [
        Fact(label="Job", value=str(one.id)),
        Fact(label="Status", value=Text(status, style=_STYLES.get(one.status, ""))),
        Fact(label="Account", value=f"{whose}, {one.source}"),
        Fact(
            label="Reads", value=one.type.value + ("" if not one.calendar_ids else f": {', '.join(one.calendar_ids)}")
        ),
        Fact(label="Priority", value="" if one.priority is None else one.priority.value),
        Fact(
            label="Reason", value=one.reason.value if one.reason else "" if one.trigger is None else one.trigger.value
        ),
        *(
            Fact(label=label, value="" if at is None else f"{ago(at, now)}, at {iso_instant(at)}")
            for label, at in instants.items()
        ),
        Fact(label="Retries", value=retries),
        Fact(label="Error", value=one.error or ""),
        Fact(label="Session", value=one.session_id or ""),
        *(Fact(label="Why" if number == 0 else "", value=one_) for number, one_ in enumerate(one.waits_for)),
    ]


def _gone(one: JobDetailJson) -> str:
    ended = "" if one.completed_at is None else f" at {iso_instant(one.completed_at)}"
    why = f": {one.error.rstrip('.')}" if one.error else ""
    outcome = one.status.value if one.outcome is None else one.outcome.value
    return f"It is gone: it ended{ended}, {outcome}{why}."
