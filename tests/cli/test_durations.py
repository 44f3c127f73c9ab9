import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import durations
from syncline.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400), ("1h30m", 5_400), (" 1H ", 3_600), ("1d1s", 86_401)],
)
def test_durations_are_read_as_people_type_them(text: str, seconds: int) -> None:
    """Nobody should have to convert a pause to seconds."""
    assert durations.seconds(text, option="--for") == seconds


@pytest.mark.parametrize("text", ["", "15", "soon", "1m1h", "-5m", "1.5h", "5 m", "m", "٣m", "1h30"])
def test_what_is_no_duration_is_refused_by_the_options_name(text: str) -> None:
    """A guessed unit could pause a source for days in place of seconds."""
    with pytest.raises(ConfigurationError, match=r"^--every .* is no duration"):
        durations.seconds(text, option="--every")


@pytest.mark.parametrize("text", ["0s", "59s", "8d", "999999999d"])
def test_a_duration_out_of_bounds_is_refused_with_the_bounds(text: str) -> None:
    """A schedule of every 0 seconds would be a flood."""
    with pytest.raises(ConfigurationError, match="--every must lie between 1m and 7d"):
        durations.seconds(text, option="--every", least=60, most=7 * durations.DAY)


@given(st.integers(min_value=1, max_value=365 * durations.DAY))
def test_a_duration_survives_being_written_and_read(total: int) -> None:
    """What a command prints can be typed again."""
    assert durations.seconds(durations.compact(total), option="--for") == total
