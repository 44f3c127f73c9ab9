"""Instants where they become local: crons count in a zone, and upstreams write local times without an offset.

In autumn an hour comes twice, in spring one never. The time zone is the IANA database's, as pendulum reads it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

from syncline.errors import ConfigurationError

__all__ = ["check_zone", "from_local", "local_since", "zone_named"]

_LONGEST_CHANGE = timedelta(hours=3)
"""So long after an instant a clock that is set back may show a time before it: zones change by an hour, some by two."""


def check_zone(name: str) -> None:
    """Refuse a name that no time zone has.

    Raises:
        ConfigurationError: it has none.
    """
    try:
        zone_named(name)
    except (ValueError, OSError):  # pendulum's InvalidTimezone is a ValueError
        raise ConfigurationError(f"no time zone is called {name!r}; name one as Europe/Berlin") from None


def from_local(wall: datetime, zone: str) -> datetime:
    """The instant in UTC at which clocks in `zone` show `wall`, which has no offset.

    In the hour that comes twice it is the first of the two: a cursor made of it is early, never late. A time that
    clocks skip in spring is taken as if they had not been set yet.
    """
    return wall.replace(tzinfo=zone_named(zone), fold=0).astimezone(UTC)


def local_since(since: datetime, now: datetime, zone: str) -> datetime:
    """The earliest time without an offset that clocks in `zone` show between `since` and `now`.

    Where they were set back in between, later changes are stamped with earlier times: up to the set hour before what
    they showed at `since`.
    """
    where = zone_named(zone)
    soon = max(since, min(now, since + _LONGEST_CHANGE))
    wall = since.astimezone(where)
    set_back = (wall.utcoffset() or timedelta()) - (soon.astimezone(where).utcoffset() or timedelta())
    return wall.replace(tzinfo=None) - max(set_back, timedelta())


@cache
def zone_named(name: str) -> tzinfo:
    """The time zone called `name`, as `Europe/Berlin`.

    Raises:
        ValueError: no time zone has that name.
        OSError: the name is that of a folder of the database.
    """
    if name == "UTC":
        return UTC
    import pendulum  # noqa: PLC0415 - takes 60 ms, and few schedules and sources name a zone

    return pendulum.timezone(name)
