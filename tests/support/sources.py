"""Sources that tests declare."""

from typing import Any

from support.boxes import Box
from support.upstream import ListPages
from syncline.model.source import Source
from syncline.model.upstream import Upstream

__all__ = ["make_source"]


def make_source(**given: Any) -> Source:  # noqa: ANN401 - any field of a Source
    """A source of boxes from an upstream in memory; `given` replaces its fields."""
    fields: dict[str, Any] = {
        "name": "boxes",
        "upstream": Upstream(name="depot"),
        "pages": ListPages(),
        "table": Box,
        **given,
    }
    return Source(**fields)
