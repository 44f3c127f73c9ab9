"""Local times without an offset: what they mean, and from when changes are asked for."""

from datetime import UTC, datetime, timedelta

import pendulum
import pytest

from syncline.errors import ConfigurationError
from syncline.local_time import check_zone, from_local, local_since, zone_named


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("Europe/Berlin", "2026-07-01T12:00", "2026-07-01T10:00"),
        ("Europe/Berlin", "2026-10-25T02:15", "2026-10-25T00:15"),  # comes twice: the first
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),  # is skipped: as if the clock had not been set yet
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),  # set back by half an hour
        ("Asia/Kolkata", "2026-01-01T05:30", "2026-01-01T00:00"),
    ],
)
def test_a_local_time_is_the_first_instant_that_it_may_be(zone: str, wall: str, expected: str) -> None:
    """A cursor that is early reads some items again; one that is late loses changes."""
    assert from_local(datetime.fromisoformat(wall), zone) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "since", "now", "expected"),
    [
        ("Europe/Berlin", "2026-07-01T10:00", "2026-07-01T10:30", "2026-07-01T12:00"),
        ("Europe/Berlin", "2026-10-25T00:55", "2026-10-25T00:59", "2026-10-25T02:55"),  # not set back yet
        ("Europe/Berlin", "2026-10-25T00:55", "2026-10-25T01:15", "2026-10-25T01:55"),  # 02:15 came again meanwhile
        ("Europe/Berlin", "2026-10-25T00:55", "2027-07-01T00:00", "2026-10-25T01:55"),  # and is long past
        ("Europe/Berlin", "2026-10-25T01:15", "2026-10-25T02:00", "2026-10-25T02:15"),
        ("Europe/Berlin", "2026-03-29T00:55", "2026-03-29T01:15", "2026-03-29T01:55"),
        ("America/New_York", "2026-11-01T05:50", "2026-11-01T06:10", "2026-11-01T00:50"),
    ],
)
def test_changes_are_asked_for_from_the_earliest_time_that_they_may_have(
    zone: str, since: str, now: str, expected: str
) -> None:
    """In autumn an hour comes twice: a change made later is stamped earlier."""
    assert local_since(utc(since), utc(now), zone) == datetime.fromisoformat(expected)


def test_no_change_of_a_whole_year_lies_before_what_is_asked_for() -> None:
    """Every half hour of a year in three zones: whatever changes within three hours is asked for."""
    for zone in ("Europe/Berlin", "America/St_Johns", "Pacific/Auckland"):
        for half_hours in range(0, 365 * 48, 7):
            since = utc("2026-01-01T00:00") + timedelta(minutes=30 * half_hours)
            asked = local_since(since, since + timedelta(hours=3), zone)
            walls = [_wall(since + timedelta(minutes=15 * step), zone) for step in range(13)]
            assert asked <= min(walls)


def _wall(instant: datetime, zone: str) -> datetime:
    return local_since(instant, instant, zone)


def test_a_zone_that_there_is_not_is_refused() -> None:
    """A mistyped zone must not be taken for UTC."""
    check_zone("Europe/Berlin")
    with pytest.raises(ConfigurationError, match="Europe/Berlim"):
        check_zone("Europe/Berlim")


def test_zones_are_those_of_pendulum_and_utc_is_pythons_own() -> None:
    """Crons, ticks and upstreams' local times all ask here; UTC must not cost the loading of a library."""
    assert zone_named("Europe/Berlin") is pendulum.timezone("Europe/Berlin")
    assert zone_named("UTC") is UTC
