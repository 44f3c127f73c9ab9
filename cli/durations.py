"""Durations as people type them: `90s`, `15m`, `2h`, `1d`, `1h30m`."""

import re

from syncline.errors import ConfigurationError

__all__ = ["DAY", "MINUTE", "compact", "seconds"]

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": 1}
_SHAPE = re.compile(r"(?=\d)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def seconds(text: str, *, option: str, least: int = 1, most: int = 365 * DAY) -> int:
    """The seconds that `text` means, between `least` and `most`.

    Raises:
        ConfigurationError: it is no duration, or out of bounds; the message names the `option`.
    """
    found = _SHAPE.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigurationError(f"{option} {text!r} is no duration: write 90s, 15m, 2h, 1d or 1h30m")
    total = sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS.values(), strict=True))
    if not least <= total <= most:
        raise ConfigurationError(f"{option} must lie between {compact(least)} and {compact(most)}, but is {text}")
    return total


def compact(total: int) -> str:
    """`total` seconds as they would be typed: `1h30m`."""
    parts: list[str] = []
    for letter, unit in _UNITS.items():
        count, total = divmod(total, unit)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"
