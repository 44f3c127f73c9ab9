"""How many requests may be under way at once: half as many after a refusal, one more after each round of answers."""

import asyncio
from types import TracebackType

__all__ = ["InFlight"]


class InFlight:
    """Additive increase, multiplicative decrease (Chiu and Jain, 1989), as in TCP.

    Attributes:
        allowed: how many may be under way now, 1 to `most`; a fraction is on its way to the next whole one.
    """

    def __init__(self, most: int) -> None:
        """Begin with `most`, which is never exceeded."""
        self.allowed = float(most)
        self._most = most
        self._busy = 0
        self._room = asyncio.Event()

    def refused(self) -> None:
        """Halve the number, because the upstream asked to slow down; call it once for each burst of refusals."""
        self.allowed = max(1.0, self.allowed / 2)

    def went_well(self) -> None:
        """Count an answer: as many as are allowed raise the number by one."""
        self.allowed = min(float(self._most), self.allowed + 1 / self.allowed)

    async def __aenter__(self) -> None:
        """Wait until there is room for one more."""
        while self._busy >= int(self.allowed):
            self._room.clear()
            await self._room.wait()
        self._busy += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make room."""
        self._busy -= 1
        self._room.set()
