"""What a Prefect state says of the error that led to it."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State

__all__ = ["error_of"]


def error_of(state: State[Any]) -> BaseException | None:
    """The exception that `state` carries, bare or as Prefect wraps results; None where it carries none."""
    data: Any = state.data
    found = data if isinstance(data, BaseException) else getattr(data, "result", None)
    return found if isinstance(found, BaseException) else None
