"""What a process builds at the first use, and what is the same for each run: built before runs are forked."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel
from sqlalchemy.orm import configure_mappers

from syncline.store import schema

__all__ = ["build", "unbuilt"]


def build() -> None:
    """Build the validators of all models that are known by now, and the mappers of all tables; read the migrations.

    Prefect's models put it off (`defer_build`): 0.4 CPU s for all of them, 0.02 for those that one run needs; the
    mappers take 0.05.
    """
    configure_mappers()
    schema.newest()
    for model in unbuilt():
        model.model_rebuild(raise_errors=False)  # one that names what is imported nowhere is built when that is there


def unbuilt() -> Iterator[type[BaseModel]]:
    """The models whose validators have not been built."""
    return (model for model in list(_below(BaseModel)) if not model.__pydantic_complete__)


def _below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for one in model.__subclasses__():
        yield one
        yield from _below(one)
