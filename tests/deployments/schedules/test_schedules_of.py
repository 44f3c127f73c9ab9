from datetime import UTC, datetime, timedelta

from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from deployments.schedules.file import Deployment, ScheduleEntry
from deployments.schedules.plan import main_schedule, schedules_of

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
DEPLOYMENT = Deployment(
    name="a",
    flow_name="sync-a",
    entrypoint="flows.a.sync_a",
    schedules=[
        ScheduleEntry(slug="day", interval=1800, anchor_date=ANCHOR, parameters={"mode": "incremental"}),
        ScheduleEntry(slug="night", cron="0 3 * * *", timezone="Europe/Berlin"),
    ],
)


def test_schedules_are_those_of_the_file_and_say_nothing_of_being_active() -> None:
    """A schedule that an operator stopped would start again with the next `syncline up`."""
    day, night = schedules_of(DEPLOYMENT, None)
    assert isinstance(day.schedule, IntervalSchedule)
    assert day.schedule.interval == timedelta(minutes=30)
    assert day.schedule.anchor_date == ANCHOR
    assert day.parameters == {"mode": "incremental"}
    assert isinstance(night.schedule, CronSchedule)
    assert night.schedule.timezone == "Europe/Berlin"
    assert not {"active"} & (day.model_fields_set | night.model_fields_set)


def test_an_operators_interval_replaces_them_all() -> None:
    """`every 15 minutes` means that, and not `and at three in the night as well`."""
    day, night = schedules_of(DEPLOYMENT, 900)
    assert isinstance(day.schedule, IntervalSchedule)
    assert (day.schedule.interval, day.slug) == (timedelta(minutes=15), "day")
    assert "active" not in day.model_fields_set
    assert night.active is False


def test_the_schedule_that_an_interval_replaces_is_the_first_of_the_file() -> None:
    """Prefect tells the last changed one first; were that replaced, the next start would leave none switched on."""
    day, night = (
        DeploymentSchedule(slug=one.slug, schedule=one.schedule, active=True) for one in schedules_of(DEPLOYMENT, None)
    )
    assert main_schedule("a", [night, day], [DEPLOYMENT]) is day
    assert main_schedule("a", [night], [DEPLOYMENT]) is night
    assert main_schedule("a", [], [DEPLOYMENT]) is None


def test_an_interval_in_place_of_a_cron_counts_from_an_instant_that_stays() -> None:
    """Prefect would count from each start anew, and a source that is due every two hours might never run."""
    cron = ScheduleEntry(slug="hourly", cron="7 * * * *")
    (made,) = schedules_of(DEPLOYMENT.model_copy(update={"schedules": [cron]}), 7_200)
    assert isinstance(made.schedule, IntervalSchedule)
    assert (made.slug, made.schedule.anchor_date) == ("hourly", ANCHOR)
