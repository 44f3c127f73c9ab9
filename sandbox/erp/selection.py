from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Mark = int | tuple[str, int]
"""A row's place in its order: the serial number, or updated_at and the serial number."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Rows in the order in which they are asked for."""

    marks: Sequence[int] | Sequence[tuple[str, int]]
    """The places of all rows, rising."""
    falling: bool
    """Whether they are read from the end: newest first."""

    def __len__(self) -> int:
        return len(self.marks)

    def cut(self, start: int, stop: int) -> list[int]:
        """The serial numbers at positions from `start` to before `stop`."""
        if self.falling:
            size = len(self.marks)
            marks = self.marks[max(size - stop, 0) : max(size - start, 0)][::-1]
        else:
            marks = self.marks[start:stop]
        return [mark if isinstance(mark, int) else mark[1] for mark in marks]

    def after(self, mark: Mark) -> int:
        """The position of the first row that comes after a place, whether or not a row is there now."""
        if isinstance(mark, int):
            return bisect_right(self.marks, mark)
        return len(self.marks) - bisect_left(self.marks, mark)
