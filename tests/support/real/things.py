"""A list of things at a real API, as a test changes it: each has a number here, and a name there."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

__all__ = ["Row", "Things", "opened"]

Row = Mapping[str, Any]


class Things(Protocol):
    """The things of one API."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Where they are listed, in each of the API's ways."""
        ...

    def fill(self, names: Mapping[int, str]) -> None:
        """Create many at once."""
        ...

    def create(self, number: int, name: str) -> None:
        """Create one."""
        ...

    def rename(self, number: int, name: str) -> None:
        """Change one."""
        ...

    def delete(self, number: int) -> None:
        """Delete one."""
        ...

    def name_of(self, row: Row) -> str:
        """The name in a row of our table."""
        ...


class Created(ABC):
    """What is alike where things are created one by one, and have their name beside their key."""

    def fill(self, names: Mapping[int, str]) -> None:
        for number, name in names.items():
            self.create(number, name)

    @abstractmethod
    def create(self, number: int, name: str) -> None:
        """Create one."""

    def name_of(self, row: Row) -> str:
        return str(row["name"])


def opened(base_url: str) -> httpx.Client:
    """A client that raises for whatever is no success, and asks again where nobody listens yet."""

    def check(answer: httpx.Response) -> None:
        answer.raise_for_status()

    return httpx.Client(
        base_url=base_url,
        timeout=60,
        trust_env=False,
        transport=httpx.HTTPTransport(retries=5),
        event_hooks={"response": [check]},
    )
