"""Tables that fit the terminal: a narrow one shows only the columns that matter most."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from cli import console

__all__ = ["Column", "Fact", "fit", "number", "print_facts", "print_table"]

_GAP = 2
"""Between two columns."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        right: whether it is aligned to the right, as numbers are.
        rank: where the terminal is too narrow, the column with the highest rank is left out first; 0 always stays.
        least: the width to which it is cut, with an ellipsis, before another column is left out; None: it is not cut.
        preferred: the width that it keeps while there is a column with a higher rank to leave out; None: `least`.
    """

    title: str
    right: bool = False
    rank: int = 0
    least: int | None = None
    preferred: int | None = None


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of a list of facts.

    Attributes:
        label: what it is about.
        value: what is to be said; an empty one is left out.
    """

    label: str
    value: str | Text


def number(value: int | None) -> str:
    """A count with thousands set apart; a dash for none."""
    return "-" if value is None else f"{value:,}"


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print `rows`, each with a cell for every column."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = fit(columns, [[cell.cell_len for cell in row] for row in cells], console.answers().width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for index, width in widths.items():
        justify = "right" if columns[index].right else "left"
        table.add_column(columns[index].title, justify=justify, no_wrap=True, overflow="ellipsis", max_width=width)
    for row in cells:
        table.add_row(*(row[index] for index in widths))
    console.show(table)


def fit(columns: Sequence[Column], cells: Sequence[Sequence[int]], width: int) -> Mapping[int, int]:
    """Which columns are shown, by their index, and how wide; `cells` holds how wide each row's cells are.

    A column in which nothing is said is left out as well, unless it always stays.
    """
    natural = [max([cell_len(column.title), *(row[index] for row in cells)]) for index, column in enumerate(columns)]
    least = [
        size if column.least is None else min(size, column.least) for size, column in zip(natural, columns, strict=True)
    ]
    shown = [index for index, column in enumerate(columns) if not column.rank or any(row[index] for row in cells)]
    _leave_out_for_preferred(columns, shown, natural, least, width)
    while _total(least, shown) > width and any(columns[index].rank for index in shown):
        shown.remove(max(shown, key=lambda index: columns[index].rank))
    spare = max(width - _total(least, shown), 0)
    widths: dict[int, int] = {}
    for index in shown:
        widths[index] = min(natural[index], least[index] + spare)
        spare -= widths[index] - least[index]
    return widths


def _leave_out_for_preferred(
    columns: Sequence[Column], shown: list[int], natural: Sequence[int], least: Sequence[int], width: int
) -> None:
    """Leave out columns of a higher rank while another one would be cut below its preferred width."""
    preferred = [
        size if column.preferred is None else min(whole, column.preferred)
        for column, whole, size in zip(columns, natural, least, strict=True)
    ]
    ranks = [columns[index].rank for index in shown if columns[index].preferred is not None]
    while ranks and _total(preferred, shown) > width:
        last = max(shown, key=lambda index: columns[index].rank)
        if columns[last].rank <= min(ranks):
            return
        shown.remove(last)


def print_facts(facts: Iterable[Fact]) -> None:
    """Print a label and a value to a line; long values go on below themselves."""
    grid = Table.grid(padding=(0, 2))
    for fact in facts:
        if fact.value:
            grid.add_row(Text(fact.label, style="bold"), _cell(fact.value))
    console.show(grid)


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[index] for index in shown) + _GAP * (len(shown) - 1)


def _cell(value: str | Text) -> Text:
    """Text as it is: brackets in a reason are no markup."""
    return value if isinstance(value, Text) else Text(value)
