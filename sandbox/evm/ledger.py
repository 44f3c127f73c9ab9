from bisect import bisect_right
from collections import defaultdict

Slot = tuple[str, str]
"""Whose number: a token's address, or `NONCE`, and the address that holds it."""
NONCE = "nonce"


class Ledger:
    """Numbers that change from block to block, and what each was at earlier blocks."""

    def __init__(self) -> None:
        self._numbers: dict[Slot, list[int]] = {}
        """Of each slot, the blocks in which it changed, rising."""
        self._values: dict[Slot, list[int]] = {}
        self._changed: defaultdict[int, list[Slot]] = defaultdict(list)

    def at(self, slot: Slot, number: int) -> int:
        """What a slot held after a block; 0 for one that was never written."""
        place = bisect_right(self._numbers.get(slot, ()), number)
        return self._values[slot][place - 1] if place else 0

    def latest(self, slot: Slot) -> int:
        """What a slot holds now."""
        values = self._values.get(slot)
        return values[-1] if values else 0

    def add(self, slot: Slot, number: int, difference: int) -> None:
        """Change a slot in the newest block."""
        numbers, values = self._numbers.setdefault(slot, []), self._values.setdefault(slot, [])
        value = self.latest(slot) + difference
        if numbers and numbers[-1] == number:
            values[-1] = value
            return
        numbers.append(number)
        values.append(value)
        self._changed[number].append(slot)

    def drop(self, number: int) -> None:
        """Take back all that the newest block changed."""
        for slot in self._changed.pop(number, ()):
            self._numbers[slot].pop()
            self._values[slot].pop()

    def settle(self, number: int) -> None:
        """Forget what the slots that changed in this block held before it: nobody can ask for it any more."""
        for slot in self._changed.pop(number, ()):
            place = bisect_right(self._numbers[slot], number) - 1
            del self._numbers[slot][:place], self._values[slot][:place]
