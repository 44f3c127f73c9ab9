"""Lists of jobs by status, source, user and account, on both databases."""

import pytest
from support.jobs import add_accounts, all_jobs, enqueue, put_job, wanted

from syncline.model.job import JobStatus
from syncline.store import job_pages
from syncline.store.engine import Store
from syncline.store.job_pages import WantedJobs


@pytest.mark.parametrize("limit", [1, 2, 9])
def test_each_job_that_is_wanted_comes_once(store: Store, limit: int) -> None:
    """However the pages are cut; open jobs and dead letters are read by indexes of their own, and come in one order."""
    add_accounts(store, "a", "b", "c", "d", user_id="ann")
    add_accounts(store, "e")
    enqueue(store, *(wanted(name, 0, user_id="ann") for name in "abcd"), wanted("e", 0, source="other"))
    put_job(store, "b", status="failed")
    put_job(store, "c", status="processing")
    names = {one.id: one.account_id.removeprefix("acc_") for one in all_jobs(store)}

    def found(**values: object) -> str:
        told, after = "", 0
        while True:
            with store.read() as connection:
                page = job_pages.page(connection, WantedJobs(**values), limit=limit, after=after)  # pyright: ignore[reportArgumentType] - any field
            told += "".join(names[job.id] for job in page.jobs)
            if page.next_after is None:
                return told
            after = page.next_after

    assert found() == "abcde"
    assert found(user_id="ann") == "abcd"
    assert found(source="other") == "e"
    assert found(account_id="acc_b", user_id="ann") == "b"
    for status, of_all in ((JobStatus.QUEUED, "ade"), (JobStatus.PROCESSING, "c"), (JobStatus.FAILED, "b")):
        assert found(status=status) == of_all
        assert found(status=status, user_id="ann") == of_all.replace("e", "")
