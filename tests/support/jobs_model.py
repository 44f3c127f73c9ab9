"""The life of jobs in plain Python: what the database is held to."""

from collections import Counter
from dataclasses import dataclass, field, replace

from syncline.jobs.verdict import BACKOFF
from syncline.model.job import MAX_CRASHES, MAX_RETRIES
from syncline.model.policies import Priority
from syncline.model.session import Status
from syncline.store.job_claims import Claimed

__all__ = ["ACCOUNTS", "JobState", "Jobs", "user_of"]

ACCOUNTS = tuple("abcdef")
_RANKS = list(Priority)
_GOOD = (Status.COMPLETED, Status.PARTIAL)


def user_of(name: str) -> str:
    """Half of the accounts are one user's."""
    return "many" if name in "abc" else f"u_{name}"


@dataclass(frozen=True, kw_only=True)
class JobState:
    """A job as a row of the table shows it."""

    status: str
    priority: Priority
    at: int
    again: Priority | None = None
    retries: int = 0
    crashes: int = 0
    lease: int | None = None


@dataclass(kw_only=True)
class Jobs:
    """The open job and the dead letter of each account, what was written, and how jobs ended.

    Which claim has a job is known by the claim's number (`holder`), which no other claim has.
    """

    open: dict[str, JobState] = field(default_factory=dict[str, JobState])
    dead: dict[str, JobState] = field(default_factory=dict[str, JobState])
    holder: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    written: Counter[str] = field(default_factory=Counter[str])
    ends: Counter[Status] = field(default_factory=Counter[Status])
    failures: Counter[str] = field(default_factory=Counter[str])
    late: int = 0

    def enqueue(self, name: str, priority: Priority, at: int) -> bool:
        """Returns whether it is a new job."""
        job = self.open.get(name)
        if job is None:
            self.open[name] = JobState(status="queued", priority=priority, at=at)
        elif job.status == "queued":
            self.open[name] = replace(job, priority=_better(job.priority, priority), at=min(job.at, at))
        else:
            self.open[name] = replace(job, again=_better(job.again, priority))
        return job is None

    def claim(self, job: Claimed, name: str, lease: int) -> None:
        """A claim took it; it must have been due and waiting, and its claim is one that never was."""
        before = self.open[name]
        assert before.status == "queued", "a job was given to two"
        assert (job.id, job.fence) not in self.holder.values(), "a claim came twice"
        assert (job.priority, job.scheduled_us, job.retry_count) == (before.priority, before.at, before.retries)
        self.open[name] = replace(before, status="processing", lease=lease)
        self.holder[name] = job.id, job.fence

    def is_held(self, name: str, job: Claimed) -> bool:
        """Whether the job is still this claim's."""
        known = self.open.get(name)
        return known is not None and known.status == "processing" and self.holder[name] == (job.id, job.fence)

    def end(self, name: str, job: Claimed, status: Status, *, now: int, goes_on: int, hopeless: bool) -> None:
        """An end comes in: on time or late."""
        if not self.is_held(name, job):
            self.late += 1
            return
        self.written[name] += 1
        self.ends[status] += 1
        before = self.open[name]
        if status is Status.DEFERRED:
            self._wait(name, goes_on, before.retries)
        elif status is not Status.FAILED:
            if status in _GOOD and self.failures.pop(name, 0):
                self.dead.pop(name, None)
            self._anew_or_gone(name, now)
        elif hopeless or before.retries >= MAX_RETRIES:
            self.failures[name] += 1
            self.dead.pop(name, None)
            if hopeless or before.again is None:
                self.dead[name] = replace(self.open.pop(name), status="failed", lease=None, again=None, crashes=0)
            else:
                self._anew_or_gone(name, now)
        else:
            wait = round(BACKOFF.grown_seconds(before.retries + 1) * 1_000_000)
            self._wait(name, now + wait, before.retries + 1)

    def crash(self, now: int) -> int:
        """All whose lease has expired wait again; returns how many that were."""
        expired = [name for name, job in self.open.items() if job.lease is not None and job.lease <= now]
        for name in expired:
            self.ends[Status.CRASHED] += 1
            crashes = self.open[name].crashes + 1
            self._wait(name, now, self.open[name].retries)
            self.open[name] = replace(self.open[name], crashes=crashes)
            if crashes >= MAX_CRASHES:
                self.failures[name] += 1
                self.dead[name] = replace(self.open.pop(name), status="failed")
        return len(expired)

    def give_back(self, name: str, job: Claimed, now: int) -> bool:
        """Its drain ends; returns whether it was still the claim's."""
        if not self.is_held(name, job):
            return False
        before = self.open[name]
        self._wait(name, min(before.at, now), before.retries)
        return True

    def _wait(self, name: str, at: int, retries: int) -> None:
        job = self.open[name]
        self.open[name] = JobState(
            status="queued", priority=_better(job.again, job.priority), at=at, retries=retries, crashes=0
        )

    def _anew_or_gone(self, name: str, now: int) -> None:
        again = self.open.pop(name).again
        if again is not None:
            self.open[name] = JobState(status="queued", priority=again, at=now)


def _better(one: Priority | None, other: Priority) -> Priority:
    return other if one is None else min(one, other, key=_RANKS.index)
