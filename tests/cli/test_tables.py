import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.tables import Column, fit, number

COLUMNS = (
    Column(title="Source"),
    Column(title="Items", right=True, rank=2),
    Column(title="Mode", rank=3),
    Column(title="Why", least=28, rank=1),
)
WIDTHS = [[8, 5, 11, 60]]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (200, {0: 8, 1: 5, 2: 11, 3: 60}),
        (70, {0: 8, 1: 5, 2: 11, 3: 70 - 8 - 5 - 11 - 3 * 2}),
        (57, {0: 8, 1: 5, 3: 57 - 8 - 5 - 2 * 2}),  # 58 is what all four need at least
        (44, {0: 8, 3: 44 - 8 - 2}),
        (30, {0: 8}),
        (5, {0: 8}),  # what always stays, stays
    ],
)
def test_the_least_important_columns_are_left_out_first(width: int, shown: dict[int, int]) -> None:
    """The source and the reason must be readable in a split window; the mode can wait."""
    assert fit(COLUMNS, WIDTHS, width) == shown


def test_a_column_in_which_nothing_is_said_is_left_out() -> None:
    """Where every run went well there is no `why`, and its room is better used."""
    assert list(fit(COLUMNS, [[8, 5, 11, 0], [8, 5, 11, 0]], 200)) == [0, 1, 2]


@given(st.lists(st.tuples(*[st.integers(0, 200)] * 4)), st.integers(1, 300))
def test_what_is_shown_fits_or_cannot_be_less(cells: list[tuple[int, ...]], width: int) -> None:
    """A line that is too long by one character breaks the whole table."""
    shown = fit(COLUMNS, cells, width)
    assert set(shown) == {0} or sum(shown.values()) + 2 * (len(shown) - 1) <= width


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0, "0"), (1234567, "1,234,567")])
def test_counts_have_their_thousands_set_apart(value: int | None, text: str) -> None:
    """A million must not be read as a hundred thousand."""
    assert number(value) == text
