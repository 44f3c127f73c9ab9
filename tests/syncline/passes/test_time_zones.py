"""Upstreams that write local times without an offset: each change comes with an incremental pass, in any night."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.answering import Answering
from support.odd_shop import shop, source_of
from support.runs import run, stored
from support.sources import altered

from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.store.engine import Store
from syncline.upstreams.paging import OnePage
from syncline.upstreams.rest import RestPages


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Berlin", datetime(2026, 10, 24, 23, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 4, 0, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 0, tzinfo=UTC)),
    ],
)
def test_a_change_in_the_hour_that_comes_twice_is_read(
    store: Store, clock: ManualClock, zone: str, night: datetime, *, named: bool
) -> None:
    """An item changes every ten minutes, and is read at once, through the night in which the clock is set back."""
    where = ZoneInfo(zone)
    clock.advance(seconds=(night - clock.now()).total_seconds())
    server = shop(30)
    for row in server.rows:
        row["updated_at"] = "2026-01-10T12:00:00"

    def answer(query: Mapping[str, str]) -> object:
        since = query.get("since", "")[:19]
        return {"data": [row for row in server.rows if row["updated_at"] >= since]}

    source = source_of(OnePage(), total=False, incremental=True)
    assert isinstance(source.required_dataset.pages, RestPages)
    source = altered(
        source, time_zone=zone if named else None, pages=replace(source.required_dataset.pages, since_format="iso")
    )
    run(store, source, transport=Answering(answer))
    for row in server.rows[:24]:
        clock.advance(seconds=600)
        row.update(name="new", updated_at=clock.now().astimezone(where).strftime("%Y-%m-%dT%H:%M:%S"))
        run(store, source, mode=Mode.INCREMENTAL, transport=Answering(answer))
        assert stored(store)[row["id"]] == "new"


@pytest.mark.parametrize("since_format", ["epoch", "epoch_ms"])
def test_a_number_is_an_instant_in_any_zone(store: Store, clock: ManualClock, since_format: str) -> None:
    """Seconds since 1970 know no zone."""
    clock.advance(seconds=86_400)
    at = int(clock.now().timestamp())
    server = shop(3)
    for row in server.rows:
        row["updated_at"] = at - 100
    source = source_of(OnePage(), total=False, incremental=True)
    assert isinstance(source.required_dataset.pages, RestPages)
    source = altered(
        source, time_zone="Asia/Tokyo", pages=replace(source.required_dataset.pages, since_format=since_format)
    )
    transport = Answering(lambda _: {"data": server.rows})
    run(store, source, transport=transport)
    run(store, source, mode=Mode.INCREMENTAL, transport=transport)
    scale = 1 if since_format == "epoch" else 1000
    assert datetime.fromtimestamp(int(transport.asked[-1]["since"]) / scale, UTC) == clock.now() - timedelta(
        seconds=(clock.now().timestamp() - at + 100)
    )
