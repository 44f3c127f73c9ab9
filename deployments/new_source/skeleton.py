"""A source of which nothing is known yet: valid, and to be described by hand."""

from __future__ import annotations

from deployments.new_source.draft import Draft
from deployments.new_source.names import Names
from syncline.model.upstream import Upstream
from syncline.probe.guess import ColumnGuess, Guess
from syncline.upstreams.paging import PageNumber

__all__ = ["skeleton"]


def skeleton(names: Names, upstream: Upstream) -> Draft:
    """A draft with an id and a name, by pages."""
    key = ColumnGuess(name="id", type="int")
    columns = (key, ColumnGuess(name="name", type="str", nullable=True))
    path = f"/{names.source.replace('_', '-')}"
    guess = Guess(path=path, items="data", columns=columns, key="id", paging=PageNumber())
    return Draft(names=names, upstream=upstream, guess=guess, key=key)
