from datetime import UTC, datetime, timedelta

from syncline.contests.x import first_id, instant_of


def test_ids_are_made_of_instants_and_instants_of_ids() -> None:
    """X's own example, and the ends of the count."""
    instant = datetime(2022, 6, 28, 16, 7, 40, 105_000, tzinfo=UTC)
    assert instant_of(1541815603606036480) == instant
    assert first_id(instant) <= 1541815603606036480 < first_id(instant + timedelta(milliseconds=1))
    assert first_id(instant) == (int(instant.timestamp() * 1000) - 1288834974657) << 22
    assert first_id(datetime(2000, 1, 1, tzinfo=UTC)) == 0
    assert instant_of(first_id(datetime(2026, 1, 1, tzinfo=UTC))) == datetime(2026, 1, 1, tzinfo=UTC)
