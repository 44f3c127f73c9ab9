"""Sources that tests declare."""

from dataclasses import fields, replace
from typing import Any

from support.boxes import Box
from support.upstream import ListPages
from syncline.model.dataset import Dataset
from syncline.model.source import Source
from syncline.model.upstream import Upstream

__all__ = ["altered", "make_source"]

_OF_DATASET = {one.name for one in fields(Dataset)}


def altered(source: Source, **given: Any) -> Source:  # noqa: ANN401 - any field of a Source, or of its Dataset
    """The source with these fields in place of its own, or of its dataset's."""
    dataset = {name: value for name, value in given.items() if name in _OF_DATASET}
    others = {name: value for name, value in given.items() if name not in _OF_DATASET}
    return replace(source, dataset=replace(source.required_dataset, **dataset), **others)


def make_source(**given: Any) -> Source:  # noqa: ANN401 - the same
    """A source of boxes from an upstream in memory; `given` replaces its fields."""
    dataset = Dataset(pages=ListPages(), table=Box)
    return altered(Source(name="boxes", upstream=Upstream(name="depot"), dataset=dataset), **given)
