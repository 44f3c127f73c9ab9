from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present instant, aware and in UTC."""


def utc_now() -> datetime:
    """The wall clock of this machine."""
    return datetime.now(UTC)


def stamp(instant: datetime) -> str:
    """An instant as the sandbox writes it: ISO 8601, UTC, `Z`, always six digits of microseconds.

    The width is fixed, so that stamps sort as text the way instants do.
    """
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_stamp(text: str) -> datetime:
    """The instant in any ISO 8601 text; one without an offset is taken as UTC.

    Raises:
        ValueError: the text is no instant.
    """
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
