"""Instants in the API's JSON."""

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import PlainSerializer

from syncline.words import iso_instant

__all__ = ["Instant"]

Instant: TypeAlias = Annotated[datetime, PlainSerializer(iso_instant, return_type=str, when_used="json")]
"""ISO 8601 in UTC with milliseconds, as in `2026-01-22T10:30:00.000Z`."""
