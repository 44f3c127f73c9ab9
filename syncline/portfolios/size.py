"""How much of something is asked for at once: halved where it was too much, and slowly raised again."""

from __future__ import annotations

__all__ = ["Size"]

_RAISED_AFTER = 64
"""So many full requests in a row go well before the size is doubled: where a limit is firm, 2 % of them are in vain."""


class Size:
    """A size that a server is believed to take.

    Attributes:
        current: how much is asked for at once now; 1 to `most`.
    """

    def __init__(self, most: int) -> None:
        """Begin with `most`, which is never exceeded."""
        self.current = most
        self._most = most
        self._went_well = 0

    def shrink(self, used: int) -> None:
        """Halve it, because `used` at once were too much; several such requests that were under way count once."""
        self.current = max(1, min(self.current, -(-used // 2)))
        self._went_well = 0

    def went_well(self, used: int) -> None:
        """Count a request that used it up; after many it grows."""
        if used < self.current or self.current == self._most:
            return
        self._went_well += 1
        if self._went_well >= _RAISED_AFTER:
            self.current, self._went_well = min(self._most, self.current * 2), 0
