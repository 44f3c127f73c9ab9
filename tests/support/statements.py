"""What is said to SQLite."""

import sqlite3
from typing import cast

from syncline.store.direct import Wire
from syncline.store.engine import Store

__all__ = ["traced"]


def traced(store: Store) -> list[str]:
    """The statements that go over the store's direct connection from now on."""
    heard: list[str] = []

    def listen(wire: Wire) -> None:
        connection = cast("sqlite3.Connection", wire._connection)  # pyright: ignore[reportPrivateUsage] - only the driver can tell
        connection.set_trace_callback(heard.append)

    store.direct.call(listen)
    return heard
