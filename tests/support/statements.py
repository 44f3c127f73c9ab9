"""What is said to a database."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from syncline.store.direct import RawStatements
from syncline.store.engine import Store

__all__ = ["counted", "traced"]


def traced(store: Store) -> list[str]:
    """The statements that go over the store's direct connection from now on."""
    heard: list[str] = []

    def listen(raw: RawStatements) -> None:
        connection = cast("sqlite3.Connection", raw._connection)  # pyright: ignore[reportPrivateUsage] - only the driver can tell
        connection.set_trace_callback(heard.append)

    store.direct.call(listen)
    return heard


@contextmanager
def counted(store: Store) -> Generator[list[str]]:
    """The statements that go over the store's direct connection to PostgreSQL meanwhile."""
    heard: list[str] = []

    class Listening:
        def __init__(self, inner: Any) -> None:  # noqa: ANN401 - psycopg's connection
            self.inner = inner

        def execute(self, statement: str, parameters: Sequence[object] = ()) -> Any:  # noqa: ANN401 - its cursor
            heard.append(statement)
            return self.inner.execute(statement, parameters)

        def close(self) -> None:
            self.inner.close()

    def listen(raw: RawStatements) -> None:
        raw._connection = Listening(raw._connection)  # pyright: ignore[reportPrivateUsage] - only the driver can tell

    store.direct.call(listen)
    yield heard
