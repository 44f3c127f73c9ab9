import pytest

from deployments.serving import first_run_after, runs_at_once


def test_first_runs_do_not_begin_all_at_once() -> None:
    """On two cores, nine processes at once would keep the first two waiting for a minute."""
    assert [first_run_after(number).total_seconds() for number in range(5)] == [5, 5, 15, 25, 35]


@pytest.mark.parametrize(("deployments", "limit"), [(1, 5), (3, 5), (13, 15)])
def test_sources_that_hang_keep_no_other_from_running(
    monkeypatch: pytest.MonkeyPatch, deployments: int, limit: int
) -> None:
    """Prefect's five would be taken by five sources of one upstream that does not answer; who sets it is heard."""
    monkeypatch.delenv("PREFECT_RUNNER_PROCESS_LIMIT", raising=False)
    assert runs_at_once(deployments) == limit
    monkeypatch.setenv("PREFECT_RUNNER_PROCESS_LIMIT", "3")
    assert runs_at_once(deployments) == 3
