"""What becomes of a job, decided without a database."""

import pytest
from support.jobs import claimed, end

from syncline.jobs.verdict import Becomes, Verdict, decide, is_kept, trigger_of
from syncline.model.job import JobReason
from syncline.model.session import Status, Tally, Trigger

SECOND = 1_000_000
NOW = 1_000 * SECOND
GONE = Verdict(becomes=Becomes.GONE)


def waits(seconds: float, retries: int) -> Verdict:
    return Verdict(becomes=Becomes.WAITS, at_us=NOW + round(seconds * SECOND), retry_count=retries)


def dead(retries: int) -> Verdict:
    return Verdict(becomes=Becomes.DEAD, retry_count=retries)


@pytest.mark.parametrize(
    ("status", "retries", "more", "becomes"),
    [
        (Status.COMPLETED, 0, {}, GONE),
        (Status.PARTIAL, 3, {}, GONE),
        (Status.SKIPPED, 0, {}, GONE),
        (Status.CANCELLED, 2, {}, GONE),
        (Status.DEFERRED, 0, {"retry_at_us": NOW + 7 * SECOND}, waits(7, 0)),
        (Status.DEFERRED, 4, {"retry_at_us": NOW + 7 * SECOND}, waits(7, 4)),  # nobody's fault
        (Status.DEFERRED, 5, {"retry_at_us": NOW + 7 * SECOND}, waits(7, 5)),  # not even after the last retry
        (Status.DEFERRED, 0, {"retry_at_us": NOW - 7 * SECOND}, waits(0, 0)),  # it may go on at once
        (Status.DEFERRED, 0, {}, waits(60, 0)),  # without an instant it must not go round and round
        (Status.FAILED, 0, {}, waits(5, 1)),
        (Status.FAILED, 1, {}, waits(15, 2)),
        (Status.FAILED, 2, {}, waits(45, 3)),
        (Status.FAILED, 3, {}, waits(135, 4)),
        (Status.FAILED, 4, {}, waits(405, 5)),
        (Status.FAILED, 5, {}, dead(5)),
        (Status.FAILED, 9, {}, dead(9)),
        (Status.FAILED, 0, {"attention": "the address is wrong"}, dead(0)),
        (Status.COMPLETED, 0, {"attention": "a token expires soon"}, GONE),
    ],
)
def test_what_becomes_of_a_job(status: Status, retries: int, more: dict[str, object], becomes: Verdict) -> None:
    """The waits are 5 * 3^n seconds; jitter of 0.5 is no jitter."""
    job = claimed(retry_count=retries, max_retries=5)
    assert decide(end(job, status, at_us=NOW, **more), lambda: 0.5) == becomes


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 4.5), (0.999999999, 5.5)])
def test_retries_are_spread_by_a_tenth(drawn: float, seconds: float) -> None:
    """What failed together does not come back together."""
    assert decide(end(claimed(), Status.FAILED, at_us=NOW), lambda: drawn) == waits(seconds, 1)


def test_a_job_that_may_not_be_retried_is_dead_at_its_first_failure() -> None:
    """`max_retries` is how often it is tried again, not how often it is tried."""
    assert decide(end(claimed(max_retries=0), Status.FAILED, at_us=NOW), lambda: 0.5) == dead(0)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.CRASHED, Status.MISSED])
def test_a_connector_cannot_end_a_job_with_what_is_no_end(status: Status) -> None:
    """A session that runs and is completed at once would stay open for ever."""
    with pytest.raises(ValueError, match=f"{status} is no end of a job"):
        end(claimed(), status)


@pytest.mark.parametrize(
    ("status", "reason", "tally", "kept"),
    [
        (Status.COMPLETED, JobReason.SCHEDULE, Tally(processed=9, unchanged=9, requests=2), False),
        (Status.COMPLETED, JobReason.STALE, Tally(), False),
        (Status.COMPLETED, JobReason.SCHEDULE, Tally(created=1), True),
        (Status.COMPLETED, JobReason.SCHEDULE, Tally(updated=1), True),
        (Status.COMPLETED, JobReason.SCHEDULE, Tally(deleted=1), True),
        (Status.COMPLETED, JobReason.MANUAL, Tally(), True),
        (Status.COMPLETED, JobReason.WEBHOOK, Tally(), True),
        (Status.COMPLETED, JobReason.EVENT, Tally(), True),
        (Status.COMPLETED, JobReason.RETRY, Tally(), True),
        *((status, JobReason.SCHEDULE, Tally(), True) for status in (Status.PARTIAL, Status.FAILED)),
        *((status, JobReason.STALE, Tally(), True) for status in (Status.SKIPPED, Status.DEFERRED, Status.CANCELLED)),
    ],
)
def test_which_ends_leave_a_session(status: Status, reason: JobReason, tally: Tally, kept: bool) -> None:  # noqa: FBT001 - a table
    """An unchanged scheduled sync is counted by the hour alone: else a day of 100,000 accounts is ten million rows."""
    assert is_kept(end(claimed(reason=reason), status, tally=tally)) is kept


def test_each_reason_has_a_trigger() -> None:
    """A reason that a session cannot name would fail the transaction that ends its job."""
    assert {trigger_of(reason) for reason in JobReason} <= set(Trigger)
    assert trigger_of(JobReason.STALE) is Trigger.SCHEDULE
