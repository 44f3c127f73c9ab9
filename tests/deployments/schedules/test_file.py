from pathlib import Path
from textwrap import dedent

import pytest

from deployments.schedules.file import read_deployments
from syncline.errors import ConfigurationError

ENTRY = "name: a, flow_name: sync-a, entrypoint: flows.a.sync_a"


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "prefect.yaml"
    path.write_text(dedent(text))
    return path


def test_the_projects_own_file_runs_each_source_every_half_hour() -> None:
    """The promise of the readme."""
    found = {deployment.source: deployment for deployment in read_deployments()}
    for source in ("products", "customers"):
        (schedule,) = found[source].schedules
        assert (schedule.slug, schedule.interval, found[source].name) == (source, 1800, source)
        pool = found[source].work_pool
        assert pool is not None
        assert pool.work_queue_name == "normal"


def test_anchors_and_cron_schedules_are_read(tmp_path: Path) -> None:
    """People share fragments by anchors, as in every prefect.yaml."""
    path = _write(
        tmp_path,
        """
        base: &base {timezone: Europe/Berlin}
        deployments:
          - name: a
            flow_name: sync-a
            entrypoint: flows.a.sync_a
            schedules: [{<<: *base, slug: nightly, cron: "0 3 * * *"}]
        """,
    )
    (deployment,) = read_deployments(path)
    (schedule,) = deployment.schedules
    assert (schedule.cron, schedule.timezone) == ("0 3 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("deployments: {", r"prefect.yaml is no YAML"),
        ("name: x", r"`deployments` must be a list"),
        ("deployments: [{name: a}]", r"deployment a, flow_name: Field required"),
        (f"deployments: [{{{ENTRY}, intervall: 3}}]", r"deployment a, intervall: Extra inputs are not permitted"),
        ("deployments: [{name: a, flow_name: sync-a, entrypoint: 'flows/a.py:f'}]", r"`entrypoint` must be dotted"),
        (f"deployments: [{{{ENTRY}, schedules: [{{slug: s}}]}}]", r"schedules.0: give exactly one of `interval`"),
        (f"deployments: [{{{ENTRY}, schedules: [{{slug: s, interval: 60}}]}}]", r"needs an `anchor_date`"),
        (
            f"deployments: [{{{ENTRY}, schedules: [{{slug: s, cron: '@daily', timezone: Mars/Phobos}}]}}]",
            r"schedules.0: `timezone`: no time zone is called 'Mars/Phobos'",
        ),
        (f"deployments: [{{{ENTRY}, schedules: [{{cron: '* * * * *'}}]}}]", r"schedules.0.slug: Field required"),
        (f"deployments: [{{{ENTRY}, schedules: [{{slug: s, active: true}}]}}]", r"leave `active` out"),
        (f"deployments: [{{{ENTRY}}}, {{{ENTRY}}}]", r"two deployments are named sync-a/a"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    """`prefect deploy` aborts the whole file with a traceback."""
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        read_deployments(_write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """An installation without its prefect.yaml would serve nothing, silently."""
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_deployments(tmp_path / "prefect.yaml")


@pytest.mark.parametrize(
    ("source", "schedule"),
    [
        ("airdrops", "7 * * * *"),
        ("airdrops_upcoming", "12 */4 * * *"),
        ("quests", "17 * * * *"),
        ("yield", "22 */2 * * *"),
        ("points", "27 0 * * *"),
        ("sponsored", "every 300 s"),
        ("community", "37 * * * *"),
    ],
)
def test_feeds_are_read_by_the_clock_as_often_as_they_change(source: str, schedule: str) -> None:
    """Hourly, every four or two hours, daily: crons; what must appear within five minutes is an interval."""
    (deployment,) = [one for one in read_deployments() if one.source == source]
    assert [entry.text for entry in deployment.schedules] == [schedule]
