"""Rows of the small tables as JSON objects, their fields in the order in which they are declared."""

from collections.abc import Iterable

from syncline.model.row import Row

__all__ = ["as_object"]


def as_object(row: Row, *, without: Iterable[str] = ()) -> dict[str, object]:
    """The fields of `row` by their names, but for those named in `without`."""
    return {name: getattr(row, name) for name in type(row).model_fields if name not in set(without)}
