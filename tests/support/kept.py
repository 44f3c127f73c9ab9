"""What several tests share and nobody else needs: made for the first of them, ended behind the last."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import ClassVar, Generic, Self, TypeVar

__all__ = ["Kept"]

T = TypeVar("T")


class Kept(Generic[T]):
    """Makes its thing when it is first asked for, and again where that was ended."""

    _all: ClassVar[list["Kept[object]"]] = []

    def __init__(self, make: Callable[[], AbstractContextManager[T]]) -> None:
        self._make = make
        self._stack = ExitStack()
        self._thing: T | None = None

    def get(self) -> T:
        """The thing, which is made now unless it is there."""
        if self._thing is None:
            self._thing = self._stack.enter_context(self._make())
        return self._thing

    def end(self) -> None:
        """End the thing, where it is there."""
        self._thing = None
        self._stack.close()

    @classmethod
    def end_all(cls) -> None:
        """End what is there of all of them."""
        for one in cls._all:
            one.end()

    def __enter__(self) -> Self:
        self._all.append(self)  # pyright: ignore[reportArgumentType] - whatever they keep
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._all.remove(self)  # pyright: ignore[reportArgumentType] - the same
        self.end()
