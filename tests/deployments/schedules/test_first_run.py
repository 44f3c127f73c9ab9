from deployments.serving import first_run_after


def test_first_runs_do_not_begin_all_at_once() -> None:
    """On two cores, nine processes at once would keep the first two waiting for a minute."""
    assert [first_run_after(number).total_seconds() for number in range(5)] == [5, 5, 15, 25, 35]
