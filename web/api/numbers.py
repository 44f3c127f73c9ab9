"""Numbers in the API's bodies: JSON numbers, not strings or booleans."""

from typing import Annotated

from pydantic import AfterValidator, Field

__all__ = ["Minutes", "Seconds", "plain"]

_WEEK_MINUTES = 10_080
_WEEK_SECONDS = 604_800


def plain(value: float) -> float:
    """A whole number without a point, as it came."""
    return int(value) if value.is_integer() else value


def _whole_seconds(minutes: float) -> float:
    if (minutes * 60) % 1:
        raise ValueError("should be a whole number of seconds")
    return minutes


Seconds = Annotated[float, Field(strict=True, ge=1, le=_WEEK_SECONDS), AfterValidator(plain)]
"""One second to a week."""
Minutes = Annotated[
    float, Field(strict=True, ge=1, le=_WEEK_MINUTES), AfterValidator(_whole_seconds), AfterValidator(plain)
]
"""One minute to a week, to the second."""
